// Which pages a row reads, per KV head: those of the highest scores, by a radix search.
//
// Scores are positive, so that their bits are ordered as they are: three rounds of a histogram of
// eleven, ten and ten bits find the score that the last page taken has. One block for each KV head and row, some
// pages a thread. Nothing depends on the order in which threads come.
//
// Defined from outside: PAGES_EACH (of a thread), GROUP_HEADS, KV_HEADS.

#define THREADS 1024
#define WARPS 32
#define ALL 0xFFFFFFFFu
#define NOTHING __int_as_float(0xFF800000)  // less than any logit

typedef unsigned int u32;

__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ u32 sum_of_warp(u32 x) { return __reduce_add_sync(ALL, x); }

// logits: float [rows, heads, capacity]; statistics: pairs [rows, heads, blocks] of the maximum of
// 32 pages and the sum of their exponentials; start: the position of the first row.
// pages: int [rows, KV_HEADS, capacity], ascending; count: int [rows].
extern "C" __global__ void __launch_bounds__(THREADS)
select_pages(const float* logits, const float2* statistics, const int* start, int* pages,
             int* count, int capacity, int blocks, int threshold, int budget_pages, int long_from,
             int long_budget_pages, int sink_pages, int recent, unsigned long long* counted) {
    __shared__ float tops[GROUP_HEADS], factors[GROUP_HEADS];
    __shared__ u32 histogram[2 * THREADS], sums[2][WARPS];
    __shared__ u32 digit, rest;

    const int kv = blockIdx.x, row = blockIdx.y, thread = threadIdx.x;
    const int lane = thread & 31, warp = thread >> 5;
    const int begun = *start, complete = begun / 32, length = begun + row + 1;
    const int newest = max(0, length - recent) / 32;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    wait_for_previous();

    // The softmax of each head, from those of 32 pages each.
    for (int g = warp; g < GROUP_HEADS; g += WARPS) {
        const float2* own = statistics + (size_t)(first_head + g) * blocks;
        float top = NOTHING, total = 0.0f;
        for (int n = lane; n * 32 < complete; n += 32) {
            float2 one = own[n];
            float higher = fmaxf(top, one.x);
            total = total * __expf(top - higher) + one.y * __expf(one.x - higher);
            top = higher;
        }
        for (int d = 16; d; d >>= 1) {
            float other_top = __shfl_xor_sync(ALL, top, d);
            float other = __shfl_xor_sync(ALL, total, d), higher = fmaxf(top, other_top);
            if (higher > NOTHING)
                total = total * __expf(top - higher) + other * __expf(other_top - higher);
            top = higher;
        }
        if (lane == 0) tops[g] = top, factors[g] = 1.0f / total;
    }
    __syncthreads();

    // 0 is left for what is not there, and no score reaches what must be read.
    u32 key[PAGES_EACH], must = 0;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        int page = i * THREADS + thread;
        key[i] = 0;
        if (page >= complete) continue;
        float score = 0.0f;
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g)
            score += __expf(logits[(size_t)(first_head + g) * capacity + page] - tops[g])
                     * factors[g];
        bool needed = page < sink_pages || page >= newest;
        must += needed;
        key[i] = needed ? 0x7F800000u : __float_as_uint(score) + 1;
    }
    must = sum_of_warp(must);
    if (lane == 0) sums[0][warp] = must;
    __syncthreads();
    must = sum_of_warp(sums[0][lane]);

    int wanted = length >= long_from ? long_budget_pages : budget_pages;
    wanted = length < threshold ? complete : wanted - 1;  // the tail is always read
    wanted = min(complete, max(wanted, (int)must));
    if (thread == 0) {
        if (kv == 0) count[row] = wanted;
        atomicAdd(counted, (unsigned long long)wanted);
        atomicAdd(counted + 1, (unsigned long long)(complete - wanted));
    }
    if (wanted == 0) return;

    // The `left` highest among the keys that begin as `bound` does. A thread has two bins.
    u32 bound = 0, left = wanted;
#pragma unroll
    for (int round = 0; round < 3; ++round) {
        const int shift = 20 - 10 * round;
        histogram[2 * thread] = histogram[2 * thread + 1] = 0;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            if (i * THREADS + thread >= complete) continue;
            if (round == 0) atomicAdd(&histogram[key[i] >> 20], 1);
            else if ((key[i] ^ bound) >> (shift + 10) == 0)
                atomicAdd(&histogram[key[i] >> shift & 1023], 1);
        }
        __syncthreads();
        // Thread 0 has the highest bins; how many keys reach them.
        const int top = 2 * THREADS - 1 - 2 * thread;
        const u32 first = histogram[top], both = first + histogram[top - 1];
        u32 upto = both;
#pragma unroll
        for (int d = 1; d < 32; d <<= 1) {
            u32 before = __shfl_up_sync(ALL, upto, d);
            if (lane >= d) upto += before;
        }
        if (lane == 31) sums[round & 1][warp] = upto;
        __syncthreads();
        const u32 of_warp = sums[round & 1][lane];
        upto += sum_of_warp(lane < warp ? of_warp : 0);
        const u32 above = upto - both;
        if (above < left && left <= upto) {
            const bool higher = left <= above + first;
            digit = higher ? top : top - 1;
            rest = left - (higher ? above : above + first);
        }
        __syncthreads();
        bound |= digit << shift;
        left = rest;
    }

    // Those above the bound, and the first `left` of those that equal it, in their order.
    u32 equals_before = 0, place = 0;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        bool there = i * THREADS + thread < complete;
        bool equal = there && key[i] == bound;
        u32 votes = __ballot_sync(ALL, equal), below = (1u << lane) - 1;
        __syncthreads();
        if (lane == 0) sums[0][warp] = __popc(votes);
        __syncthreads();
        u32 of_warp = sums[0][lane];
        u32 rank = equals_before + sum_of_warp(lane < warp ? of_warp : 0) + __popc(votes & below);
        equals_before += sum_of_warp(of_warp);

        bool kept = there && (key[i] > bound || (equal && rank < left));
        votes = __ballot_sync(ALL, kept);
        if (lane == 0) sums[1][warp] = __popc(votes);
        __syncthreads();
        of_warp = sums[1][lane];
        u32 at = place + sum_of_warp(lane < warp ? of_warp : 0) + __popc(votes & below);
        place += sum_of_warp(of_warp);
        if (kept) pages[(size_t)(row * KV_HEADS + kv) * capacity + at] = i * THREADS + thread;
    }
}
