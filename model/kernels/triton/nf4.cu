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
// Where outputs cannot be dealt out evenly, blocks share their inputs: each has as many tiles as the
// others. Of outputs whose inputs end in a later block, a block leaves its sums to that one, first of
// all; what earlier blocks have left it adds to its own last of all, so that nobody waits for long. No
// block waits for a later one: they begin in their order.
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

#if SHARED
// No sum has these bits: where they are, none was left yet. (What is no number has others.)
#define ABSENT 0xFFFFFFFFu

__device__ __forceinline__ void leave(float4* at, float4 x) {
    asm volatile("st.relaxed.gpu.global.v4.f32 [%0], {%1, %2, %3, %4};"
                 ::"l"(at), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w) : "memory");
}

// What another block leaves there, added to `sum`; it is absent again.
__device__ __forceinline__ void take(float (&sum)[4], float4* at) {
    u32 x, y, z, w;
    do {
        asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(x), "=r"(y), "=r"(z), "=r"(w) : "l"(at) : "memory");
    } while (x == ABSENT || y == ABSENT || z == ABSENT || w == ABSENT);
    sum[0] += __uint_as_float(x), sum[1] += __uint_as_float(y);
    sum[2] += __uint_as_float(z), sum[3] += __uint_as_float(w);
    const float absent = __uint_as_float(ABSENT);
    leave(at, make_float4(absent, absent, absent, absent));
}
#endif

// codes: [out_tiles, k_tiles, 512] bytes; scales: [out_tiles, k_tiles, 8] pairs of bf16, of the
// outputs g and g + 8; x: bf16 [rows, 64 k_tiles]; bias: bf16 [out] or null. y: bf16 [rows, out].
// meeting: [blocks, ROW_TILES, 32], absent before and after, where blocks share.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
nf4_product(const uint4* __restrict__ codes, const uint4* __restrict__ scales, const u16* x,
            const u16* __restrict__ bias, u16* y, float4* meeting, int rows, int out, int out_tiles,
            int k_tiles) {
    // The table with tiles' codes, then their scales: [256][ROW], [WARPS][SLOTS][UNITS][32].
    extern __shared__ __align__(1024) u8 memory[];
    __shared__ float4 sums[2][WARPS][ROW_TILES][32];

    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int group = lane >> 2, quad = lane & 3;

    // A block's work: items of UNITS tiles side by side, `first` to `last`, which its warps take in turn.
    // Each block has as many as the others, or where it does not share, as many tiles of outputs.
    const int k_items = k_tiles / UNITS, blocks = gridDim.x;
#if SHARED
    // First the items of outputs that end in a later block, then those of outputs that are the block's
    // own, from `own` to `left`, and at last those of outputs that begin in an earlier one: three
    // stretches at most, each told by where it begins.
    const int items = out_tiles * k_items;
    const int first = (u64)blockIdx.x * items / blocks;
    const int last = (u64)(blockIdx.x + 1) * items / blocks;
    const int own = (first + k_items - 1) / k_items * k_items, left = last / k_items * k_items;
    auto end_of = [&](int begin) { return begin >= left ? last : begin == own ? left : own; };
    auto following = [&](int begin) { return begin == left && own < left ? own : first; };
    const int start = left <= first ? first : left < last ? left : following(left);
#else
    const int first = (u64)blockIdx.x * out_tiles / blocks * k_items;
    const int last = (u64)(blockIdx.x + 1) * out_tiles / blocks * k_items;
    auto end_of = [&](int) { return last; };
    const int start = first;
#endif

    const u8* held = memory + warp * SLOTS * UNITS * TILE_ROWS * ROW + ROW / 2 +
                     (lane >> 3) * ROW + (lane & 7) * 16;
    const u8* held_scales = memory + 256 * ROW + warp * SLOTS * UNITS * 32;
    const u32 to_codes = (u32)__cvta_generic_to_shared(held);
    const u32 to_scales = (u32)__cvta_generic_to_shared(held_scales) + lane * 16;
    int coming = start + warp, coming_from = start, coming_end = end_of(start);
    const uint4* next_codes = codes + (size_t)coming * UNITS * TILE + lane;
    const uint4* next_scales = scales + (size_t)coming * UNITS * 2 + lane;
    auto skip = [&](int n) {
        coming += n, next_codes += n * UNITS * TILE, next_scales += n * UNITS * 2;
    };
    auto fetch = [&](int slot) {
#if SHARED
        while (coming >= coming_end && coming_from != first) {
            coming_from = following(coming_from);
            skip(coming_from - coming_end);
            coming_end = end_of(coming_from);
        }
#endif
        if (coming < coming_end) {
#pragma unroll
            for (int u = 0; u < UNITS; ++u)
                copy16(to_codes + (slot * UNITS + u) * TILE_ROWS * ROW, next_codes + u * TILE);
            if (lane < 2 * UNITS) copy16(to_scales + slot * UNITS * 32, next_scales);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        skip(WARPS);
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

    // Lanes whose row is past the last read nothing, and multiply 0: what they do not ask for leaves
    // the processor's way to memory, shared and not, to the table.
    const uint4* input[ROW_TILES];
    u32 b[UNITS][ROW_TILES][8] = {};
#pragma unroll
    for (int n = 0; n < ROW_TILES; ++n)
        input[n] = reinterpret_cast<const uint4*>(x + (size_t)(8 * n + group) * k_tiles * 64 + quad * 16);

    float sum[ROW_TILES][4] = {};
    int buffer = 0, turn = 0, slot = 0, item = start + warp, from = start, tile = start / k_items;

    for (int begin = tile * k_items, until = end_of(from);;) {
        const int end = min(until, begin + k_items);
#if SHARED
        // Blocks are told by their items. What others have left of outputs is where one warp begins.
        auto block_of = [&](int item) { return (int)((((u64)item + 1) * blocks - 1) / items); };
        const bool ends = end == begin + k_items;
        if (begin < first && ends && warp == 0)
            for (int block = block_of(begin); block < blockIdx.x; ++block)
#pragma unroll
                for (int n = 0; n < ROW_TILES; ++n)
                    take(sum[n], meeting + (block * ROW_TILES + n) * 32 + lane);
#endif
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
#pragma unroll
            for (int n = 0; n < ROW_TILES; ++n)
                if (8 * n + group < rows)
#pragma unroll
                    for (int u = 0; u < UNITS; ++u) {
                        const uint4* row = input[n] + ((item - begin) * UNITS + u) * 8;
                        const uint4 low = row[0], high = row[1];
                        b[u][n][0] = low.x, b[u][n][1] = low.y, b[u][n][2] = low.z, b[u][n][3] = low.w;
                        b[u][n][4] = high.x, b[u][n][5] = high.y, b[u][n][6] = high.z, b[u][n][7] = high.w;
                    }
            __syncwarp();
            fetch(slot);
            slot = slot + 1 == SLOTS ? 0 : slot + 1;
#pragma unroll
            for (int u = 0; u < UNITS; ++u) {
                u32 words[4] = {code[u].x, code[u].y, code[u].z, code[u].w};
                float block[ROW_TILES][4] = {};
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    u32 q = words[j];
                    u32 a[4] = {pair_of(q, 0), pair_of(q, 1), pair_of(q, 2), pair_of(q, 3)};
#pragma unroll
                    for (int n = 0; n < ROW_TILES; ++n)
                        multiply_bf16(block[n], a[0], a[1], a[2], a[3], b[u][n][2 * j],
                                      b[u][n][2 * j + 1]);
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
#pragma unroll
            for (int n = 0; n < ROW_TILES; ++n) {
                float4 all = sums[buffer][0][n][lane];
#pragma unroll
                for (int w = 1; w < WARPS; ++w) {
                    float4 more = sums[buffer][w][n][lane];
                    all.x += more.x, all.y += more.y, all.z += more.z, all.w += more.w;
                }
#if SHARED
                if (!ends) {
                    leave(meeting + (blockIdx.x * ROW_TILES + n) * 32 + lane, all);
                    continue;
                }
#endif
                float value[2][2] = {{all.x, all.y}, {all.z, all.w}};
#if GATED
                // Output g of the tile is a gate, g + 8 what it gates.
                int o = tile * 8 + group;
#pragma unroll
                for (int c = 0; c < 2; ++c) {
                    int row = 8 * n + 2 * quad + c;
                    float gate = value[0][c];
                    if (row < rows && o < out)
                        y[(size_t)row * out + o] =
                            to_bf16(gate / (1.0f + __expf(-gate)) * value[1][c]);
                }
#else
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    int o = tile * 16 + half * 8 + group;
                    if (o >= out) continue;
                    float add = bias ? from_bf16(bias[o]) : 0.0f;
#pragma unroll
                    for (int c = 0; c < 2; ++c) {
                        int row = 8 * n + 2 * quad + c;
                        if (row < rows) y[(size_t)row * out + o] = to_bf16(value[half][c] + add);
                    }
                }
#endif
            }
        }
        buffer ^= 1;
        turn = (turn + 1) % WARPS;
        begin += k_items, ++tile;
        if (begin < until) continue;
#if SHARED
        if (from != first) {
            from = following(from);
            item += from - until;
            until = end_of(from), tile = from / k_items, begin = tile * k_items;
            continue;
        }
#endif
        break;
    }
}
