// The next token of each row: temperature, top-k, top-p, and a draw; see `sampling.py`.
//
// All blocks hold the whole device's share of a row together and meet at barriers, so that a row of
// logits is read from the cache a few times by all of them. What they add up is whole numbers:
// nothing depends on the order in which they come.
//
// How far a logit lies below the highest, over the temperature, is counted in steps of 2^-16: two
// rounds of a histogram of 2,048 bins find how far down tokens are candidates.

#include "device.cuh"

#define THREADS 256
#define BINS 2048
#define STEPS 65536.0f  // of a unit of a logit
#define LOW 20          // weights are counted in 2^-40, in a high and a low part of so many bits
#define FURTHEST 0x3FFFFFu  // 64 units: nothing so improbable is drawn

// Of one row. All of it is 0 between launches.
struct State {
    u64 best, drawn;  // a number whose order is that of the value, and the token's complement
    u64 histogram[4][BINS];
    u32 arrived, unused;
};

struct Options {
    float temperature, top_p;
    int top_k;
    u32 seed_low, seed_high;
};

#define MINUS_INFINITE 0x007FFFFFu  // as they are ordered
#define INFINITE 0xFF800000u

// Bits of a float, ordered as floats are; what is no number, of either sign, is above all of them.
__device__ __forceinline__ u32 ordered(float x) {
    u32 bits = __float_as_uint(x);
    if (bits << 1 > 0xFF000000u) return 0xFFFFFFFFu;
    return bits ^ (bits >> 31 ? 0xFFFFFFFFu : 0x80000000u);
}

__device__ __forceinline__ float unordered(u32 bits) {
    return __uint_as_float(bits ^ (bits >> 31 ? 0x80000000u : 0xFFFFFFFFu));
}

// The higher value, of equal ones the lower token.
__device__ __forceinline__ u64 ranked(float x, u32 token) {
    return (u64)ordered(x) << 32 | ~token;
}

__device__ __forceinline__ u64 mixed(u64 x) {  // SplitMix64's finaliser
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}

__device__ __forceinline__ u64 highest(u64 x) {
#pragma unroll
    for (int d = 16; d; d >>= 1) {
        u64 other = __shfl_xor_sync(ALL, x, d);
        x = x > other ? x : other;
    }
    return x;
}

__device__ __forceinline__ void meet(State* state, u32 turn) {
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        atomicAdd(&state->arrived, 1);
        while (*(volatile u32*)&state->arrived < turn * gridDim.x) {}
        __threadfence();
    }
    __syncthreads();
}

__device__ __forceinline__ u64 across(const u64* at) { return *(volatile const u64*)at; }

struct Shared {
    u32 low[BINS], high[BINS];
    u64 sums[THREADS / 32];
    u64 target, below;
    u32 bin;
};

// The bin in which the running sum reaches `target`, and the sum before it; and the sum of all.
__device__ void find(const u64* histogram, float share, u64 target, Shared& s, u32& bin,
                     u64& below, u64& wanted) {
    const int each = BINS / THREADS, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    u64 own[each], all = 0;
#pragma unroll
    for (int j = 0; j < each; ++j) all += own[j] = across(histogram + threadIdx.x * each + j);
    u64 upto = all;
    for (int d = 1; d < 32; d <<= 1) {
        u64 before = __shfl_up_sync(ALL, upto, d);
        if (lane >= d) upto += before;
    }
    if (lane == 31) s.sums[warp] = upto;
    __syncthreads();
    u64 total = 0;
    for (int w = 0; w < THREADS / 32; ++w) {
        if (w < warp) upto += s.sums[w];
        total += s.sums[w];
    }
    if (share > 0.0f) target = (u64)((double)total * share);
    if (target < 1) target = 1;
    if (target > total) target = total;
    u64 before = upto - all;
    if (before < target && target <= upto) {
#pragma unroll
        for (int j = 0; j < each; ++j) {
            if (before < target && target <= before + own[j]) s.bin = threadIdx.x * each + j,
                s.below = before;
            before += own[j];
        }
    }
    __syncthreads();
    bin = s.bin, below = s.below, wanted = target;
    __syncthreads();
}

// logits: float [rows, vocab]; token: i64 [rows], -1 where the highest logit is infinite or any is no
// number: nothing can be drawn from those. With `advance`, `start` and `sealed` go on by a
// token; there is one row then.
extern "C" __global__ void __launch_bounds__(THREADS)
sample(const float* logits, const Options* options, State* states, long long* token, int* start,
       int* sealed, int vocab, int advance) {
    __shared__ Shared s;
    __shared__ u64 best_of[THREADS / 32];
    const int row = blockIdx.y, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    State* state = states + row;
    const Options o = *options;
    const int position = *start;
    wait_for_previous();
    logits += (size_t)row * vocab;
    const int first = blockIdx.x * THREADS + threadIdx.x, step = gridDim.x * THREADS;
    u32 turn = 0;

    auto gather = [&](u64 mine, u64* at) {
        mine = highest(mine);
        if (lane == 0) best_of[warp] = mine;
        __syncthreads();
        if (warp == 0) {
            mine = highest(lane < THREADS / 32 ? best_of[lane] : 0);
            if (lane == 0) atomicMax(at, mine);
        }
    };

    u64 mine = 0;
    for (int n = first; n < vocab; n += step) {
        u64 one = ranked(logits[n], n);
        mine = one > mine ? one : mine;
    }
    gather(mine, &state->best);
    meet(state, ++turn);
    u64 chosen = across(&state->best);
    const u32 highest_logit = chosen >> 32;
    const bool finite = MINUS_INFINITE < highest_logit && highest_logit < INFINITE;

    if (finite && o.temperature > 0.0f) {
        const float top = unordered(highest_logit), per = 1.0f / o.temperature;
        auto off = [&](int n) { return (top - logits[n]) * per; };
        auto key_of = [&](float x) { return (u32)fminf(x * STEPS, (float)FURTHEST); };

        u32 last = FURTHEST - 1;  // the furthest key of a candidate
        // Weights or, for top-k, tokens, by how far they are off; among those up to `last`.
        auto count = [&](u64* histogram, bool weighted, int fine, u32 bin) {
            for (int i = threadIdx.x; i < BINS; i += THREADS) s.low[i] = s.high[i] = 0;
            __syncthreads();
            for (int n = first; n < vocab; n += step) {
                float x = off(n);
                u32 key = key_of(x);
                if (key > last || (fine && key >> 11 != bin)) continue;
                u32 at = fine ? key & (BINS - 1) : key >> 11;
                if (!weighted) {
                    atomicAdd(&s.low[at], 1);
                    continue;
                }
                u64 weight = (u64)(__expf(-x) * 1099511627776.0f);
                atomicAdd(&s.low[at], (u32)weight & ((1u << LOW) - 1));
                atomicAdd(&s.high[at], (u32)(weight >> LOW));
            }
            __syncthreads();
            for (int i = threadIdx.x; i < BINS; i += THREADS) {
                u64 all = ((u64)s.high[i] << LOW) + s.low[i];
                if (all) atomicAdd(histogram + i, all);
            }
            meet(state, ++turn);
        };
        u32 bin, inner;
        u64 below, within, wanted;
        if (o.top_k > 0 && o.top_k < vocab) {
            count(state->histogram[0], false, 0, 0);
            find(state->histogram[0], 0.0f, o.top_k, s, bin, below, wanted);
            count(state->histogram[1], false, 1, bin);
            find(state->histogram[1], 0.0f, wanted - below, s, inner, within, wanted);
            last = bin << 11 | inner;
        }
        if (o.top_p < 1.0f) {
            count(state->histogram[2], true, 0, 0);
            find(state->histogram[2], o.top_p, 0, s, bin, below, wanted);
            count(state->histogram[3], true, 1, bin);
            find(state->histogram[3], 0.0f, wanted - below, s, inner, within, wanted);
            last = min(last, bin << 11 | inner);
        }

        // The highest of logit and Gumbel noise is a draw from the softmax.
        u64 stream = mixed(((u64)o.seed_high << 32 | o.seed_low) + 0x9E3779B97F4A7C15ull);
        stream = mixed(stream + (u64)(position + row + 1) * 0x9E3779B97F4A7C15ull);
        mine = 0;
        for (int n = first; n < vocab; n += step) {
            float x = off(n);
            if (key_of(x) > last) continue;
            u32 random = (u32)(mixed(stream + (u64)(n + 1) * 0x9E3779B97F4A7C15ull) >> 32);
            float exponential = -log1pf(-((float)random + 0.5f) * 2.3283064e-10f);
            u64 one = ranked(-logf(exponential) - x, n);
            mine = one > mine ? one : mine;
        }
        gather(mine, &state->drawn);
        meet(state, ++turn);
        // Over the least temperatures nothing is a candidate: what ranks highest is taken.
        const u64 drawn = across(&state->drawn);
        if (drawn) chosen = drawn;
    }

    // The last to come leaves everything as it was found.
    __shared__ bool is_last;
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        is_last = atomicAdd(&state->arrived, 1) == (turn + 1) * gridDim.x - 1;
    }
    __syncthreads();
    if (!is_last) return;
    for (int i = threadIdx.x; i < 4 * BINS; i += THREADS) state->histogram[0][i] = 0;
    if (threadIdx.x > 0) return;
    state->best = state->drawn = 0;
    state->arrived = 0;
    token[row] = finite ? (long long)(u32)~(u32)chosen : -1;
    if (advance) *sealed = position / 32, *start = position + 1;
}
