// Rows and NF4 weights as `rotated.Rotated`: turned by blocks of SIDE, then codes of 8 bit.
//
// A lane has 16 values that lie together, so that four of a block's log2(SIDE) steps are within a
// lane and the others between lanes side by side. A step is a + b, a - b: signs alone, no factors.
//
// Defined from outside: SIDE (64 or 128), THREADS. Of rows: CHUNKS (of 16 values a thread), NORMED,
// EPS. Of weights: LEVEL_BITS.

#include "device.cuh"

#define EACH 16  // values of a lane
#define ROOT (SIDE == 64 ? 8.0f : 11.3137085f)

__device__ __forceinline__ float largest_of(const float (&v)[EACH], float largest) {
#pragma unroll
    for (int i = 0; i < EACH; ++i) largest = fmaxf(largest, fabsf(v[i]));
    return largest;
}

__device__ __forceinline__ void turn_within(float (&v)[EACH]) {
#pragma unroll
    for (int d = 1; d < EACH; d <<= 1)
#pragma unroll
        for (int i = 0; i < EACH; ++i)
            if (!(i & d)) {
                const float a = v[i], b = v[i + d];
                v[i] = a + b, v[i + d] = a - b;
            }
}

// The steps between lanes, of which `lanes` have a block's values.
__device__ __forceinline__ void turn_across(float (&v)[EACH], int lanes) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int d = 1; d < lanes; d <<= 1)
#pragma unroll
        for (int i = 0; i < EACH; ++i) {
            const float other = __shfl_xor_sync(ALL, v[i], d);
            v[i] = lane & d ? other - v[i] : v[i] + other;
        }
}

__device__ __forceinline__ uint4 codes_of(const float (&v)[EACH], float to_codes) {
    u32 word[4];
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        word[w] = 0;
#pragma unroll
        for (int b = 0; b < 4; ++b)
            word[w] |= (u32)(__float2int_rn(v[4 * w + b] * to_codes) & 255) << 8 * b;
    }
    return make_uint4(word[0], word[1], word[2], word[3]);
}

#ifdef CHUNKS
__device__ __forceinline__ void read(float (&v)[EACH], const u16* x) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const uint4 some = reinterpret_cast<const uint4*>(x)[half];
        const u32 pairs[4] = {some.x, some.y, some.z, some.w};
#pragma unroll
        for (int p = 0; p < 4; ++p) {
            v[8 * half + 2 * p] = low_bf16(pairs[p]);
            v[8 * half + 2 * p + 1] = high_bf16(pairs[p]);
        }
    }
}

__device__ __forceinline__ void read(float (&v)[EACH], const float* x) {
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        const float4 some = reinterpret_cast<const float4*>(x)[w];
        v[4 * w] = some.x, v[4 * w + 1] = some.y, v[4 * w + 2] = some.z, v[4 * w + 3] = some.w;
    }
}

#if NORMED
typedef float input;
#else
typedef u16 input;
#endif

// A row, x [inner]: codes [inner], and its scale. A norm's factor goes into the scale.
extern "C" __global__ void __launch_bounds__(THREADS)
rotate_rows(const input* __restrict__ x, const u16* __restrict__ weight, uint4* codes, float* scale,
            int inner) {
    __shared__ float tops[THREADS / 32], squares[THREADS / 32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const size_t row = blockIdx.x;
    const int words = inner / EACH;
    float v[CHUNKS][EACH], top = 0, square = 0;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
        const int at = c * THREADS + threadIdx.x;
#pragma unroll
        for (int i = 0; i < EACH; ++i) v[c][i] = 0;
        if (at < words) read(v[c], x + row * inner + at * EACH);
    }
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
#pragma unroll
        for (int i = 0; i < EACH; ++i) square += v[c][i] * v[c][i];
#if NORMED
        const int at = c * THREADS + threadIdx.x;
        float factor[EACH];
        if (at < words) {
            read(factor, weight + at * EACH);
#pragma unroll
            for (int i = 0; i < EACH; ++i) v[c][i] *= factor[i];
        }
#endif
        turn_within(v[c]);
        turn_across(v[c], SIDE / EACH);
        top = largest_of(v[c], top);
    }
    top = max_of_warp(top);
    square = sum_of_warp(square);
    if (lane == 0) tops[warp] = top, squares[warp] = square;
    __syncthreads();
    top = tops[0], square = squares[0];
#pragma unroll
    for (int w = 1; w < THREADS / 32; ++w) top = fmaxf(top, tops[w]), square += squares[w];
    const float to_codes = top > 0 ? 127 / top : 0;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
        const int at = c * THREADS + threadIdx.x;
        if (at < words) codes[row * words + at] = codes_of(v[c], to_codes);
    }
    if (threadIdx.x == 0) {
        float unit = top / (127 * ROOT);
#if NORMED
        unit *= rsqrtf(square / inner + EPS);
#endif
        // What is no number is that of the whole row: a maximum would hide it.
        scale[row] = square < __int_as_float(0x7F800000) ? unit : __int_as_float(0x7FC00000);
    }
}
#else
#define UNITS (SIDE / 64)  // tiles of inputs that are turned together

__constant__ u16 LEVELS[16] = {LEVEL_BITS};

// Output `g + 8 h` of a tile, h = 0 or 1: gates and what they gate take turns.
__device__ __forceinline__ int place_of(int tile, int g, int h, int gated) {
    return tile * 16 + (gated ? 2 * g + h : 8 * h + g);
}

// A block of inputs of 16 outputs, turned: a lane has 16 of each tile of two outputs.
__device__ __forceinline__ void weights(float (&v)[2][UNITS][EACH], const uint4* codes,
                                        const u32* scales, size_t first, const float* levels) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int u = 0; u < UNITS; ++u) {
        const uint4 some = codes[(first + u) * 32 + lane];
        const u32 both = scales[(first + u) * 8 + (lane >> 2)];
        const float unit[2] = {low_bf16(both), high_bf16(both)};
        const u32 words[4] = {some.x, some.y, some.z, some.w};
#pragma unroll
        for (int b = 0; b < 16; ++b) {
            const u32 byte = words[b >> 2] >> 8 * (b & 3) & 255;
            const int h = b & 1, i = b & ~1;  // the high half has an even input, the low the next
            v[h][u][i] = levels[byte >> 4] * unit[h];
            v[h][u][i + 1] = levels[byte & 15] * unit[h];
        }
    }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
#pragma unroll
        for (int u = 0; u < UNITS; ++u) {
            turn_within(v[h][u]);
            turn_across(v[h][u], 4);
        }
#if UNITS == 2
#pragma unroll
        for (int i = 0; i < EACH; ++i) {
            const float a = v[h][0][i], b = v[h][1][i];
            v[h][0][i] = a + b, v[h][1][i] = a - b;
        }
#endif
    }
}

// Scales of the 16 outputs of a tile. codes: [out_tiles, k_tiles, 512] bytes; scales: pairs of bf16,
// [out_tiles, k_tiles, 8].
extern "C" __global__ void __launch_bounds__(THREADS)
scale_weight(const uint4* __restrict__ codes, const u32* __restrict__ scales, float* scale,
             int outputs, int k_tiles, int gated) {
    __shared__ float levels[16], tops[THREADS / 32][16];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, tile = blockIdx.x;
    if (threadIdx.x < 16) levels[threadIdx.x] = from_bf16(LEVELS[threadIdx.x]);
    __syncthreads();
    float top[2] = {0, 0};
    for (int unit = warp; unit < k_tiles / UNITS; unit += THREADS / 32) {
        float v[2][UNITS][EACH];
        weights(v, codes, scales, (size_t)tile * k_tiles + unit * UNITS, levels);
#pragma unroll
        for (int h = 0; h < 2; ++h)
#pragma unroll
            for (int u = 0; u < UNITS; ++u) top[h] = largest_of(v[h][u], top[h]);
    }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        top[h] = fmaxf(top[h], __shfl_xor_sync(ALL, top[h], 1));
        top[h] = fmaxf(top[h], __shfl_xor_sync(ALL, top[h], 2));
        if ((lane & 3) == 0) tops[warp][8 * h + (lane >> 2)] = top[h];
    }
    __syncthreads();
    if (threadIdx.x < 16) {
        float largest = 0;
#pragma unroll
        for (int w = 0; w < THREADS / 32; ++w) largest = fmaxf(largest, tops[w][threadIdx.x]);
        const int output = place_of(tile, threadIdx.x & 7, threadIdx.x >> 3, gated);
        if (output < outputs) scale[output] = largest / (127 * ROOT);
    }
}

// The codes, int8 [outputs, 64 k_tiles], to given scales: a warp's item is a block of inputs of a
// tile.
extern "C" __global__ void __launch_bounds__(THREADS)
rotate_weight(const uint4* __restrict__ codes, const u32* __restrict__ scales,
              const float* __restrict__ scale, uint4* out, int outputs, int out_tiles, int k_tiles,
              int gated) {
    __shared__ float levels[16];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    if (threadIdx.x < 16) levels[threadIdx.x] = from_bf16(LEVELS[threadIdx.x]);
    __syncthreads();
    const int units = k_tiles / UNITS;
    for (int item = blockIdx.x * (THREADS / 32) + warp; item < out_tiles * units;
         item += gridDim.x * (THREADS / 32)) {
        const int tile = item / units, unit = item % units;
        float v[2][UNITS][EACH];
        weights(v, codes, scales, (size_t)tile * k_tiles + unit * UNITS, levels);
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int output = place_of(tile, lane >> 2, h, gated);
            if (output >= outputs) continue;
            const float step = scale[output] * ROOT, to_codes = step > 0 ? 1 / step : 0;
#pragma unroll
            for (int u = 0; u < UNITS; ++u)
                out[((size_t)output * k_tiles + unit * UNITS + u) * 4 + (lane & 3)] =
                    codes_of(v[h][u], to_codes);
        }
    }
}
#endif
