// Attention of several rows' query heads over 8-bit pages: the parts that `attention.py` joins.
//
// A warp takes a page at a time (`page.cuh`), the next one copied into shared memory meanwhile. Blocks
// begin before the kernel ahead of them has written the queries: until then they copy what they can.
// One block more reads the page that is being filled (`tail.cuh`).
//
// Defined from outside: what page.cuh asks for; KV_HEADS, SELECTED, KNOWN (what is selected was chosen
// before this step began), COUNTED, STAGES (pages of a warp in shared memory), BYTES (those of a block,
// as `attention.py` reckons).

#define WARPS 8
#define THREADS (WARPS * 32)
#define EARLY (KNOWN || !SELECTED)  // which pages are read is known beforehand

#include "tail.cuh"

// What the warps have found lies where their pages lay.
struct Shared {
    union {
        Page pages[WARPS][STAGES];
        Tail tail;
        float sums[WARPS][SUMS];  // of weights and values
    };
    float top[WARPS][8], total[WARPS][8];
    float4 query[STEPS][32];  // by lane
};

static_assert(sizeof(Shared) == BYTES, "as shared_bytes says");

// The largest top of a head among those of all warps.
__device__ __forceinline__ float highest(const float (*top)[8], int g) {
    float found = NOTHING;
#pragma unroll
    for (int i = 0; i < WARPS; ++i) found = fmaxf(found, top[i][g]);
    return found;
}

// query: bf16 [rows, heads, DIM]; table: i64 [capacity]; selected: int [rows, KV_HEADS, room],
// count: int [rows]; tail_keys, tail_values: float [KV_HEADS, 32, DIM]; start: the first row's
// position. part: float [rows, heads, parts, DIM], weight: pairs [rows, heads, parts] of what is taken
// off scores and the sum of their exponentials then; shares: float [rows, heads, capacity + 1].
extern "C" __global__ void __launch_bounds__(THREADS, 1)
attend(const u16* query, const u8* key_codes, const u16* key_mean, const u16* key_scale,
       const u8* value_codes, const u16* value_scale, const u16* value_low,
       const long long* __restrict__ table, const int* selected, const int* count,
       const float* tail_keys, const float* tail_values, const int* start,
       const uint4* __restrict__ bias, const float* __restrict__ within,
       const float* __restrict__ turns, float* part, float2* weight, float* shares,
       int store_pages, int capacity, int room) {
    extern __shared__ __align__(128) u8 memory[];
    Shared& s = *reinterpret_cast<Shared*>(memory);
    const Store store = {key_codes, key_mean, key_scale, value_codes, value_scale, value_low};
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int kv = blockIdx.y, row = blockIdx.z, parts = gridDim.x, splits = parts - 1;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const int begun = *start;
    query += (size_t)first_head * DIM;
    begin_next();
    if (blockIdx.x == splits) {
        const size_t at = (size_t)kv * 32 * DIM;
        const Filling page = {begun % 32, begun % 32 + row + 1, tail_keys + at, tail_values + at};
        const Leaving to = {part, weight, shares, first_head, parts, capacity};
        attend_to_tail(s.tail, page, query, within + at, turns + begun / 32 * DIM, to);
        return;
    }

    // Pages are dealt out one by one, so that all blocks and warps have as many, give or take one.
    const int* chosen = selected + (size_t)(row * KV_HEADS + kv) * room;
    Page* pages = s.pages[warp];
    auto begin = [&](int n, Page& to) {
        const int page = SELECTED ? chosen[n] : n;
        fetch(to, store, (size_t)kv * store_pages + table[page], turns + page * DIM);
    };
    const int step = splits * WARPS;
    int n = blockIdx.x + splits * warp, stage = 0;
#if EARLY
    // No kernel of this step writes a page, but the one before may seal the last of them.
    const int reads = SELECTED ? count[row] : begun / 32;
    const bool early = n < reads - (begun % 32 == 0);
    if (early) begin(n, pages[0]);
    wait_for_previous();
#else
    const bool early = false;
    wait_for_previous();
    const int reads = count[row];
#endif
    if (n < reads && !early) begin(n, pages[0]);
    end_of_group();
    lay_out(query, s.query);
    __syncthreads();

    Attention found;
    const uint4* operand = bias + (size_t)kv * STEPS * 128;
    // What each head's sum of exponentials of the n-th page came to, over the largest score so far.
    auto tell = [&](float own) {
#if COUNTED
        own = of_quad_sum(own);
        if (lane % 4 == 0 && lane / 4 < GROUP_HEADS)
            shares[(size_t)(first_head + lane / 4) * (capacity + 1) + n] = LN2 * found.top + __logf(own);
#endif
    };
    while (n < reads) {
        const int following = n + step;
        if (STAGES > 1 && following < reads) begin(following, pages[stage ^ 1]);
        end_of_group();
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 1) : "memory");
        __syncwarp();
        tell(found.read(pages[stage], s.query, operand));
        __syncwarp();  // all lanes have read the page
        if (STAGES == 1 && following < reads) begin(following, pages[0]);
        n = following, stage = (stage + 1) % STAGES;
    }
    if (lane % 4 == 0) s.top[warp][lane / 4] = found.top;
    __syncthreads();
    found.leave(s.sums[warp], s.total[warp], highest(s.top, lane / 4));
    __syncthreads();
    const int d = threadIdx.x % DIM;
#pragma unroll
    for (int first = 0; first < GROUP_HEADS; first += THREADS / DIM) {
        const int g = first + threadIdx.x / DIM;
        if (g >= GROUP_HEADS) break;
        float sum = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) sum += s.sums[w][place_of(g, d)];
        part[((size_t)(first_head + g) * parts + blockIdx.x) * DIM + d] = sum;
    }
    if (threadIdx.x < GROUP_HEADS) {
        float total = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) total += s.total[w][threadIdx.x];
        weight[(size_t)(first_head + threadIdx.x) * parts + blockIdx.x] =
            make_float2(LN2 * highest(s.top, threadIdx.x), total);
    }
}
