// y = x W^T for 1 to 16 rows of x, W in NF4 as `nf4.PackedNF4` lays it out.
//
// Reading the weights once is all that must take time. So: tiles go from memory to shared memory
// asynchronously, SLOTS of a warp under way, each of UNITS tiles; and a decoding that costs one
// instruction and one look into a table for two weights. A byte of two codes is looked up as two
// bf16 side by side, which are an operand of the tensor core as they come. The table lies in shared
// memory 32 times, once for each bank, so that lanes never collide, and 256 bytes from one pair to
// the next, so that an address is a lane's place and the code side by side. The half of a row that
// the copies leave free holds tiles that have come. Sums are float32; a block of 64 is multiplied
// by its absmax after it was summed.
//
// Defined from outside: ROW_TILES (1 or 2, of 8 rows each), WARPS, SLOTS, UNITS, BLOCKS (that run on
// a multiprocessor at once), SHARED, GATED, LEVEL_BITS.

#include "device.cuh"

#define THREADS (WARPS * 32)
#define TILE 32  // 16-byte words of a tile of 16 outputs by 64 inputs
#define ROW 256  // bytes of the table from one pair to the next: 128 are its copies
#define TILE_ROWS 4  // whose free halves hold a tile

// NF4's levels times 1.437, where rounding them to bf16 costs least: the 16 together are 1.7 times
// closer than unscaled. `PackedNF4` divides absmax by it.
__constant__ u16 LEVELS[16] = {LEVEL_BITS};

__device__ __forceinline__ void copy16(u32 to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

// codes: [out_tiles, k_tiles, 512] bytes; scales: [out_tiles, k_tiles, 8] pairs of bf16, of the
// outputs g and g + 8; x: bf16 [rows, 64 k_tiles]; bias: bf16 [out] or null. y: bf16 [rows, out],
// or where blocks share the inputs of an output, float32 [parts, rows, out].
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
nf4_product(const uint4* __restrict__ codes, const uint4* __restrict__ scales, const u16* x,
            const u16* __restrict__ bias, void* y, int rows, int out, int out_tiles, int k_tiles,
            int parts) {
    // The table with tiles' codes, then their scales: [256][ROW], [WARPS][SLOTS][UNITS][32].
    extern __shared__ __align__(1024) u8 memory[];
    __shared__ float4 sums[2][WARPS][ROW_TILES][32];

    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int group = lane >> 2, quad = lane & 3;

    // A block's work: items of UNITS tiles side by side from `first` on, which its warps take in
    // turn. Each block has as many as the others, or where it does not share, as many tiles of outputs.
    const int k_items = k_tiles / UNITS, blocks = gridDim.x;
#if SHARED
    const int items = out_tiles * k_items;
    const int first = (u64)blockIdx.x * items / blocks;
    const int last = (u64)(blockIdx.x + 1) * items / blocks;
#else
    const int first = (u64)blockIdx.x * out_tiles / blocks * k_items;
    const int last = (u64)(blockIdx.x + 1) * out_tiles / blocks * k_items;
#endif

    const u8* held = memory + warp * SLOTS * UNITS * TILE_ROWS * ROW + ROW / 2 +
                     (lane >> 3) * ROW + (lane & 7) * 16;
    const u8* held_scales = memory + 256 * ROW + warp * SLOTS * UNITS * 32;
    const u32 to_codes = (u32)__cvta_generic_to_shared(held);
    const u32 to_scales = (u32)__cvta_generic_to_shared(held_scales) + lane * 16;
    int coming = first + warp;
    const uint4* next_codes = codes + (size_t)coming * UNITS * TILE + lane;
    const uint4* next_scales = scales + (size_t)coming * UNITS * 2 + lane;
    auto fetch = [&](int slot) {
        if (coming < last) {
#pragma unroll
            for (int u = 0; u < UNITS; ++u)
                copy16(to_codes + (slot * UNITS + u) * TILE_ROWS * ROW, next_codes + u * TILE);
            if (lane < 2 * UNITS) copy16(to_scales + slot * UNITS * 32, next_scales);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        coming += WARPS, next_codes += WARPS * UNITS * TILE, next_scales += WARPS * UNITS * 2;
    };
#pragma unroll
    for (int slot = 0; slot < SLOTS; ++slot) fetch(slot);

    for (int i = threadIdx.x; i < 256 * 8; i += THREADS) {
        int byte = i >> 3;  // its first code is the high half, and comes first
        u32 pair = LEVELS[byte >> 4] | (u32)LEVELS[byte & 15] << 16;
        *reinterpret_cast<uint4*>(memory + byte * ROW + (i & 7) * 16) =
            make_uint4(pair, pair, pair, pair);
    }
    begin_next();
    __syncthreads();
    wait_for_previous();

    const u32 place = lane * 4;
    auto pair_of = [&](u32 q, int which) {  // 256 times byte `which` of q, plus the lane's place
        u32 at = __byte_perm(q, place, 0x6504 + (which << 4));
        return *reinterpret_cast<const u32*>(memory + at);
    };

    // Rows past the last read it again: their columns of the sums are never stored.
    const uint4* input[ROW_TILES];
#pragma unroll
    for (int n = 0; n < ROW_TILES; ++n) {
        size_t row = min(8 * n + group, rows - 1);
        input[n] = reinterpret_cast<const uint4*>(x + row * k_tiles * 64 + quad * 16);
    }

    float sum[ROW_TILES][4] = {};
    int buffer = 0, turn = 0, slot = 0, item = first + warp, tile = first / k_items;

    for (int begin = tile * k_items; begin < last; begin += k_items, ++tile) {
        const int end = min(last, begin + k_items);
        for (; item < end; item += WARPS) {
            asm volatile("cp.async.wait_group %0;" ::"n"(SLOTS - 1) : "memory");
            __syncwarp();
            uint4 code[UNITS];
            u32 scale[UNITS];
#pragma unroll
            for (int u = 0; u < UNITS; ++u) {
                int unit = slot * UNITS + u;
                code[u] = *reinterpret_cast<const uint4*>(held + unit * TILE_ROWS * ROW);
                scale[u] = reinterpret_cast<const u32*>(held_scales + unit * 32)[group];
            }
            __syncwarp();
            fetch(slot);
            slot = slot + 1 == SLOTS ? 0 : slot + 1;
#pragma unroll
            for (int u = 0; u < UNITS; ++u) {
                u32 b[ROW_TILES][8];
#pragma unroll
                for (int n = 0; n < ROW_TILES; ++n) {
                    const uint4* row = input[n] + ((item - begin) * UNITS + u) * 8;
                    uint4 low = row[0], high = row[1];
                    b[n][0] = low.x, b[n][1] = low.y, b[n][2] = low.z, b[n][3] = low.w;
                    b[n][4] = high.x, b[n][5] = high.y, b[n][6] = high.z, b[n][7] = high.w;
                }
                u32 words[4] = {code[u].x, code[u].y, code[u].z, code[u].w};
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
                float low = low_bf16(scale[u]), high = high_bf16(scale[u]);
#pragma unroll
                for (int n = 0; n < ROW_TILES; ++n) {
                    sum[n][0] += low * block[n][0], sum[n][1] += low * block[n][1];
                    sum[n][2] += high * block[n][2], sum[n][3] += high * block[n][3];
                }
            }
        }

        // What the block has of these outputs is read: one warp, another each time, adds it up.
#pragma unroll
        for (int n = 0; n < ROW_TILES; ++n) {
            sums[buffer][warp][n][lane] = make_float4(sum[n][0], sum[n][1], sum[n][2], sum[n][3]);
            sum[n][0] = sum[n][1] = sum[n][2] = sum[n][3] = 0.0f;
        }
        __syncthreads();
        if (warp == turn) {
#if SHARED
            // The part of the first block that has some of them is 0; the last fills what is left.
            const int part = blockIdx.x - (int)((((u64)begin + 1) * blocks - 1) / items);
            const int upto = end == begin + k_items ? parts : part + 1;
#else
            const int part = 0;
#endif
#pragma unroll
            for (int n = 0; n < ROW_TILES; ++n) {
                float4 all = sums[buffer][0][n][lane];
#pragma unroll
                for (int w = 1; w < WARPS; ++w) {
                    float4 more = sums[buffer][w][n][lane];
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
                    float add = bias && part == 0 && o < out ? from_bf16(bias[o]) : 0.0f;
#pragma unroll
                    for (int c = 0; c < 2; ++c) {
                        int row = 8 * n + 2 * quad + c;
                        if (row >= rows || o >= out) continue;
                        float v = value[half][c] + add;
#if SHARED
                        for (int p = part; p < upto; ++p)
                            reinterpret_cast<float*>(y)[((size_t)p * rows + row) * out + o] =
                                p == part ? v : 0.0f;
#else
                        reinterpret_cast<u16*>(y)[(size_t)row * out + o] = to_bf16(v);
#endif
                    }
                }
#endif
            }
        }
        buffer ^= 1;
        turn = (turn + 1) % WARPS;
    }
}
