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
#define VOTES ((PAGES_EACH * WARPS_HERE + 31) / 32 * 32)

struct Choice {
    u32 histogram[2][BINS], sums[2][WARPS_HERE], votes[2][VOTES];
    u32 digit, rest, size;
};

// Must precede `choose`, with a barrier between.
__device__ __forceinline__ void clear(Choice& s) {
    for (int i = threadIdx.x; i < BINS; i += THREADS) s.histogram[0][i] = 0;
}

// Of the numbers of each warp's lanes that vote for their i-th key: how many did before, in the
// order of keys; `votes` holds the sums of warps once another barrier was passed.
__device__ __forceinline__ void add_votes(u32* votes) {
    const int lane = threadIdx.x & 31;
    __syncthreads();
    if (threadIdx.x < 32) {
        u32 own[VOTES / 32], all = 0;
#pragma unroll
        for (int j = 0; j < VOTES / 32; ++j) {
            const int n = lane * (VOTES / 32) + j;
            own[j] = n < PAGES_EACH * WARPS_HERE ? votes[n] : 0;
            all += own[j];
        }
        u32 before = sum_upto_lane(all) - all;
#pragma unroll
        for (int j = 0; j < VOTES / 32; ++j) {
            votes[lane * (VOTES / 32) + j] = before;
            before += own[j];
        }
    }
    __syncthreads();
}

#define LOWEST_BIN ((131 << 7) - 2047)  // of a score of 2^-12; the highest score is 8

// Thread t has the keys i THREADS + t, all below 2^31, of which the first `count` are there; of them
// the `wanted` highest are taken (at least one, at most `count`), of equal ones the first. `place`
// is how many before a key are. Bit i of what is given tells whether key i is taken.
__device__ __forceinline__ u32 choose(Choice& s, const u32 (&key)[PAGES_EACH], int count,
                                      u32 wanted, u32 (&place)[PAGES_EACH]) {
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    const u32 below = (1u << lane) - 1;
    u32 taken = 0, open = 0;  // and what is neither taken nor left out
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) open |= (i * THREADS + thread < count) << i;
    u32 left = wanted, size = 0;
    int shift = 31;  // the lowest bit that was looked at
#pragma unroll 1
    for (int round = 0; round < 5; ++round) {
        // After the first round bits 15 to 5 and 4 to 0; in its outermost bins 30 to 20 before.
        const int next = max(shift - 11, 0);
        const u32 mask = (1u << (shift - next)) - 1;
        u32* bins = s.histogram[round & 1];
        u32 digit[PAGES_EACH];
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            digit[i] = round ? key[i] >> next & mask
                             : min(max((int)(key[i] >> 16) - LOWEST_BIN, 0), 2047);
            if (open >> i & 1) atomicAdd(&bins[digit[i]], 1);
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
        upto += sum_of_warp(lane < warp ? s.sums[round & 1][lane] : 0);
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
        const u32 bound = s.digit;
        left = s.rest, size = s.size;
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            taken |= (open >> i & 1 & digit[i] > bound) << i;
            open &= ~((digit[i] != bound) << i);
        }
        // Within a bin of the first round keys begin alike, but in the outermost ones.
        if (round) shift = next;
        else if (bound > 0 && bound < 2047) shift = 16;
        if (size == left || shift == 0) break;
    }

    // Of those that are alike the first.
    if (size > left) {
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const u32 votes = __ballot_sync(ALL, open >> i & 1);
            if (lane == 0) s.votes[0][i * WARPS_HERE + warp] = __popc(votes);
        }
        add_votes(s.votes[0]);
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const u32 votes = __ballot_sync(ALL, open >> i & 1);
            const u32 rank = s.votes[0][i * WARPS_HERE + warp] + __popc(votes & below);
            open &= ~((rank >= left) << i);
        }
    }
    taken |= open;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const u32 votes = __ballot_sync(ALL, taken >> i & 1);
        place[i] = __popc(votes & below);
        if (lane == 0) s.votes[1][i * WARPS_HERE + warp] = __popc(votes);
    }
    add_votes(s.votes[1]);
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) place[i] += s.votes[1][i * WARPS_HERE + warp];
    return taken;
}

// The key of a page. Scores are positive, so that their bits are ordered as they are; none reaches
// what must be read. (Where they are no numbers any pages are taken: nothing comes of them.)
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
