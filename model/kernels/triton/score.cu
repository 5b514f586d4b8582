// How much the query heads of a KV head may attend to pages, of several layers.
//
//     logit[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(DIM)
//     weight[h, n] = exp(logit[h, n] - the largest of the 32)
//
// A product of tensor cores whose columns are 8 pages; its rows are 8 heads, and their channels'
// magnitudes. Means and queries are bf16, and operands as they lie in memory. A spread is a code of 8
// bit times a scale of 8: two bf16, rounded and rest, hold it exactly. Which channel stands where in an
// operand is free as long as both agree: in step k lane 4 r + q holds the channels 32 k + 8 q to
// 32 k + 8 q + 7 of page r, or head r. A warp asks for no more pages, so that three blocks run on a
// processor: while one waits for its first bytes, others read.
//
// A key bias, turned to the page's place, is up to a hundred times as large as keys: what it adds is
// summed in float32, as waves of the query over the page's turn.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, KV_HEADS, BIASED (in some of the layers).

#include "device.cuh"

#define WARPS 8  // of 8 pages each
#define STEPS (DIM / 32)

// The pages of a layer, as `Summaries` says; no bias is null.
struct Layer {
    const u16 *mean, *scale;
    const u8* spread;
    const float *bias, *turns;
};

// A scale's bf16 times a code's byte: what fits bf16, and the rest.
__device__ __forceinline__ void spreads(u32 scales, u32 codes, int first, u32& near, u32& rest) {
    // The byte below the bits of 2^23.
    const float low = low_bf16(scales)
        * (__uint_as_float(__byte_perm(codes, 0x4B000000u, 0x7440 + first)) - 8388608.0f);
    const float high = high_bf16(scales)
        * (__uint_as_float(__byte_perm(codes, 0x4B000000u, 0x7441 + first)) - 8388608.0f);
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(near) : "f"(high), "f"(low));
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(rest)
        : "f"(high - high_bf16(near)), "f"(low - low_bf16(near)));
}

#if BIASED
// [head][the cosine's half of the channels, the sine's]: q . R(page) b = sum of waves . turns.
__device__ __forceinline__ void make_waves(const u16* query, const float* bias,
                                           float (*waves)[DIM + 4]) {
    for (int i = threadIdx.x; i < 8 * DIM / 2; i += WARPS * 32) {
        const int h = i / (DIM / 2), d = i % (DIM / 2);
        float cosine = 0.0f, sine = 0.0f;
        if (h < GROUP_HEADS) {
            const float a = from_bf16(query[h * DIM + d]), b = from_bf16(query[h * DIM + d + DIM / 2]);
            cosine = a * bias[d] + b * bias[d + DIM / 2];
            sine = b * bias[d] - a * bias[d + DIM / 2];
        }
        waves[h][d] = cosine, waves[h][d + DIM / 2] = sine;
    }
    __syncthreads();
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
#if BIASED
    __shared__ float waves[8][DIM + 4];
#endif
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

    uint4 means[STEPS], scales[STEPS], head[STEPS];
    uint2 codes[STEPS];
#pragma unroll
    for (int k = 0; k < STEPS; ++k) {
        means[k] = *reinterpret_cast<const uint4*>(layer.mean + at + 32 * k);
        scales[k] = *reinterpret_cast<const uint4*>(layer.scale + at + 32 * k);
        codes[k] = *reinterpret_cast<const uint2*>(layer.spread + at + 32 * k);
    }
    query += (size_t)(blockIdx.z / rows) * between + (row * KV_HEADS + kv) * GROUP_HEADS * DIM;
#pragma unroll
    for (int k = 0; k < STEPS; ++k)
        head[k] = r < GROUP_HEADS
            ? *reinterpret_cast<const uint4*>(query + r * DIM + 32 * k + 8 * q)
            : make_uint4(0, 0, 0, 0);
#if BIASED
    if (layer.bias) make_waves(query, layer.bias + kv * DIM, waves);
#endif

    // Of the head r, the pages 2 q and the next; in the second half of the rows by magnitudes.
    float near[4] = {}, far[4] = {};
#pragma unroll
    for (int k = 0; k < STEPS; ++k) {
        const u32 *mean = reinterpret_cast<const u32*>(&means[k]);
        const u32 *scale = reinterpret_cast<const u32*>(&scales[k]);
        const u32 *code = reinterpret_cast<const u32*>(&codes[k]);
        const u32 *own = reinterpret_cast<const u32*>(&head[k]);
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            const u32 low = own[2 * j], high = own[2 * j + 1];
            const u32 low_size = low & 0x7FFF7FFFu, high_size = high & 0x7FFF7FFFu;
            multiply_bf16(near, low, low_size, high, high_size, mean[2 * j], mean[2 * j + 1]);
            u32 b[2], rest[2];
            spreads(scale[2 * j], code[j], 0, b[0], rest[0]);
            spreads(scale[2 * j + 1], code[j], 2, b[1], rest[1]);
            multiply_bf16(far, low, low_size, high, high_size, b[0], b[1]);
            multiply_bf16(far, low, low_size, high, high_size, rest[0], rest[1]);
        }
    }
#if BIASED
    if (layer.bias) {
        const float* turn = layer.turns + min(first + 2 * q, capacity - 1) * DIM;
        const float* next = layer.turns + min(first + 2 * q + 1, capacity - 1) * DIM;
#pragma unroll 2
        for (int d = 0; d < DIM; d += 4) {
            const float4 a = *reinterpret_cast<const float4*>(&waves[r][d]);
            const float4 b = *reinterpret_cast<const float4*>(turn + d);
            const float4 c = *reinterpret_cast<const float4*>(next + d);
            near[0] += a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
            near[1] += a.x * c.x + a.y * c.y + a.z * c.z + a.w * c.w;
        }
    }
#endif
    // Four warps have 32 pages between them.
    float logit[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const float sum = (near[i] + far[2 + i] * (127.0f / 255.0f)) * rsqrtf(DIM);
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
