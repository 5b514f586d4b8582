// How much the query heads of a KV head may attend to pages: 32 pages a block.
//
//     logit[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(DIM)
//     weight[h, n] = exp(logit[h, n] - the block's largest)
//
// The pages of a warp are under way before any is used; a lane has DIM / 32 channels of each. All
// sums over lanes are formed in one go: with each exchange half of them stay on either side.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, KV_HEADS, BIASED.

#include "device.cuh"

#define WARPS 8
#define EACH 4  // pages of a warp
#define WIDTH (DIM / 32)

#if DIM == 128
typedef uint2 Wide;  // WIDTH numbers of 16 bit
typedef u32 Narrow;  // WIDTH bytes
#else
typedef u32 Wide;
typedef u16 Narrow;
#endif

__device__ __forceinline__ void unpacked(Wide w, float (&x)[WIDTH]) {
    const u32* words = reinterpret_cast<const u32*>(&w);
#pragma unroll
    for (int i = 0; i < WIDTH; i += 2) {
        x[i] = low_bf16(words[i / 2]), x[i + 1] = high_bf16(words[i / 2]);
    }
}

// query: bf16 [rows, heads, DIM]; bias_mean: float [KV_HEADS, DIM] and turns: float
// [pages, 2, DIM / 2], or null; table: i64 [capacity]; start: the first row's position.
// weights: float [rows, heads, capacity]; statistics: pairs [rows, heads, blocks] of the block's
// largest logit and the sum of its weights.
extern "C" __global__ void __launch_bounds__(WARPS * 32)
score_pages(const u16* query, const u16* key_mean, const u16* key_scale, const u8* key_spread,
            const float* __restrict__ bias_mean, const float* __restrict__ turns,
            const long long* __restrict__ table, const int* start, float* weights,
            float2* statistics, int store_pages, int capacity, int blocks) {
    __shared__ float found[8][33];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int block = blockIdx.x, kv = blockIdx.y, row = blockIdx.z;
    const int complete = *start / 32, first = block * 32 + warp * EACH;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const int channel = lane * WIDTH;
    size_t at[EACH];
#pragma unroll
    for (int i = 0; i < EACH; ++i)  // past the last page, the last one again
        at[i] = ((size_t)kv * store_pages + table[max(0, min(first + i, complete - 1))]) * DIM;
    begin_next();
    wait_for_previous();
    if (block * 32 >= complete) return;

    Wide means[EACH], scales[EACH];
    Narrow spreads[EACH];
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        means[i] = *reinterpret_cast<const Wide*>(key_mean + at[i] + channel);
        scales[i] = *reinterpret_cast<const Wide*>(key_scale + at[i] + channel);
        spreads[i] = *reinterpret_cast<const Narrow*>(key_spread + at[i] + channel);
    }
    float head[GROUP_HEADS][WIDTH];
#pragma unroll
    for (int g = 0; g < GROUP_HEADS; ++g)
        unpacked(*reinterpret_cast<const Wide*>(query + (size_t)(first_head + g) * DIM + channel),
                 head[g]);

    float sums[EACH * 8];  // of page i and head g at 8 i + g
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        float mean[WIDTH], spread[WIDTH];
        unpacked(means[i], mean);
        unpacked(scales[i], spread);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            spread[j] *= (float)((u32)spreads[i] >> 8 * j & 255) * (127.0f / 255.0f);
#if BIASED
            const int d = channel + j, pair = d % (DIM / 2), page = min(first + i, complete - 1);
            const float own = bias_mean[kv * DIM + d];
            const float other = bias_mean[kv * DIM + (d + DIM / 2) % DIM];
            mean[j] += own * turns[page * DIM + pair]
                       + (d < DIM / 2 ? -other : other) * turns[page * DIM + DIM / 2 + pair];
#endif
        }
#pragma unroll
        for (int g = 0; g < 8; ++g) {
            float sum = 0.0f;
            if (g < GROUP_HEADS) {
#pragma unroll
                for (int j = 0; j < WIDTH; ++j)
                    sum += head[g % GROUP_HEADS][j] * mean[j]
                           + fabsf(head[g % GROUP_HEADS][j]) * spread[j];
            }
            sums[8 * i + g] = sum;
        }
    }
#pragma unroll
    for (int round = 0; round < 5; ++round) {
        const int half = 16 >> round;
        const bool upper = lane & half;
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            if (i >= half) continue;
            float kept = upper ? sums[i + half] : sums[i];
            float sent = upper ? sums[i] : sums[i + half];
            sums[i] = kept + __shfl_xor_sync(ALL, sent, half);
        }
    }
    // A lane now has the sum that bears its number.
    const int g = lane & 7, n = warp * EACH + (lane >> 3), page = block * 32 + n;
    found[g][n] = page < complete ? sums[0] * rsqrtf(DIM) : NOTHING;
    __syncthreads();
    if (warp >= GROUP_HEADS) return;
    const float mine = found[warp][lane];
    const float top = max_of_warp(mine);
    const float weight = exp2f((mine - top) * LOG2E);
    if (block * 32 + lane < complete)
        weights[(size_t)(first_head + warp) * capacity + block * 32 + lane] = weight;
    const float total = sum_of_warp(weight);
    if (lane == 0)
        statistics[(size_t)(first_head + warp) * blocks + block] = make_float2(top, total);
}
