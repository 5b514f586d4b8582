// What all kernels share: short names, order between launches, and numbers of 16 bit.

#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned short u16;
typedef unsigned char u8;

#define ALL 0xFFFFFFFFu  // lanes of a warp
#define NOTHING __int_as_float(0xFF800000)  // less than any logit
#define LOG2E 1.44269504f
#define LN2 0.69314718f

// Programmatic dependent launch: the next kernel may begin; what the ones before have written is
// there. Before Hopper a kernel begins when the one before has ended.
__device__ __forceinline__ void begin_next() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ float from_bf16(u32 bits) { return __uint_as_float(bits << 16); }

__device__ __forceinline__ u16 to_bf16(float x) {
    u16 bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}

// Two bf16 in a word, the first in the low half.
__device__ __forceinline__ float low_bf16(u32 both) { return from_bf16(both); }

__device__ __forceinline__ float high_bf16(u32 both) {
    return __uint_as_float(both & 0xFFFF0000u);
}

// c += a b: 16 by 16, times 16 by 8. PTX calls lane / 4 groupID and lane % 4 threadID_in_group.
__device__ __forceinline__ void multiply_bf16(float (&c)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0,
                                              u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

__device__ __forceinline__ u32 sum_of_warp(u32 x) { return __reduce_add_sync(ALL, x); }

__device__ __forceinline__ float sum_of_warp(float x) {
#pragma unroll
    for (int d = 16; d; d >>= 1) x += __shfl_xor_sync(ALL, x, d);
    return x;
}

// Of no NaN. As whole numbers, which one instruction compares: negative ones are turned around.
__device__ __forceinline__ float max_of_warp(float x) {
    int bits = __float_as_int(x);
    bits = __reduce_max_sync(ALL, bits ^ (bits >> 31 & 0x7FFFFFFF));
    return __int_as_float(bits ^ (bits >> 31 & 0x7FFFFFFF));
}

// The sum of each lane and those before it.
__device__ __forceinline__ u32 sum_upto_lane(u32 x) {
#pragma unroll
    for (int d = 1; d < 32; d <<= 1) {
        const u32 before = __shfl_up_sync(ALL, x, d);
        if ((threadIdx.x & 31) >= d) x += before;
    }
    return x;
}
