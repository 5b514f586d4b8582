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

// weights: float [rows, heads, capacity], of pages within their 32; statistics: pairs [rows, heads,
// blocks] of the largest logit of 32 pages and the sum of their weights; start: the position of the
// first row. pages: int [rows, KV_HEADS, capacity], ascending; count: int [rows]; counted: pages
// taken and pages left out.
extern "C" __global__ void __launch_bounds__(THREADS)
select_pages(const float* weights, const float2* statistics, const int* start, int* pages,
             int* count, int capacity, int blocks, int threshold, int budget_pages, int long_from,
             int long_budget_pages, int sink_pages, int recent, unsigned long long* counted) {
    __shared__ float factors[GROUP_HEADS][PAGES_EACH * WARPS];  // of 32 pages, a warp's
    __shared__ u32 histogram[2][2 * THREADS], sums[2][WARPS], votes_of[2][PAGES_EACH][WARPS];
    __shared__ u32 digit, rest;

    const int kv = blockIdx.x, row = blockIdx.y, thread = threadIdx.x;
    const int lane = thread & 31, warp = thread >> 5;
    const int begun = *start, complete = begun / 32, length = begun + row + 1;
    const int newest = max(0, length - recent) / 32;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    histogram[0][2 * thread] = histogram[0][2 * thread + 1] = 0;
    wait_for_previous();

    float weight[PAGES_EACH][GROUP_HEADS];
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i)
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) {
            const int page = min(i * THREADS + thread, max(complete - 1, 0));
            weight[i][g] = weights[(size_t)(first_head + g) * capacity + page];
        }
    // The softmax of each head, from those of 32 pages each.
    if (warp < GROUP_HEADS) {
        const float2* own = statistics + (size_t)(first_head + warp) * blocks;
        float tops[PAGES_EACH], top = NOTHING, total = 0.0f;
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const int n = i * 32 + lane;
            const float2 one = n * 32 < complete ? own[n] : make_float2(NOTHING, 0.0f);
            const float higher = fmaxf(top, one.x);
            if (higher > NOTHING)
                total = total * __expf(top - higher) + one.y * __expf(one.x - higher);
            top = higher, tops[i] = one.x;
        }
#pragma unroll
        for (int d = 16; d; d >>= 1) {
            float other_top = __shfl_xor_sync(ALL, top, d);
            float other = __shfl_xor_sync(ALL, total, d), higher = fmaxf(top, other_top);
            if (higher > NOTHING)
                total = total * __expf(top - higher) + other * __expf(other_top - higher);
            top = higher;
        }
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i)
            factors[warp][i * 32 + lane] = __expf(tops[i] - top) / total;
    }
    __syncthreads();

    // 0 is left for what is not there, and no score reaches what must be read.
    u32 key[PAGES_EACH], must = 0;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const int page = i * THREADS + thread;
        float score = 0.0f;
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) score += weight[i][g] * factors[g][i * WARPS + warp];
        const bool there = page < complete;
        const bool needed = there && (page < sink_pages || page >= newest);
        must += needed;
        key[i] = needed ? 0x7F800000u : there ? __float_as_uint(score) + 1 : 0;
    }
    must = sum_of_warp(must);
    if (lane == 0) sums[1][warp] = must;
    __syncthreads();
    must = sum_of_warp(sums[1][lane]);

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
        u32* bins = histogram[round & 1];
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            if (i * THREADS + thread >= complete) continue;
            if (round == 0) atomicAdd(&bins[key[i] >> 20], 1);
            else if ((key[i] ^ bound) >> (shift + 10) == 0)
                atomicAdd(&bins[key[i] >> shift & 1023], 1);
        }
        __syncthreads();
        // Thread 0 has the highest bins; how many keys reach them.
        const int top = 2 * THREADS - 1 - 2 * thread;
        const u32 first = bins[top], both = first + bins[top - 1];
        histogram[round & 1 ^ 1][2 * thread] = histogram[round & 1 ^ 1][2 * thread + 1] = 0;
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
    const u32 below = (1u << lane) - 1;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const u32 votes = __ballot_sync(ALL, i * THREADS + thread < complete && key[i] == bound);
        if (lane == 0) votes_of[0][i][warp] = __popc(votes);
    }
    __syncthreads();
    u32 before = 0, mine[PAGES_EACH];
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const bool there = i * THREADS + thread < complete, equal = there && key[i] == bound;
        const u32 of_warp = votes_of[0][i][lane];
        const u32 rank = before + sum_of_warp(lane < warp ? of_warp : 0)
                         + __popc(__ballot_sync(ALL, equal) & below);
        before += sum_of_warp(of_warp);
        mine[i] = there && (key[i] > bound || (equal && rank < left));
        const u32 votes = __ballot_sync(ALL, mine[i]);
        if (lane == 0) votes_of[1][i][warp] = __popc(votes);
    }
    __syncthreads();
    before = 0;
    int* chosen = pages + (size_t)(row * KV_HEADS + kv) * capacity;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        const u32 of_warp = votes_of[1][i][lane];
        const u32 place = before + sum_of_warp(lane < warp ? of_warp : 0)
                          + __popc(__ballot_sync(ALL, mine[i]) & below);
        before += sum_of_warp(of_warp);
        if (mine[i]) chosen[place] = i * THREADS + thread;
    }
}
