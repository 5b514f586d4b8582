// Which pages each of several rows reads in each of several layers, per KV head: those of the highest
// scores. One that was completed since they were made is among the newest, which are always read.
//
// One block for each KV head, row and layer, some pages a thread.
//
// Defined from outside: PAGES_EACH (of a thread), GROUP_HEADS, KV_HEADS.

#define THREADS 1024
#define WARPS 32
#include "radix.cuh"

#define EARLY (PAGES_EACH * GROUP_HEADS <= 64)  // a thread's registers hold its weights

// weights: float [layers, rows, heads, capacity], of pages within their 32; statistics: pairs [layers,
// rows, heads, blocks] of the largest logit of 32 pages and the sum of their weights; start: the
// position of the first row; `behind` as in score.cu. pages: int [layers, rows, KV_HEADS, room],
// ascending; count: int [rows]; counted: pages taken and pages left out.
extern "C" __global__ void __launch_bounds__(THREADS)
select_pages(const float* weights, const float2* statistics, const int* start, int* pages,
             int* count, int rows, int behind, int capacity, int room, int blocks, int threshold,
             int budget_pages, int long_from, int long_budget_pages, int sink_pages, int recent,
             u64* counted) {
    extern __shared__ float factors[];  // of each head: of 32 pages, a warp's
    __shared__ Choice choice;

    const int kv = blockIdx.x, row = blockIdx.y % rows, thread = threadIdx.x;
    const int lane = thread & 31, warp = thread >> 5;
    const Rule rule = {threshold, budget_pages, long_from, long_budget_pages, sink_pages, recent};
    const int first_head = blockIdx.y * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    clear(choice);
    begin_next();
    wait_for_previous();
    const int begun = *start, complete = begun / 32, length = begun + row + 1;
    const int scored = max(begun + row - behind, 0) / 32;

    auto weight_of = [&](int i, int g) {
        const int page = min(i * THREADS + thread, max(scored - 1, 0));
        return weights[(size_t)(first_head + g) * capacity + page];
    };
#if EARLY
    float weight[PAGES_EACH][GROUP_HEADS];
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i)
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) weight[i][g] = weight_of(i, g);
#endif
    // The softmax of each head, from those of 32 pages each.
    if (warp < GROUP_HEADS) {
        const float2* own = statistics + (size_t)(first_head + warp) * blocks;
        float tops[PAGES_EACH], top = NOTHING, total = 0.0f;
#pragma unroll
        for (int i = 0; i < PAGES_EACH; ++i) {
            const int n = i * 32 + lane;
            const float2 one = n * 32 < scored ? own[n] : make_float2(NOTHING, 0.0f);
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
            factors[(warp * PAGES_EACH + i) * 32 + lane] = __expf(tops[i] - top) / total;
    }
    __syncthreads();

    u32 key[PAGES_EACH];
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i) {
        float score = 0.0f;
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) {
#if EARLY
            const float own = weight[i][g];
#else
            const float own = weight_of(i, g);
#endif
            score += own * factors[(g * PAGES_EACH + i) * WARPS + warp];
        }
        key[i] = key_of(score, rule.needs(i * THREADS + thread, length));
    }
    const int wanted = rule.wanted(complete, length);
    if (thread == 0) {
        if (kv == 0) count[row] = wanted;  // in every layer as many
        atomicAdd(counted, (u64)wanted);
        atomicAdd(counted + 1, (u64)(complete - wanted));
    }
    if (wanted == 0) return;
    u32 place[PAGES_EACH];
    const u32 taken = choose(choice, key, complete, wanted, place);
    int* chosen = pages + (size_t)(blockIdx.y * KV_HEADS + kv) * room;
#pragma unroll
    for (int i = 0; i < PAGES_EACH; ++i)
        if (taken >> i & 1) chosen[place[i]] = i * THREADS + thread;
}
