// What the parts of attention come to. Defined from outside: DIM.

#include "device.cuh"

#define WARPS 4
#define MOST (128 / WARPS)  // parts of a warp

// The softmax over all parts, 128 at most, of 32 channels of a head. out: float or bf16
// [rows, heads, DIM]. Blocks are small, to begin beside those of held.cu.
extern "C" __global__ void __launch_bounds__(WARPS * 32)
join(const float* part, const float2* weight, void* out, int heads, int parts, int wide) {
    __shared__ float sums[WARPS][32];
    const int h = blockIdx.y * heads + blockIdx.x;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, d = blockIdx.z * 32 + lane;
    begin_next();
    wait_for_previous();
    // All is asked for before anything is waited for.
    float own[MOST] = {};
#pragma unroll
    for (int i = 0; i < MOST; ++i) {
        const int n = WARPS * i + warp;
        if (n < parts) own[i] = part[((size_t)h * parts + n) * DIM + d];
    }
    // Every warp finds the factors of all parts for itself: a lane has those of four at most.
    float tops[4], factor[4], top = NOTHING, total = 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const int n = 32 * k + lane;
        const float2 one = n < parts ? weight[(size_t)h * parts + n] : make_float2(NOTHING, 0.0f);
        tops[k] = one.x, factor[k] = one.y, top = fmaxf(top, one.x);
    }
    top = max_of_warp(top);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const float mine = exp2f((tops[k] - top) * LOG2E);
        total += mine * factor[k], factor[k] = mine;
    }
    total = sum_of_warp(total);
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < MOST; ++i) {
        if (WARPS * i >= parts) break;
        sum += own[i] * __shfl_sync(ALL, factor[WARPS * i / 32], (WARPS * i + warp) % 32);
    }
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0) return;
    float all = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) all += sums[w][lane];
    all /= total;
    if (wide) reinterpret_cast<float*>(out)[(size_t)h * DIM + d] = all;
    else reinterpret_cast<u16*>(out)[(size_t)h * DIM + d] = to_bf16(all);
}
