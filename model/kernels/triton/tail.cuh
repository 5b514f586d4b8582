// Attention to the page that is being filled: float32, and read as it is. By a block of its own.
//
// Defined from outside: WARPS, THREADS, KV_HEADS, COUNTED, what page.cuh asks for.

#pragma once
#include "page.cuh"

#define CHANNELS (DIM / WARPS)          // of a warp's part of the scores
#define TOKENS_EACH (32 * DIM / THREADS)  // of a thread's sum: every DIM threads have some of them

struct Tail {
    float keys[32][DIM + 4], values[32][DIM];  // so that lanes read tokens from other banks
    float query[8][DIM], scores[WARPS][8][32], weights[32][8];
};

// What is read of it: `before` tokens that earlier steps wrote, up to `written` the kernel before.
struct Filling {
    int before, written;
    const float *keys, *values;

    // Begin to copy what the kernel before does not write; what nobody has written counts nothing.
    __device__ __forceinline__ void begin(Tail& to) const {
#pragma unroll
        for (int i = threadIdx.x * 4; i < 32 * DIM; i += THREADS * 4) {
            const int t = i / DIM;
            if (t < before) copy(to, i);
            else if (t >= written)
                *reinterpret_cast<float4*>(&to.values[t][i % DIM]) = make_float4(0, 0, 0, 0);
        }
    }

    // The rest, and the queries, scaled; all is there behind a barrier.
    __device__ __forceinline__ void finish(Tail& to, const u16* query) const {
        for (int i = before * DIM + threadIdx.x * 4; i < written * DIM; i += THREADS * 4) copy(to, i);
        const int i = threadIdx.x * 4;
        if (i < GROUP_HEADS * DIM) {  // four a thread are enough
            float x[4];
            four_bf16(query + i, x);
            const float scaling = rsqrtf(DIM);
            *reinterpret_cast<float4*>(&to.query[i / DIM][i % DIM]) =
                make_float4(x[0] * scaling, x[1] * scaling, x[2] * scaling, x[3] * scaling);
        }
        asm volatile("cp.async.wait_all;" ::: "memory");
    }

  private:
    __device__ __forceinline__ void copy(Tail& to, int i) const {
        copy16(&to.keys[i / DIM][i % DIM], keys + i);
        copy16(&to.values[i / DIM][i % DIM], values + i);
    }
};

// What a key bias adds to the channels of a warp at the slot of a lane: R(32 page) turns what R(slot)
// has turned. `within` is that of the KV head, `turn` that of the page.
__device__ __forceinline__ void turn_bias(float (&out)[CHANNELS], const float* within,
                                          const float* turn) {
    const int lane = threadIdx.x & 31, first = (threadIdx.x >> 5) * CHANNELS;
#pragma unroll
    for (int i = 0; i < CHANNELS; ++i) {
        const int d = first + i;
        const float own = within[d * 32 + lane], other = within[(d + DIM / 2) % DIM * 32 + lane];
        const float sine = turn[DIM / 2 + d % (DIM / 2)];
        out[i] = own * turn[d % (DIM / 2)] + other * (d < DIM / 2 ? -sine : sine);
    }
}

// For each head, by the warp of its number: the largest score and the sum of exponentials, in all
// lanes. The weights are there behind a barrier.
__device__ __forceinline__ float2 weigh(Tail& tail, const float (&bias)[CHANNELS], int written) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    // A lane has a token, a warp some of the channels, for all heads.
    float score[GROUP_HEADS] = {};
#pragma unroll
    for (int i = 0; i < CHANNELS; i += 4) {
        const int d = warp * CHANNELS + i;
        const float4 a = *reinterpret_cast<const float4*>(&tail.keys[lane][d]);
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) {
            const float4 b = *reinterpret_cast<const float4*>(&tail.query[g][d]);
            score[g] += (a.x + bias[i]) * b.x + (a.y + bias[i + 1]) * b.y
                + (a.z + bias[i + 2]) * b.z + (a.w + bias[i + 3]) * b.w;
        }
    }
#pragma unroll
    for (int g = 0; g < GROUP_HEADS; ++g) tail.scores[warp][g][lane] = score[g];
    __syncthreads();
    if (warp >= GROUP_HEADS) return make_float2(NOTHING, 0.0f);
    float all = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) all += tail.scores[w][warp][lane];
    all = lane < written ? all : NOTHING;
    const float top = max_of_warp(all), own = exp2f((all - top) * LOG2E);
    tail.weights[lane][warp] = own;
    return make_float2(top, sum_of_warp(own));
}

// The values of a thread's channel, of its share of the tokens, for each head.
__device__ __forceinline__ void add_values(float (&sums)[GROUP_HEADS], const Tail& tail) {
    const int d = threadIdx.x % DIM, first = threadIdx.x / DIM * TOKENS_EACH;
#pragma unroll 8
    for (int i = 0; i < TOKENS_EACH; ++i) {
        const float value = tail.values[first + i][d];
        float own[8];
        const float4* weights = reinterpret_cast<const float4*>(tail.weights[first + i]);
        *reinterpret_cast<float4*>(own) = weights[0];
        *reinterpret_cast<float4*>(own + 4) = weights[1];
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) sums[g] += own[g] * value;
    }
}

// Where what a block has found goes, as `attend` says.
struct Leaving {
    float* part;
    float2* weight;
    float* shares;
    int first_head, parts, capacity;
};

// All of it, as the last part. `within` and `turn` as for `turn_bias`.
__device__ __forceinline__ void attend_to_tail(Tail& tail, const Filling& page, const u16* query,
                                               const float* within, const float* turn,
                                               const Leaving& to) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    float added[CHANNELS] = {}, sums[GROUP_HEADS] = {};
    page.begin(tail);
#if BIASED
    turn_bias(added, within, turn);
#endif
    wait_for_previous();
    page.finish(tail, query);
    __syncthreads();
    const float2 found = weigh(tail, added, page.written);
    if (warp < GROUP_HEADS && lane == 0) {
        const size_t h = to.first_head + warp;
        to.weight[h * to.parts + to.parts - 1] = found;
#if COUNTED
        to.shares[h * (to.capacity + 1) + to.capacity] = found.x + __logf(found.y);
#endif
    }
    __syncthreads();
    add_values(sums, tail);
    __syncthreads();
    // The sums of some tokens each lie where the values lay.
    const int d = threadIdx.x % DIM, some = threadIdx.x / DIM;
#pragma unroll
    for (int g = 0; g < GROUP_HEADS; ++g) tail.values[some * GROUP_HEADS + g][d] = sums[g];
    __syncthreads();
#pragma unroll
    for (int first = 0; first < GROUP_HEADS; first += THREADS / DIM) {
        const int g = first + some;
        if (g >= GROUP_HEADS) break;
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < THREADS / DIM; ++i) sum += tail.values[i * GROUP_HEADS + g][d];
        to.part[((size_t)(to.first_head + g) * to.parts + to.parts - 1) * DIM + d] = sum;
    }
}
