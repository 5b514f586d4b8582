// Attention of several rows' query heads over a few 8-bit pages a block: as attention.cu, where all
// pages that a block reads fit beside those of another block.
//
// The pages are there before the query is: blocks begin before the kernel ahead of them has written it,
// two on a processor, so that the one of the next layer copies while this one computes.
//
// Of scores a warp has a page of its own: tokens are rows of the tensor cores' operand, the heads
// columns of the other. Of the sums it has a few channels, for the tokens of all pages: warps leave
// nothing that would have to be added up. Weights go from one to the other through shared memory, as
// the operand they are. What the first pages become for tensor cores is made before the query is known.
//
// A key is its code times its scale, rounded to float16: of the largest that takes up to an eighth of
// what the code already did, of others less. The page's mean is multiplied by itself. Means, scales
// and an eighth of a query are float16, exact but for what is below 2^-14, which ends at 2^-24. Weights
// are two, rounded and rest (page.cuh).
//
// Defined from outside: what page.cuh asks for, BIASED 0; KV_HEADS, SELECTED, COUNTED; PAGE_BYTES and
// BYTES, those of a page and of a block that holds MADE of them, as `attention.py` reckons.

#define WARPS 8
#define THREADS (WARPS * 32)

#include "tail.cuh"

#define OUTPUTS (DIM / 64)  // of eight channels, of a warp
#define MADE 4              // pages whose values are made ready at a time
#define SCALING (8.0f * LOG2E * rsqrtf(DIM))

#if VALUE_BITS * DIM == 1024
typedef u16 Few;  // codes of the channels of a lane
#else
typedef u8 Few;
#endif

__device__ __forceinline__ uint2 halves_of_bf16(const u16* four) {
    float x[4];
    four_bf16(four, x);
    return make_uint2(halves(x[0], x[1]), halves(x[2], x[3]));
}

__device__ __forceinline__ u32 times(u32 a, u32 b) {
    u32 c;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(c) : "r"(a), "r"(b));
    return c;
}

// The queries of a KV head, by step and lane.
__device__ __forceinline__ void lay_out_halves(const u16* query, uint2 (*out)[32]) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    if (warp >= STEPS) return;
    float x[4] = {};
    if (r < GROUP_HEADS) four_bf16(query + r * DIM + 16 * warp + 4 * q, x);
    out[warp][lane] = make_uint2(halves(x[0] / 8, x[1] / 8), halves(x[2] / 8, x[3] / 8));
}

// A step of the keys of a page: in tile m the token 4 r + 2 m and the one after it.
struct Keys {
    u32 tiles[2][4];

    __device__ __forceinline__ void make(const Page& page, int k) {
        const uint2 scale = halves_of_bf16(page.key_scale + 16 * k + 4 * (threadIdx.x & 3));
        u32 low[4], high[4];
        operands_of_keys(page, k, low, high);
#pragma unroll
        for (int m = 0; m < 2; ++m) {
            tiles[m][0] = times(low[2 * m], scale.x), tiles[m][1] = times(low[2 * m + 1], scale.x);
            tiles[m][2] = times(high[2 * m], scale.y), tiles[m][3] = times(high[2 * m + 1], scale.y);
        }
    }
};

// Of a page's mean, which is float16 by then.
__device__ __forceinline__ uint2 mean_of(const Page& page, int k) {
    return *reinterpret_cast<const uint2*>(page.key_mean + 16 * k + 4 * (threadIdx.x & 3));
}

// The scores of a page: of the tokens 4 r to 4 r + 3, for the heads 2 q and 2 q + 1.
struct Scores {
    float tiles[2][2][4] = {}, common[2][4] = {};  // two sums each, that no product waits for the one before

    // Of the page's mean all rows are alike.
    __device__ __forceinline__ void add(int k, const Keys& keys, uint2 mean, uint2 query) {
        const u32 alike[4] = {mean.x, mean.x, mean.y, mean.y};
        multiply(common[k % 2], alike, query.x, query.y);
        multiply(tiles[k % 2][0], keys.tiles[0], query.x, query.y);
        multiply(tiles[k % 2][1], keys.tiles[1], query.x, query.y);
    }

    // `top` is raised to the largest of them, and what that is lifted by.
    __device__ __forceinline__ void finish(float lift, float (&score)[4][2], float (&top)[2]) const {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            float largest = NOTHING;
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                const int i = t % 2 * 2 + e;
                const float sum = tiles[0][t / 2][i] + tiles[1][t / 2][i] + common[0][e] + common[1][e];
                score[t][e] = sum * SCALING;
                largest = fmaxf(largest, score[t][e]);
            }
            top[e] = fmaxf(top[e], largest + lift);
        }
    }
};

// The values of the tokens 8 q + 4 u and following, of a lane's channels, column r of each tile.
__device__ __forceinline__ void operands_of_channels(const Page& p, int u, u32 (&out)[OUTPUTS][2]) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    const int row = VALUE_BYTES / 32, column = sizeof(Few) * (8 * warp + r) % row;
    u32 code[4];
#pragma unroll
    for (int t = 0; t < 4; ++t)
        code[t] = *reinterpret_cast<const Few*>(p.values + (((8 * q + 4 * u + t) * row + column) ^ q << 5));
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const u32 both = __byte_perm(code[2 * i], code[2 * i + 1], 0x5140);  // bytes of tokens in turn
#pragma unroll
        for (int j = 0; j < OUTPUTS; ++j) {
#if VALUE_BITS == 8
            const u32 two = (both ^ SIGN) >> 16 * j, zero = BYTE_ZERO;
#else
            const int part = OUTPUTS == 2 ? j : warp / (WARPS / 2);
            const u32 two = both >> 4 * part & 0x0F0Fu, zero = NIBBLE_ZERO;
#endif
            out[j][i] = __byte_perm(two, 0x64646464u, 0x4140);
            asm("sub.f16x2 %0, %0, %1;" : "+r"(out[j][i]) : "r"(zero));
        }
    }
}

// The channels of a lane's columns 2 q and 2 q + 1 of all tiles, to where they belong of a head's.
__device__ __forceinline__ void put(float* head, const float (&x)[OUTPUTS][2]) {
    const int warp = threadIdx.x >> 5, n = 2 * (threadIdx.x & 3);
#if VALUE_BITS == 8 && DIM == 128
    *reinterpret_cast<float4*>(head + 16 * warp + 2 * n) =
        make_float4(x[0][0], x[1][0], x[0][1], x[1][1]);
#elif VALUE_BITS == 8
    *reinterpret_cast<float2*>(head + 8 * warp + n) = make_float2(x[0][0], x[0][1]);
#else
#pragma unroll
    for (int j = 0; j < OUTPUTS; ++j) {
        const int first = OUTPUTS == 2 ? 64 * j + 8 * warp : 32 * (warp / 4) + 8 * (warp % 4);
        *reinterpret_cast<float2*>(head + first + n) = make_float2(x[j][0], x[j][1]);
    }
#endif
}

// Weights take the place of a page's keys, which are read by then; so that no two lanes meet in a bank.
__device__ __forceinline__ uint4& weights_of(Page& p, int u, int lane) {
    return reinterpret_cast<uint4*>(p.keys)[(32 * u + lane) ^ (4 * u + (lane >> 3) & 7)];
}

// Those of some pages; what lies where there are none is never counted.
__device__ __forceinline__ void make_values(const Page* pages, u32 (&out)[MADE][2][OUTPUTS][2]) {
#pragma unroll
    for (int p = 0; p < MADE; ++p)
#pragma unroll
        for (int u = 0; u < 2; ++u) operands_of_channels(pages[p], u, out[p][u]);
}

// Of as many of these pages as there are.
__device__ __forceinline__ void weigh_values(float (&sums)[2][OUTPUTS][4], Page* pages,
                                             const u32 (&values)[MADE][2][OUTPUTS][2], int there) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int p = 0; p < MADE; ++p)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            uint4 w = make_uint4(0, 0, 0, 0);
            if (p < there) w = weights_of(pages[p], u, lane);
            const u32 operand[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
            for (int j = 0; j < OUTPUTS; ++j)
                multiply(sums[u][j], operand, values[p][u][j][0], values[p][u][j][1]);
        }
}

struct Shared {
    float2 top[WARPS][4], total[WARPS][4], lows[WARPS][4];  // of two heads each
    uint2 query[STEPS][32];                                 // by lane
    union {
        Tail tail;
        Page pages[MADE];  // and more behind them
    };
};

static_assert(sizeof(Page) == PAGE_BYTES && sizeof(Shared) == BYTES, "as held_bytes says");

// As `attend` in attention.cu; a block reads `held` pages at most.
extern "C" __global__ void __maxnreg__(112)
attend_held(const u16* query, const u8* key_codes, const u16* key_mean, const u16* key_scale,
            const u8* value_codes, const u16* value_scale, const u16* value_low,
            const long long* __restrict__ table, const int* selected, const int* count,
            const float* tail_keys, const float* tail_values, const int* start, float* part,
            float2* weight, float* shares, int store_pages, int capacity, int room, int held) {
    extern __shared__ __align__(128) u8 memory[];
    Shared& s = *reinterpret_cast<Shared*>(memory);
    const Store store = {key_codes, key_mean, key_scale, value_codes, value_scale, value_low};
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    const int kv = blockIdx.y, row = blockIdx.z, parts = gridDim.x, splits = parts - 1;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const int begun = *start;
    query += (size_t)first_head * DIM;
    begin_next();
    const Leaving leaving = {part, weight, shares, first_head, parts, capacity};
    if (blockIdx.x == splits) {
        const size_t at = (size_t)kv * 32 * DIM;
        const Filling page = {begun % 32, begun % 32 + row + 1, tail_keys + at, tail_values + at};
        attend_to_tail(s.tail, page, query, nullptr, nullptr, leaving);
        return;
    }

    // Pages are dealt out one by one, so that all blocks have as many, give or take one.
    const int first = blockIdx.x, reads = SELECTED ? count[row] : begun / 32;
    const int own = min((reads - first + splits - 1) / splits, held);
    // No kernel of this step writes a page, but the one before may seal the last of them.
    const int late = begun % 32 == 0 && reads % splits == (first + 1) % splits ? own - 1 : -1;
    const int* chosen = selected + (size_t)(row * KV_HEADS + kv) * room;
    auto begin = [&](int p) {
        const int n = first + splits * p;
        fetch(s.pages[p], store, (size_t)kv * store_pages + table[SELECTED ? chosen[n] : n], nullptr);
    };
    for (int p = warp; p < own; p += WARPS)
        if (p != late) begin(p);
    if (late >= 0) {
        wait_for_previous();
        if (late % WARPS == warp) begin(late);
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    Keys keys[STEPS];
    if (warp < own)
#pragma unroll
        for (int k = 0; k < STEPS; ++k) keys[k].make(s.pages[warp], k);
    for (int p = warp; p < own; p += WARPS)
        if (lane < DIM / 4) {
            uint2* mean = reinterpret_cast<uint2*>(s.pages[p].key_mean) + lane;
            *mean = halves_of_bf16(s.pages[p].key_mean + 4 * lane);
        }
    u32 values[MADE][2][OUTPUTS][2];
    make_values(s.pages, values);
    const float lift = warp < own ? lift_of(s.pages[warp]) : 0.0f;
    wait_for_previous();
    lay_out_halves(query, s.query);
    __syncthreads();

    float scored[4][2], top[2] = {NOTHING, NOTHING};
    if (warp < own) {
        Scores scores;
#pragma unroll
        for (int k = 0; k < STEPS; ++k) scores.add(k, keys[k], mean_of(s.pages[warp], k), s.query[k][lane]);
        scores.finish(lift, scored, top);
    }
    for (int p = warp + WARPS; p < own; p += WARPS) {
        Scores scores;
#pragma unroll 4
        for (int k = 0; k < STEPS; ++k) {
            Keys some;
            some.make(s.pages[p], k);
            scores.add(k, some, mean_of(s.pages[p], k), s.query[k][lane]);
        }
        float later[4][2];
        scores.finish(lift_of(s.pages[p]), later, top);
        __syncwarp();  // all lanes have read the keys
        float4* kept = reinterpret_cast<float4*>(s.pages[p].keys) + lane;
        kept[0] = make_float4(later[0][0], later[0][1], later[1][0], later[1][1]);
        kept[32] = make_float4(later[2][0], later[2][1], later[3][0], later[3][1]);
    }
    u32 more[MADE][2][OUTPUTS][2];  // where the keys were
    if (own > MADE) make_values(s.pages + MADE, more);
#pragma unroll
    for (int d = 16; d > 2; d >>= 1) {
        top[0] = fmaxf(top[0], __shfl_xor_sync(ALL, top[0], d));
        top[1] = fmaxf(top[1], __shfl_xor_sync(ALL, top[1], d));
    }
    if (lane < 4) s.top[warp][lane] = make_float2(top[0], top[1]);
    __syncthreads();
#pragma unroll
    for (int w = 0; w < WARPS; ++w) {
        const float2 other = s.top[w][q];
        top[0] = fmaxf(top[0], other.x), top[1] = fmaxf(top[1], other.y);
    }

    float total[2] = {}, lows[2] = {};
    for (int p = warp; p < own; p += WARPS) {
        if (p > warp) {
            const float4* kept = reinterpret_cast<const float4*>(s.pages[p].keys) + lane;
            const float4 a = kept[0], b = kept[32];
            scored[0][0] = a.x, scored[0][1] = a.y, scored[1][0] = a.z, scored[1][1] = a.w;
            scored[2][0] = b.x, scored[2][1] = b.y, scored[3][0] = b.z, scored[3][1] = b.w;
            __syncwarp();
        }
        float unit[4], page[2] = {};
        four_bf16(s.pages[p].value_scale + 4 * r, unit);
#if VALUE_BITS == 4
        float low[4];
        four_bf16(s.pages[p].value_low + 4 * r, low);
#endif
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            float w[4];
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                w[t] = exp2f(scored[t][e] - top[e]);
                page[e] += w[t];
#if VALUE_BITS == 4
                lows[e] += w[t] * low[t];
#endif
                w[t] *= unit[t];
            }
            total[e] += page[e];
            uint4 operand;
            split(w[0], w[1], operand.x, operand.y);
            split(w[2], w[3], operand.z, operand.w);
            weights_of(s.pages[p], r & 1, 4 * (2 * q + e) + (r >> 1)) = operand;
        }
#if COUNTED
#pragma unroll
        for (int e = 0; e < 2; ++e) {
#pragma unroll
            for (int d = 16; d > 2; d >>= 1) page[e] += __shfl_xor_sync(ALL, page[e], d);
            const size_t h = first_head + 2 * q + e;
            if (r == 0 && 2 * q + e < GROUP_HEADS)
                shares[h * (capacity + 1) + first + splits * p] = LN2 * top[e] + __logf(page[e]);
        }
#endif
    }
#pragma unroll
    for (int d = 16; d > 2; d >>= 1)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            total[e] += __shfl_xor_sync(ALL, total[e], d);
#if VALUE_BITS == 4
            lows[e] += __shfl_xor_sync(ALL, lows[e], d);
#endif
        }
    if (lane < 4) {
        s.total[warp][lane] = make_float2(total[0], total[1]);
        s.lows[warp][lane] = make_float2(lows[0], lows[1]);
    }
    __syncthreads();

    float sums[2][OUTPUTS][4] = {};
    weigh_values(sums, s.pages, values, own);
    if (own > MADE) weigh_values(sums, s.pages + MADE, more, own - MADE);
    for (int p = 2 * MADE; p < own; p += MADE) {
        make_values(s.pages + p, more);
        weigh_values(sums, s.pages + p, more, own - p);
    }

    if (threadIdx.x < GROUP_HEADS) {
        const int h = threadIdx.x;
        float all = 0.0f, highest = NOTHING;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) {
            all += reinterpret_cast<const float*>(s.total[w])[h];
            highest = fmaxf(highest, reinterpret_cast<const float*>(s.top[w])[h]);
        }
        weight[(size_t)(first_head + h) * parts + first] = make_float2(LN2 * highest, all);
    }
    if (r >= GROUP_HEADS) return;
    float least = 0.0f;
#if VALUE_BITS == 4
#pragma unroll
    for (int w = 0; w < WARPS; ++w) least += reinterpret_cast<const float*>(s.lows[w])[r];
#endif
    float found[OUTPUTS][2];
#pragma unroll
    for (int j = 0; j < OUTPUTS; ++j)
#pragma unroll
        for (int i = 0; i < 2; ++i)
            found[j][i] = sums[0][j][i] + sums[1][j][i] + sums[0][j][i + 2] + sums[1][j][i + 2] + least;
    put(part + ((size_t)(first_head + r) * parts + first) * DIM, found);
}
