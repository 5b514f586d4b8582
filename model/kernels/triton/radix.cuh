// Which keys of a block's are the highest: a radix search, and what place each of them has.
//
// A histogram of 2,048 bins finds among which keys the last one taken is, another of those the keys
// that begin alike, and so on until all of a bin are taken. Scores are close together: the first bins
// are 2^-7 of a power of two wide, and few threads meet in one. Nothing depends on the order in which
// threads come.
//
// Defined from outside: THREADS, PAGES_EACH (keys of a thread).

#pragma once
#include "device.cuh"

#define WARPS_HERE (THREADS / 32)
#define BINS_EACH ((2048 + THREADS - 1) / THREADS)  // of a thread
#define BINS (BINS_EACH * THREADS)

struct Choice {
    u32 histogram[2][BINS], sums[2][WARPS_HERE], votes[2][PAGES_EACH][WARPS_HERE];
    u32 digit, rest, size;
};

// Must precede `choose`, with a barrier between.
__device__ __forceinline__ void clear(Choice& s) {
    for (int i = threadIdx.x; i < BINS; i += THREADS) s.histogram[0][i] = 0;
}

__device__ __forceinline__ u32 of_warps(const u32* each, int upto) {
    const int lane = threadIdx.x & 31;
    return sum_of_warp(lane < upto ? each[lane] : 0);
}

#define LOWEST_BIN ((131 << 7) - 2047)  // of a score of 2^-12; the highest score is 8

__device__ __forceinline__ u32 coarse(u32 key) {
    return min(max((int)(key >> 16) - LOWEST_BIN, 0), 2047);
}

// Thread t has the keys i THREADS + t, all below 2^31, of which the first `count` are there; of them
// the `wanted` highest are taken (at least one, at most `count`), of equal ones the first. `place`
// is how many before a key are.
__device__ __forceinline__ void choose(Choice& s, const u32 (&key)[PAGES_EACH], int count,
                                       u32 wanted, bool (&taken)[PAGES_EACH],
                                       u32 (&place)[PAGES_EACH]) {
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    // In the first round all keys are in question, later those that agree with `bound` above
    // `shift`; what they are told apart by is `digit`.
    u32 bound = 0, left = wanted, size = 0, bin = 0;
    int shift = 31;
#pragma unroll 1
    for (int round = 0; round < 5; ++round) {
        // After the first round bits 15 to 5 and 4 to 0; in its outermost bins 30 to 20 before.
        const int next = round == 0 ? 31 : shift > 11 ? shift - 11 : 0;
        const u32 mask = (1u << (shift - next)) - 1;
        u32* bins = s.histogram[round & 1];
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            if (i * THREADS + thread >= count) continue;
            if (round == 0) atomicAdd(&bins[coarse(key[i])], 1);
            else if ((key[i] ^ bound) >> shift == 0 && coarse(key[i]) == bin)
                atomicAdd(&bins[key[i] >> next & mask], 1);
        }
        __syncthreads();
        // Thread 0 has the highest bins; how many keys reach them.
        const int top = BINS - 1 - BINS_EACH * thread;
        u32 own[BINS_EACH], all = 0;
#pragma unroll
        for (int j = 0; j < BINS_EACH; ++j) {
            all += own[j] = bins[top - j];
            s.histogram[round & 1 ^ 1][top - j] = 0;
        }
        u32 upto = sum_upto_lane(all);
        if (lane == 31) s.sums[round & 1][warp] = upto;
        __syncthreads();
        upto += of_warps(s.sums[round & 1], warp);
        u32 above = upto - all;
        if (above < left && left <= upto) {
#pragma unroll
            for (int j = 0; j < BINS_EACH; ++j) {
                if (above < left && left <= above + own[j])
                    s.digit = top - j, s.rest = left - above, s.size = own[j];
                above += own[j];
            }
        }
        __syncthreads();
        left = s.rest, size = s.size;
        if (round == 0) {
            bin = s.digit;
            // Within a bin keys begin alike, but in the outermost ones.
            if (bin > 0 && bin < 2047) bound = (bin + LOWEST_BIN) << 16, shift = 16;
        } else {
            bound |= s.digit << next, shift = next;
        }
        if (size == left || shift == 0) break;
    }

    // Those above the bound, and the first `left` of those that begin as it does.
    const u32 below = (1u << lane) - 1;
    bool equal[PAGES_EACH];
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const bool there = i * THREADS + thread < count;
        const u32 own = coarse(key[i]), above = key[i] >> shift, at = bound >> shift;
        equal[i] = there && own == bin && above == at;
        taken[i] = there && (own > bin || (own == bin && above > at));
    }
    if (size > left) {
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const u32 votes = __ballot_sync(ALL, equal[i]);
            if (lane == 0) s.votes[0][i][warp] = __popc(votes);
        }
        __syncthreads();
        u32 before = 0;
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const u32 votes = __ballot_sync(ALL, equal[i]);
            const u32 rank = before + of_warps(s.votes[0][i], warp) + __popc(votes & below);
            before += of_warps(s.votes[0][i], WARPS_HERE);
            equal[i] = equal[i] && rank < left;
        }
    }
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        taken[i] = taken[i] || equal[i];
        const u32 votes = __ballot_sync(ALL, taken[i]);
        place[i] = __popc(votes & below);
        if (lane == 0) s.votes[1][i][warp] = __popc(votes);
    }
    __syncthreads();
    u32 before = 0;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        place[i] += before + of_warps(s.votes[1][i], warp);
        before += of_warps(s.votes[1][i], WARPS_HERE);
    }
}

// The key of a page. Scores are positive, so that their bits are ordered as they are; none reaches
// what must be read.
__device__ __forceinline__ u32 key_of(float score, bool needed) {
    return needed ? 0x7F800000u : __float_as_uint(score) & 0x7FFFFFFFu;
}

// What `Sparsity` says: threshold, long_from and recent in tokens, the others in pages.
struct Rule {
    int threshold, budget, long_from, long_budget, sinks, recent;

    __device__ __forceinline__ bool needs(int page, int length) const {
        return page < sinks || page >= max(0, length - recent) / 32;
    }

    // How many of its complete pages a row of `length` tokens reads; the tail is always read.
    __device__ __forceinline__ int wanted(int complete, int length) const {
        if (length < threshold) return complete;
        const int newest = min(complete, max(0, length - recent) / 32);
        const int must = complete - max(0, newest - min(complete, sinks));
        return min(complete, max((length >= long_from ? long_budget : budget) - 1, must));
    }
};
