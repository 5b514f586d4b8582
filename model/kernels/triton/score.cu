// How much the query heads of a KV head may attend to pages, of several layers.
//
//     logit[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(DIM)
//     weight[h, n] = exp(logit[h, n] - the largest of the 32)
//
// A product of tensor cores whose columns are 8 pages; its rows are 8 heads, and their channels'
// magnitudes. Means and queries are bf16, and operands as they lie in memory; a spread is a byte that is
// the middle of a bf16's. Which channel stands where in an operand is free as long as both agree: in
// step k lane 4 r + q holds the channels 32 k + 8 q to 32 k + 8 q + 7 of page r, or head r. A warp asks
// for no more pages, so that three blocks run on a processor: while one waits for its first bytes,
// others read.
//
// A key bias, turned to the page's place, is up to a hundred times as large as keys: what it adds are
// waves of the query over the page's turn, to a millionth of the largest.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, KV_HEADS, BIASED (in some of the layers).

#include "device.cuh"

#define WARPS 8  // of 8 pages each
#define STEPS (DIM / 32)

// The pages of a layer, as `Summaries` says; no bias is null.
struct Layer {
    const u16* mean;
    const u8* spread;
    const float *bias, *turns;
};

// The spreads of two channels, the bytes `first` and the next: 5 bits of exponent, of which 15 is 1, and
// 3 of mantissa (`pages.py`).
__device__ __forceinline__ u32 spreads(u32 codes, int first) {
    return (__byte_perm(codes, 0, 0x4140 + 0x101 * first) << 4) + 0x38003800u;
}

#if BIASED
// c += a b in TF32: 16 by 8, times 8 by 8.
__device__ __forceinline__ void multiply_tf32(float (&c)[4], const float (&a)[4], float b0, float b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b0)), "r"(__float_as_uint(b1)));
}

__device__ __forceinline__ float tf32(float x) {
    u32 bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
}

// Two channels of a page's turn, by two of the waves of the head r: what rounding to TF32 takes from
// a wave is the second half of the rows, what it takes from a turn a product of its own.
__device__ __forceinline__ void add_waves(float (&sums)[4], const float (&waves)[8],
                                          const float (&turns)[8]) {
#pragma unroll
    for (int j = 0; j < 8; j += 2) {
        const float near[2] = {tf32(waves[j]), tf32(waves[j + 1])};
        const float both[4] = {near[0], tf32(waves[j] - near[0]), near[1], tf32(waves[j + 1] - near[1])};
        const float turn[2] = {tf32(turns[j]), tf32(turns[j + 1])};
        multiply_tf32(sums, both, turn[0], turn[1]);
        multiply_tf32(sums, both, tf32(turns[j] - turn[0]), tf32(turns[j + 1] - turn[1]));
    }
}

__device__ __forceinline__ void eight(float (&to)[8], const float* from) {
    const float4 a = reinterpret_cast<const float4*>(from)[0], b = reinterpret_cast<const float4*>(from)[1];
    to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w, to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}

// q . R(page) b = sum of waves . turns, for the head r and the pages 2 q and the next: a wave is the
// cosine's share of a channel, or the sine's. `bias` and `turns` are those of a lane's channels, the
// latter of the page r.
__device__ __forceinline__ void add_bias(float (&near)[4], const uint4 (&head)[STEPS], const float* bias,
                                         const float* turns) {
    float sums[4] = {};
#pragma unroll
    for (int k = 0; k < STEPS / 2; ++k) {
        const u32* low = reinterpret_cast<const u32*>(&head[k]);
        const u32* high = reinterpret_cast<const u32*>(&head[k + STEPS / 2]);
        float first[8], second[8], waves[8], turn[8];
        eight(first, bias + 32 * k), eight(second, bias + 32 * k + DIM / 2);
        eight(turn, turns + 32 * k);
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            const float a = from_bf16(low[j / 2] >> 16 * (j % 2) & 0xFFFF);
            const float b = from_bf16(high[j / 2] >> 16 * (j % 2) & 0xFFFF);
            waves[j] = a * first[j] + b * second[j];
            first[j] = b * first[j] - a * second[j];
        }
        add_waves(sums, waves, turn);
        eight(turn, turns + 32 * k + DIM / 2);
        add_waves(sums, first, turn);
    }
    near[0] += sums[0] + sums[2], near[1] += sums[1] + sums[3];
}
#endif

// query: bf16 [layers, rows, heads, DIM], a layer after `between` numbers; table: i64 [capacity];
// start: the first row's position. Pages are looked at that were complete `behind` tokens before a
// row's own. weights: float [layers, rows, heads, capacity]; statistics: pairs [layers, rows, heads,
// blocks] of the largest logit of 32 pages and the sum of their weights.
extern "C" __global__ void __launch_bounds__(WARPS * 32, 3)
score_pages(const u16* query, const Layer* layers, const long long* __restrict__ table,
            const int* start, float* weights, float2* statistics, int rows, int between, int behind,
            int store_pages, int capacity, int blocks) {
    __shared__ float tops[WARPS][8], totals[WARPS][8];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    const int first = (blockIdx.x * WARPS + warp) * 8, kv = blockIdx.y;
    const int row = blockIdx.z % rows;
    const int first_head = blockIdx.z * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const Layer layer = layers[blockIdx.z / rows];
    begin_next();
    // Behind the last complete page lies what counts for nothing.
    const size_t at =
        ((size_t)kv * store_pages + table[min(first + r, capacity - 1)]) * DIM + 8 * q;
    wait_for_previous();
    const int complete = max(*start + row - behind, 0) / 32;
    if (blockIdx.x * WARPS * 8 >= complete) return;

    uint4 means[STEPS], head[STEPS];
    uint2 codes[STEPS];
#pragma unroll
    for (int k = 0; k < STEPS; ++k) {
        means[k] = *reinterpret_cast<const uint4*>(layer.mean + at + 32 * k);
        codes[k] = *reinterpret_cast<const uint2*>(layer.spread + at + 32 * k);
    }
    query += (size_t)(blockIdx.z / rows) * between + (row * KV_HEADS + kv) * GROUP_HEADS * DIM;
#pragma unroll
    for (int k = 0; k < STEPS; ++k)
        head[k] = r < GROUP_HEADS
            ? *reinterpret_cast<const uint4*>(query + r * DIM + 32 * k + 8 * q)
            : make_uint4(0, 0, 0, 0);

    // Of the head r, the pages 2 q and the next; in the second half of the rows by magnitudes.
    float near[4] = {}, far[4] = {};
#pragma unroll
    for (int k = 0; k < STEPS; ++k) {
        const u32 *mean = reinterpret_cast<const u32*>(&means[k]);
        const u32 *code = reinterpret_cast<const u32*>(&codes[k]);
        const u32 *own = reinterpret_cast<const u32*>(&head[k]);
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            const u32 low = own[2 * j], high = own[2 * j + 1];
            const u32 low_size = low & 0x7FFF7FFFu, high_size = high & 0x7FFF7FFFu;
            multiply_bf16(near, low, low_size, high, high_size, mean[2 * j], mean[2 * j + 1]);
            multiply_bf16(far, low, low_size, high, high_size, spreads(code[j], 0), spreads(code[j], 2));
        }
    }
#if BIASED
    if (layer.bias)
        add_bias(near, head, layer.bias + kv * DIM + 8 * q,
                 layer.turns + min(first + r, capacity - 1) * DIM + 8 * q);
#endif
    // Four warps have 32 pages between them.
    float logit[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const float sum = (near[i] + far[2 + i]) * rsqrtf(DIM);
        logit[i] = first + 2 * q + i < complete ? sum : NOTHING;
    }
    float top = fmaxf(logit[0], logit[1]), total = 0.0f;
#pragma unroll
    for (int d = 1; d < 4; d <<= 1) top = fmaxf(top, __shfl_xor_sync(ALL, top, d));
    if (q == 0) tops[warp][r] = top;
    __syncthreads();
#pragma unroll
    for (int w = 0; w < 4; ++w) top = fmaxf(top, tops[warp & ~3 | w][r]);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const int n = first + 2 * q + i;
        const float weight = exp2f((logit[i] - top) * LOG2E);
        total += weight;
        if (r < GROUP_HEADS && n < complete) weights[(size_t)(first_head + r) * capacity + n] = weight;
    }
#pragma unroll
    for (int d = 1; d < 4; d <<= 1) total += __shfl_xor_sync(ALL, total, d);
    if (q == 0) totals[warp][r] = total;
    __syncthreads();
    const int four = threadIdx.x / 8, h = threadIdx.x % 8;
    const int block = blockIdx.x * (WARPS / 4) + four;
    if (four < WARPS / 4 && h < GROUP_HEADS && block * 32 < complete) {
        float2 found = make_float2(NOTHING, 0.0f);
#pragma unroll
        for (int w = 4 * four; w < 4 * four + 4; ++w)
            found.x = fmaxf(found.x, tops[w][h]), found.y += totals[w][h];
        statistics[(size_t)(first_head + h) * blocks + block] = found;
    }
}
