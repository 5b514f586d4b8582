// What the parts of attention come to. Defined from outside: DIM.

#include "device.cuh"

// The softmax over all parts, 128 at most, of a head. out: float or bf16 [rows, heads, DIM]; 4 DIM threads.
extern "C" __global__ void __launch_bounds__(4 * DIM)
join(const float* part, const float2* weight, void* out, int heads, int parts, int wide) {
    __shared__ float sums[4][DIM];
    const int h = blockIdx.y * heads + blockIdx.x;
    const int d = threadIdx.x % DIM, quarter = threadIdx.x / DIM;
    begin_next();
    wait_for_previous();
    // Every warp finds the factors of all parts for itself: a lane has those of four at most.
    const int lane = threadIdx.x & 31;
    float tops[4], factor[4], top = NOTHING, total = 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        int n = 32 * k + lane;
        float2 own = n < parts ? weight[(size_t)h * parts + n] : make_float2(NOTHING, 0.0f);
        tops[k] = own.x, factor[k] = own.y, top = fmaxf(top, own.x);
    }
    top = max_of_warp(top);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        float mine = exp2f((tops[k] - top) * LOG2E);
        total += mine * factor[k], factor[k] = mine;
    }
    total = sum_of_warp(total);
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k)
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            int n = 32 * k + 4 * i + quarter;
            float one = __shfl_sync(ALL, factor[k], 4 * i + quarter);
            if (n < parts) sum += part[((size_t)h * parts + n) * DIM + d] * one;
        }
    sums[quarter][d] = sum;
    __syncthreads();
    if (quarter > 0) return;
    float all = (sums[0][d] + sums[1][d] + sums[2][d] + sums[3][d]) / total;
    if (wide) reinterpret_cast<float*>(out)[(size_t)h * DIM + d] = all;
    else reinterpret_cast<u16*>(out)[(size_t)h * DIM + d] = to_bf16(all);
}
