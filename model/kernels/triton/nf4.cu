// y = x W^T for 1 to 16 rows of x, W in NF4 as `nf4.PackedNF4` lays it out.
//
// Reading the weights once is all that must take time. So: 16 bytes a lane and load, DEPTH loads of
// each warp under way, and a decoding that costs one look into a table for two weights: a byte of
// two codes is looked up as two bf16 side by side, which are an operand of the tensor core as they
// come. The table lies in shared memory 32 times, once for each bank, so that lanes never collide.
// Sums are float32; a block of 64 is multiplied by its absmax after it was summed.
//
// Defined from outside: ROW_TILES (1 or 2, of 8 rows each), WARPS, DEPTH, SPLITS, GATED, LEVEL_BITS.

#include "device.cuh"

#define THREADS (WARPS * 32)
#define TILE_LOADS 32  // loads of 16 bytes that make a tile of 16 outputs by 64 inputs

// NF4's levels times 1.437, where rounding them to bf16 costs least: the 16 together are 1.7 times
// closer than unscaled. `PackedNF4` divides absmax by it.
__constant__ u16 LEVELS[16] = {LEVEL_BITS};

__device__ __forceinline__ uint4 stream16(const uint4* at) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(at));
    return v;
}

__device__ __forceinline__ u32 stream4(const u32* at) {
    u32 v;
    asm volatile("ld.global.nc.L1::no_allocate.u32 %0, [%1];" : "=r"(v) : "l"(at));
    return v;
}

// An item of work is 16 outputs, and one of SPLITS parts of the inputs: `count` tiles from `first`.
// The warps of a block take them in turn.
struct Part {
    int first, count;

    __device__ __forceinline__ Part(int item, int k_tiles) {
        int split = item % SPLITS;
        first = split * k_tiles / SPLITS;
        count = (split + 1) * k_tiles / SPLITS - first;
    }
};

// codes: [out_tiles, k_tiles, 512] bytes; scales: [out_tiles, k_tiles, 8] pairs of bf16, of the
// outputs g and g + 8; x: bf16 [rows, 64 k_tiles]; bias: bf16 [out] or null. y: bf16 [rows, out],
// or with more than one split float32 [splits, rows, out].
extern "C" __global__ void __launch_bounds__(THREADS)
nf4_product(const uint4* __restrict__ codes, const u32* __restrict__ scales, const u16* x,
            const u16* __restrict__ bias, void* y, int rows, int out, int out_tiles, int k_tiles) {
    __shared__ __align__(16) u32 table[256 * 32];
    __shared__ float4 parts[2][WARPS][ROW_TILES][32];

    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int group = lane >> 2, quad = lane & 3;
    const int items = out_tiles * SPLITS;

    // What is fetched next, DEPTH tiles of this warp ahead of what is multiplied.
    uint4 code[DEPTH];
    u32 scale[DEPTH];
    int coming = blockIdx.x, to_fetch = 0;
    const uint4* next_code = codes;
    const u32* next_scale = scales;
    auto begin_fetching = [&]() {
        Part part(coming, k_tiles);
        size_t tile = (size_t)(coming / SPLITS) * k_tiles + part.first + warp;
        next_code = codes + tile * TILE_LOADS + lane;
        next_scale = scales + tile * 8 + group;
        to_fetch = coming < items ? part.count - warp : 0;
    };
    auto fetch = [&](int slot) {
        if (to_fetch > slot * WARPS) {
            code[slot] = stream16(next_code + slot * WARPS * TILE_LOADS);
            scale[slot] = stream4(next_scale + slot * WARPS * 8);
        }
    };
    auto fetched = [&]() {
        next_code += DEPTH * WARPS * TILE_LOADS, next_scale += DEPTH * WARPS * 8;
        to_fetch -= DEPTH * WARPS;
        if (to_fetch + warp > 0) return;
        coming += gridDim.x;
        begin_fetching();
    };
    begin_fetching();

#pragma unroll
    for (int slot = 0; slot < DEPTH; ++slot) fetch(slot);
    fetched();

    for (int i = threadIdx.x; i < 256 * 8; i += THREADS) {
        int byte = i >> 3;  // its first code is the high half, and comes first
        u32 pair = LEVELS[byte >> 4] | (u32)LEVELS[byte & 15] << 16;
        reinterpret_cast<uint4*>(table)[i] = make_uint4(pair, pair, pair, pair);
    }
    begin_next();
    __syncthreads();
    wait_for_previous();

    const u32 bank = (u32)__cvta_generic_to_shared(table + lane);
    auto pair_of = [&](u32 q, int which) {
        u32 pair, byte = __byte_perm(q, 0, 0x4440 + which);
        asm("ld.shared.u32 %0, [%1];" : "=r"(pair) : "r"(byte * 128 + bank));
        return pair;
    };

    // Rows past the last read it again: their columns of the sums are never stored.
    const uint4* input[ROW_TILES];
    int item = blockIdx.x, to_multiply = 0;
    auto begin_multiplying = [&]() {
        Part part(item, k_tiles);
#pragma unroll
        for (int n = 0; n < ROW_TILES; ++n) {
            size_t row = min(8 * n + group, rows - 1);
            const u16* start = x + (row * k_tiles + part.first + warp) * 64 + quad * 16;
            input[n] = reinterpret_cast<const uint4*>(start);
        }
        to_multiply = part.count - warp;
    };
    begin_multiplying();

    float sum[ROW_TILES][4] = {};
    int buffer = 0, turn = 0;

    while (true) {
#pragma unroll
        for (int slot = 0; slot < DEPTH; ++slot) {
            if (to_multiply > slot * WARPS) {
                u32 words[4] = {code[slot].x, code[slot].y, code[slot].z, code[slot].w};
                u32 pair = scale[slot];
                float low = low_bf16(pair), high = high_bf16(pair);
                u32 b[ROW_TILES][8];
#pragma unroll
                for (int n = 0; n < ROW_TILES; ++n) {
                    const uint4* row = input[n] + slot * WARPS * 8;
                    uint4 first = row[0], second = row[1];
                    b[n][0] = first.x, b[n][1] = first.y, b[n][2] = first.z, b[n][3] = first.w;
                    b[n][4] = second.x, b[n][5] = second.y, b[n][6] = second.z, b[n][7] = second.w;
                }
                float block[ROW_TILES][4] = {};
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    u32 q = words[j];
                    u32 a[4] = {pair_of(q, 0), pair_of(q, 1), pair_of(q, 2), pair_of(q, 3)};
#pragma unroll
                    for (int n = 0; n < ROW_TILES; ++n)
                        multiply_bf16(block[n], a[0], a[1], a[2], a[3], b[n][2 * j],
                                      b[n][2 * j + 1]);
                }
#pragma unroll
                for (int n = 0; n < ROW_TILES; ++n) {
                    sum[n][0] += low * block[n][0], sum[n][1] += low * block[n][1];
                    sum[n][2] += high * block[n][2], sum[n][3] += high * block[n][3];
                }
            }
            fetch(slot);
        }
        fetched();
#pragma unroll
        for (int n = 0; n < ROW_TILES; ++n) input[n] += DEPTH * WARPS * 8;
        to_multiply -= DEPTH * WARPS;
        if (to_multiply + warp > 0) continue;

        // The item is read: one warp, another each time, adds what the warps have.
#pragma unroll
        for (int n = 0; n < ROW_TILES; ++n) {
            parts[buffer][warp][n][lane] =
                make_float4(sum[n][0], sum[n][1], sum[n][2], sum[n][3]);
            sum[n][0] = sum[n][1] = sum[n][2] = sum[n][3] = 0.0f;
        }
        __syncthreads();
        if (warp == turn) {
            int tile = item / SPLITS, split = item % SPLITS;
#pragma unroll
            for (int n = 0; n < ROW_TILES; ++n) {
                float4 all = parts[buffer][0][n][lane];
#pragma unroll
                for (int w = 1; w < WARPS; ++w) {
                    float4 more = parts[buffer][w][n][lane];
                    all.x += more.x, all.y += more.y, all.z += more.z, all.w += more.w;
                }
                float value[2][2] = {{all.x, all.y}, {all.z, all.w}};
#if GATED
                // Output g of the tile is a gate, g + 8 what it gates.
                int o = tile * 8 + group;
#pragma unroll
                for (int c = 0; c < 2; ++c) {
                    int row = 8 * n + 2 * quad + c;
                    float gate = value[0][c];
                    if (row < rows && o < out)
                        reinterpret_cast<u16*>(y)[(size_t)row * out + o] =
                            to_bf16(gate / (1.0f + __expf(-gate)) * value[1][c]);
                }
#else
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    int o = tile * 16 + half * 8 + group;
                    float add = bias && split == 0 && o < out ? from_bf16(bias[o]) : 0.0f;
#pragma unroll
                    for (int c = 0; c < 2; ++c) {
                        int row = 8 * n + 2 * quad + c;
                        if (row >= rows || o >= out) continue;
                        float v = value[half][c] + add;
                        if (SPLITS > 1)
                            reinterpret_cast<float*>(y)[((size_t)split * rows + row) * out + o] = v;
                        else
                            reinterpret_cast<u16*>(y)[(size_t)row * out + o] = to_bf16(v);
                    }
                }
#endif
            }
        }
        buffer ^= 1;
        turn = (turn + 1) % WARPS;
        item += gridDim.x;
        if (item >= items) return;
        begin_multiplying();
    }
}
