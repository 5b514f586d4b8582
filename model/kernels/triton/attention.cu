// Attention of several rows' query heads over 8-bit pages: the parts that `attention.py` joins.
//
// A warp takes a page at a time (`page.cuh`), the next one copied into shared memory meanwhile. A
// step of one row is `decode.cu`'s.
//
// Defined from outside: what page.cuh asks for; KV_HEADS, SELECTED, KNOWN (what is selected was chosen
// before this step began), COUNTED, STAGES (pages of a warp in shared memory).

#include "page.cuh"

#define WARPS 8
#define THREADS (WARPS * 32)

struct Tail {
    float keys[32][DIM + 4], values[32][DIM + 4];  // so that lanes read tokens from other banks
};

// What the warps have found lies where their pages lay.
struct Shared {
    union {
        Page pages[WARPS][STAGES];
        Tail tail;
        float sums[WARPS][SUMS];  // of weights and values
    };
    float top[WARPS][8], total[WARPS][8], factor[WARPS][8];
    float4 query[STEPS][32];  // by lane
    float plain[8][DIM], weights[8][32];  // of the tail
};

// What the warps found, as one part.
__device__ __forceinline__ void leave(Shared& s, int warps, float* part, float2* weight,
                                      int first_head, int parts, int n) {
    if (threadIdx.x < 8 * warps) {
        const int w = threadIdx.x / 8, g = threadIdx.x % 8;
        float top = NOTHING;
        for (int i = 0; i < warps; ++i) top = fmaxf(top, s.top[i][g]);
        s.factor[w][g] = s.top[w][g] == NOTHING ? 0.0f : exp2f((s.top[w][g] - top) * LOG2E);
        if (w == 0 && g < GROUP_HEADS) {
            float total = 0.0f;
            for (int i = 0; i < warps; ++i)
                if (s.top[i][g] > NOTHING) total += exp2f((s.top[i][g] - top) * LOG2E) * s.total[i][g];
            weight[(size_t)(first_head + g) * parts + n] = make_float2(top, total);
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS) {
        const int g = i / DIM, d = i % DIM;
        float sum = 0.0f;
        for (int w = 0; w < warps; ++w) sum += s.sums[w][place_of(g, d)] * s.factor[w][g];
        part[((size_t)(first_head + g) * parts + n) * DIM + d] = sum;
    }
}

// The page that is being filled: float32, and read as it is.
__device__ void tail(Shared& s, const u16* query, const float* keys, const float* values,
                     const float* within, const float* turns, int kv, int row, int begun,
                     float scaling, float* part, float2* weight, float* shares, int first_head,
                     int parts, int capacity) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int written = begun % 32 + row + 1;
    keys += (size_t)kv * 32 * DIM, values += (size_t)kv * 32 * DIM;
    for (int i = threadIdx.x * 4; i < written * DIM; i += THREADS * 4) {
        copy16(&s.tail.keys[i / DIM][i % DIM], keys + i);
        copy16(&s.tail.values[i / DIM][i % DIM], values + i);
    }
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS)
        s.plain[i / DIM][i % DIM] = from_bf16(query[(size_t)first_head * DIM + i]) * scaling;
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
#if BIASED
    // R(32 page) turns what R(slot) has turned.
    const float* turn = turns + begun / 32 * DIM;
#pragma unroll 4
    for (int d = warp; d < DIM; d += WARPS) {
        const float own = within[((size_t)kv * DIM + d) * 32 + lane];
        const float other = within[((size_t)kv * DIM + (d + DIM / 2) % DIM) * 32 + lane];
        const float sine = turn[DIM / 2 + d % (DIM / 2)];
        s.tail.keys[lane][d] += own * turn[d % (DIM / 2)] + other * (d < DIM / 2 ? -sine : sine);
    }
    __syncthreads();
#endif
    // A warp has a head, a lane a token.
    if (warp < GROUP_HEADS) {
        float score = 0.0f;
#pragma unroll 8
        for (int d = 0; d < DIM; d += 4) {
            const float4 a = *reinterpret_cast<const float4*>(&s.tail.keys[lane][d]);
            const float4 b = *reinterpret_cast<const float4*>(&s.plain[warp][d]);
            score += a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
        }
        score = lane < written ? score : NOTHING;
        const float top = max_of_warp(score);
        const float own = exp2f((score - top) * LOG2E), total = sum_of_warp(own);
        s.weights[warp][lane] = own;
        if (lane < THREADS / DIM) s.top[lane][warp] = top, s.total[lane][warp] = lane ? 0.0f : total;
#if COUNTED
        if (lane == 0)
            shares[(size_t)(first_head + warp) * (capacity + 1) + capacity] = top + __logf(total);
#endif
    }
    __syncthreads();
    // Every DIM threads have some of the tokens.
    const int d = threadIdx.x % DIM, share = threadIdx.x / DIM;
    const int first = share * (32 * DIM / THREADS), last = min(first + 32 * DIM / THREADS, written);
    float sums[GROUP_HEADS] = {};
#pragma unroll 4
    for (int t = first; t < last; ++t) {
        const float value = s.tail.values[t][d];
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) sums[g] += s.weights[g][t] * value;
    }
    __syncthreads();
#pragma unroll
    for (int g = 0; g < GROUP_HEADS; ++g) s.sums[share][place_of(g, d)] = sums[g];
    __syncthreads();
    leave(s, THREADS / DIM, part, weight, first_head, parts, parts - 1);
}

// query: bf16 [rows, heads, DIM]; table: i64 [capacity]; selected: int [rows, KV_HEADS, room],
// count: int [rows]; tail_keys, tail_values: float [KV_HEADS, 32, DIM]; start: the first row's
// position. part: float [rows, heads, parts, DIM], weight: pairs [rows, heads, parts] of the
// largest score and the sum of exponentials; shares: float [rows, heads, capacity + 1].
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
    const int* chosen = selected + (size_t)(row * KV_HEADS + kv) * room;

    auto begin = [&](int page, Page& to) { fetch(to, store, (size_t)kv * store_pages + table[page]); };

    // Pages are dealt out one by one, so that all warps have as many, give or take one.
    const int step = splits * WARPS;
    int n = blockIdx.x + splits * warp, page = 0, stage = 0;
    begin_next();
#if SELECTED && !KNOWN
    wait_for_previous();
    const int reads = count[row];
    const bool early = false;
#else
    // No kernel of this step writes a page, but the one before may seal the last of them.
    const int reads = SELECTED ? count[row] : begun / 32;
    const bool early = blockIdx.x < splits && n < reads - (begun % 32 == 0);
    if (early) begin(page = SELECTED ? chosen[n] : n, s.pages[warp][0]);
    wait_for_previous();
#endif
    if (blockIdx.x == splits) {
        tail(s, query, tail_keys, tail_values, within, turns, kv, row, begun, rsqrtf(DIM), part,
             weight, shares, first_head, parts, capacity);
        return;
    }
    if (n < reads && !early) {
        page = SELECTED ? chosen[n] : n;
        begin(page, s.pages[warp][0]);
    }
    end_of_group();
    lay_out(query + (size_t)first_head * DIM, s.query);
    __syncthreads();

    Attention found;
    while (n < reads) {
        const int following = n + step;
        int next = 0;
#if STAGES > 1
        if (following < reads) {
            next = SELECTED ? chosen[following] : following;
            begin(next, s.pages[warp][stage ^ 1]);
        }
        end_of_group();
        asm volatile("cp.async.wait_group 1;" ::: "memory");
#else
        asm volatile("cp.async.wait_group 0;" ::: "memory");
#endif
        __syncwarp();
        float own = found.read(s.pages[warp][stage], s.query, page,
                               bias + (size_t)kv * STEPS * 128, turns);
#if COUNTED
        own = of_quad_sum(own);
        if (lane % 4 == 0 && lane / 4 < GROUP_HEADS)
            shares[(size_t)(first_head + lane / 4) * (capacity + 1) + n] = found.top + __logf(own);
#endif
        __syncwarp();  // all lanes have read the page
        n = following, page = next;
#if STAGES > 1
        stage ^= 1;
#else
        if (n < reads) {
            page = SELECTED ? chosen[n] : n;
            begin(page, s.pages[warp][0]);
        }
        end_of_group();
#endif
    }
    __syncthreads();
    found.leave(s.sums[warp], s.top[warp], s.total[warp]);
    __syncthreads();
    leave(s, WARPS, part, weight, first_head, parts, blockIdx.x);
}
