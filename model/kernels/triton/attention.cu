// Attention of a row's query heads over 8-bit pages: the parts that `attention.py` joins.
//
// A warp takes a page at a time, and all of it is under way before any is used. The query heads of
// a KV head, at most 8, are the rows of a tensor core's operand; its other 8 rows hold what
// rounding them to float16 took away. Codes become float16 by putting their byte below the bits of
// 1024: 1024 + 128 + code, exactly, and what that adds is subtracted from the sums. Scales are
// multiplied into the queries, and into the weights.
//
// Which number of a sum stands where in an operand is free as long as both operands agree: lane
// 4 r + q holds for its head r the channels q DIM/4 and following, and the tokens 8 q to 8 q + 7. So
// the scores of a page are the other operand of the second product as they come.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, KV_HEADS, VALUE_BITS, SELECTED, BIASED,
// COUNTED.

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#define WARPS 8
#define THREADS (WARPS * 32)
#define STEPS (DIM / 16)      // of a product over channels
#define EACH (DIM / 4)        // channels of a lane
#define TILES (DIM / 8)       // of eight channels of the output
#define OFFSET (VALUE_BITS == 8 ? 1152.0f : 1024.0f)
#define NOTHING __int_as_float(0xFF800000)
#define LOG2E 1.44269504f

// As many codes of values as a lane reads of a token at once.
#if DIM * VALUE_BITS == 1024
typedef uint4 Codes;
#elif DIM * VALUE_BITS == 512
typedef uint2 Codes;
#else
typedef u32 Codes;
#endif
#define WORDS (DIM * VALUE_BITS / 256)  // in them

__device__ __forceinline__ float from_bf16(u32 bits) { return __uint_as_float(bits << 16); }

// Two floats as float16, the first in the low half.
__device__ __forceinline__ u32 halves(float a, float b) {
    u32 both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(b), "f"(a));
    return both;
}

__device__ __forceinline__ float low_half(u32 both) {
    float x;
    asm("{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l;}" : "=f"(x) : "r"(both));
    return x;
}

__device__ __forceinline__ float high_half(u32 both) {
    float x;
    asm("{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h;}" : "=f"(x) : "r"(both));
    return x;
}

// `near` is a and b rounded, `rest` what that took away.
__device__ __forceinline__ void split(float a, float b, u32& near, u32& rest) {
    near = halves(a, b);
    rest = halves(a - low_half(near), b - high_half(near));
}

__device__ __forceinline__ void multiply(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Byte n of a and of b, each below the bits of 1024.
__device__ __forceinline__ void pairs(u32 a, u32 b, u32 (&out)[4]) {
    u32 first = __byte_perm(a, b, 0x5140), second = __byte_perm(a, b, 0x7362);
    out[0] = __byte_perm(first, 0x64646464u, 0x4140);
    out[1] = __byte_perm(first, 0x64646464u, 0x4342);
    out[2] = __byte_perm(second, 0x64646464u, 0x4140);
    out[3] = __byte_perm(second, 0x64646464u, 0x4342);
}

__device__ __forceinline__ float of_quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFFu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xFFFFFFFFu, x, 2));
}

__device__ __forceinline__ float of_quad_sum(float x) {
    x += __shfl_xor_sync(0xFFFFFFFFu, x, 1);
    return x + __shfl_xor_sync(0xFFFFFFFFu, x, 2);
}

__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

struct Shared {
    float sums[WARPS][8][DIM];  // of weights and values, by warp and head
    float top[WARPS][8], total[WARPS][8];
    float query[8][DIM], weights[8][32];
};

// What the warps found, as one part.
__device__ void leave(Shared& s, int warps, float* part, float2* weight, int first_head, int parts,
                      int n) {
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS) {
        int g = i / DIM, d = i % DIM;
        float top = NOTHING;
        for (int w = 0; w < warps; ++w) top = fmaxf(top, s.top[w][g]);
        float sum = 0.0f, total = 0.0f;
        for (int w = 0; w < warps; ++w) {
            if (s.top[w][g] == NOTHING) continue;
            float factor = exp2f((s.top[w][g] - top) * LOG2E);
            sum += s.sums[w][g][d] * factor, total += s.total[w][g] * factor;
        }
        size_t place = (size_t)(first_head + g) * parts + n;
        part[place * DIM + d] = sum;
        if (d == 0) weight[place] = make_float2(top, total);
    }
}

// The page that is being filled: float32, and read as it is.
__device__ void tail(Shared& s, const u16* query, const float* keys, const float* values,
                     const float* within, const float* turns, int kv, int row, int begun,
                     float scaling, float* part, float2* weight, float* shares, int first_head,
                     int parts, int capacity) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int written = begun % 32 + row + 1;
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS)
        s.query[i / DIM][i % DIM] = from_bf16(query[(size_t)first_head * DIM + i]) * scaling;
    __syncthreads();
    keys += (size_t)kv * 32 * DIM, values += (size_t)kv * 32 * DIM;
    for (int t = warp; t < 32; t += WARPS) {
        float key[DIM / 32];
#pragma unroll
        for (int i = 0; i < DIM / 32; ++i) {
            int d = lane + 32 * i;
            key[i] = t < written ? keys[t * DIM + d] : 0.0f;
#if BIASED
            // R(32 page) turns what R(slot) has turned.
            int pair = d % (DIM / 2), across = (d + DIM / 2) % DIM;
            float c = turns[(begun / 32) * DIM + pair], o = turns[(begun / 32) * DIM + DIM / 2 + pair];
            float own = within[((size_t)kv * DIM + d) * 32 + t];
            float other = within[((size_t)kv * DIM + across) * 32 + t];
            key[i] += own * c + (d < DIM / 2 ? -other : other) * o;
#endif
        }
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) {
            float score = 0.0f;
#pragma unroll
            for (int i = 0; i < DIM / 32; ++i) score += s.query[g][lane + 32 * i] * key[i];
#pragma unroll
            for (int d = 16; d; d >>= 1) score += __shfl_xor_sync(0xFFFFFFFFu, score, d);
            if (lane == 0) s.weights[g][t] = t < written ? score : NOTHING;
        }
    }
    __syncthreads();
    for (int g = warp; g < GROUP_HEADS; g += WARPS) {
        float score = s.weights[g][lane], top = score;
#pragma unroll
        for (int d = 16; d; d >>= 1) top = fmaxf(top, __shfl_xor_sync(0xFFFFFFFFu, top, d));
        float own = exp2f((score - top) * LOG2E), total = own;
#pragma unroll
        for (int d = 16; d; d >>= 1) total += __shfl_xor_sync(0xFFFFFFFFu, total, d);
        s.weights[g][lane] = own;
        if (lane == 0) {
            s.top[0][g] = top, s.total[0][g] = total;
#if COUNTED
            shares[(size_t)(first_head + g) * (capacity + 1) + capacity] = top + __logf(total);
#endif
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS) {
        int g = i / DIM, d = i % DIM;
        float sum = 0.0f;
#pragma unroll 8
        for (int t = 0; t < written; ++t) sum += s.weights[g][t] * values[t * DIM + d];
        s.sums[0][g][d] = sum;
    }
    __syncthreads();
    leave(s, 1, part, weight, first_head, parts, parts - 1);
}

// query: bf16 [rows, heads, DIM]; table: i64 [capacity]; selected: int [rows, KV_HEADS, capacity],
// count: int [rows]; tail_keys, tail_values: float [KV_HEADS, 32, DIM]; start: the first row's
// position. bias: float16 [KV_HEADS, STEPS, 32 lanes, 4 tiles, 2 of rounded and rest, 4], see
// `BiasTables`. part: float [rows, heads, parts, DIM], weight: pairs [rows, heads, parts] of the
// largest score and the sum of exponentials; shares: float [rows, heads, capacity + 1].
extern "C" __global__ void __launch_bounds__(THREADS, 1)
attend(const u16* query, const u8* key_codes, const u16* key_mean, const u16* key_scale,
       const u8* value_codes, const u16* value_scale, const u16* value_low,
       const long long* __restrict__ table, const int* selected, const int* count,
       const float* tail_keys, const float* tail_values, const int* start,
       const uint4* __restrict__ bias, const float* __restrict__ within,
       const float* __restrict__ turns, float* part, float2* weight, float* shares,
       int store_pages, int capacity) {
    __shared__ Shared s;
    const float scaling = rsqrtf(DIM);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    const int kv = blockIdx.y, row = blockIdx.z, parts = gridDim.x, splits = parts - 1;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const int begun = *start;
    wait_for_previous();
    if (blockIdx.x == splits) {
        tail(s, query, tail_keys, tail_values, within, turns, kv, row, begun, scaling, part,
             weight, shares, first_head, parts, capacity);
        return;
    }
    const int reads = SELECTED ? count[row] : begun / 32;
    // Pages are dealt out one by one, so that all warps have as many, give or take one.
    const int mine = blockIdx.x + splits * warp;

    float head[STEPS][4];
    {
        const uint2* at = reinterpret_cast<const uint2*>(
            query + (size_t)(first_head + r) * DIM + q * EACH);
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            uint2 four = r < GROUP_HEADS ? at[k] : make_uint2(0, 0);
            head[k][0] = __uint_as_float(four.x << 16) * scaling;
            head[k][1] = __uint_as_float(four.x & 0xFFFF0000u) * scaling;
            head[k][2] = __uint_as_float(four.y << 16) * scaling;
            head[k][3] = __uint_as_float(four.y & 0xFFFF0000u) * scaling;
        }
    }

    float sums[TILES][4] = {};
    float top = NOTHING, total = 0.0f;
    float added = 0.0f, lows = 0.0f;  // what is to be taken from the sums, and put to them

    for (int n = mine; n < reads; n += splits * WARPS) {
        const int page = SELECTED ? selected[(size_t)(row * KV_HEADS + kv) * capacity + n] : n;
        const size_t at = (size_t)kv * store_pages + table[page];
        u32 key[STEPS][4];
        const u32* rows = reinterpret_cast<const u32*>(key_codes + at * (DIM * 32)) + r;
#pragma unroll
        for (int k = 0; k < STEPS; ++k)
#pragma unroll
            for (int i = 0; i < 4; ++i) key[k][i] = rows[(q * EACH + 4 * k + i) * 8];
        uint2 scale[STEPS], mean[STEPS];
        const uint2* scales = reinterpret_cast<const uint2*>(key_scale + at * DIM + q * EACH);
        const uint2* means = reinterpret_cast<const uint2*>(key_mean + at * DIM + q * EACH);
#pragma unroll
        for (int k = 0; k < STEPS; ++k) scale[k] = scales[k], mean[k] = means[k];
        uint4 unit = *reinterpret_cast<const uint4*>(value_scale + at * 32 + 8 * q);
        // Tokens 8 q + t, channels from r DIM / 8; of 4 bits, from r DIM / 16 and DIM / 2 further.
        u32 value[8][WORDS];
        const Codes* lines = reinterpret_cast<const Codes*>(
            value_codes + at * (4 * DIM * VALUE_BITS)) + 8 * q * 8 + r;
#pragma unroll
        for (int t = 0; t < 8; ++t) {
            Codes some = lines[t * 8];
#pragma unroll
            for (int w = 0; w < WORDS; ++w) value[t][w] = reinterpret_cast<const u32*>(&some)[w];
        }
#if VALUE_BITS == 4
        uint4 low = *reinterpret_cast<const uint4*>(value_low + at * 32 + 8 * q);
#endif

        float c[4][4] = {};
        float common = 0.0f;  // of all tokens of the page
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            float x[4] = {
                head[k][0] * __uint_as_float(scale[k].x << 16),
                head[k][1] * __uint_as_float(scale[k].x & 0xFFFF0000u),
                head[k][2] * __uint_as_float(scale[k].y << 16),
                head[k][3] * __uint_as_float(scale[k].y & 0xFFFF0000u),
            };
            common += head[k][0] * __uint_as_float(mean[k].x << 16)
                      + head[k][1] * __uint_as_float(mean[k].x & 0xFFFF0000u)
                      + head[k][2] * __uint_as_float(mean[k].y << 16)
                      + head[k][3] * __uint_as_float(mean[k].y & 0xFFFF0000u);
            u32 a[4];
            split(x[0], x[1], a[0], a[1]);
            split(x[2], x[3], a[2], a[3]);
            common -= 1152.0f * (low_half(a[0]) + high_half(a[0]) + low_half(a[1]) + high_half(a[1])
                                 + low_half(a[2]) + high_half(a[2]) + low_half(a[3])
                                 + high_half(a[3]));
            u32 first[4], second[4];
            pairs(key[k][0] ^ 0x80808080u, key[k][1] ^ 0x80808080u, first);
            pairs(key[k][2] ^ 0x80808080u, key[k][3] ^ 0x80808080u, second);
#pragma unroll
            for (int j = 0; j < 4; ++j) multiply(c[j], a, first[j], second[j]);
        }
#if BIASED
        // The query turned back to the page's first slot, times the bias at each of its slots.
        const uint4* table_of = bias + (size_t)kv * STEPS * 32 * 4 + lane * 4;
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            float x[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int d = q * EACH + 4 * k + i, pair = d % (DIM / 2);
                float across = __shfl_xor_sync(0xFFFFFFFFu, head[k][i], 2);
                x[i] = head[k][i] * turns[page * DIM + pair]
                       + (q < 2 ? across : -across) * turns[page * DIM + DIM / 2 + pair];
            }
            u32 a[4];
            split(x[0], x[1], a[0], a[1]);
            split(x[2], x[3], a[2], a[3]);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                uint4 b = table_of[k * 32 * 4 + j];
                multiply(c[j], a, b.x, b.y);
                multiply(c[j], a, b.z, b.w);
            }
        }
#endif
        common = of_quad_sum(common);
        float score[8], peak = NOTHING;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            score[j] = c[j][0] + c[j][2] + common;
            score[4 + j] = c[j][1] + c[j][3] + common;
            peak = fmaxf(peak, fmaxf(score[j], score[4 + j]));
        }
        peak = fmaxf(top, of_quad_max(peak));
        const float shrink = exp2f((top - peak) * LOG2E);
        top = peak;
        const u32 units[4] = {unit.x, unit.y, unit.z, unit.w};
        float own = 0.0f, taken = 0.0f, put = 0.0f;
        u32 w[2][4];  // weights in the operand's order
#pragma unroll
        for (int t = 0; t < 8; ++t) {
            score[t] = exp2f((score[t] - peak) * LOG2E);
            own += score[t];
#if VALUE_BITS == 4
            const u32 lowest[4] = {low.x, low.y, low.z, low.w};
            put += score[t] * __uint_as_float(t & 1 ? lowest[t / 2] & 0xFFFF0000u
                                                    : lowest[t / 2] << 16);
#endif
            score[t] *= __uint_as_float(t & 1 ? units[t / 2] & 0xFFFF0000u : units[t / 2] << 16);
        }
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            split(score[4 * u], score[4 * u + 1], w[u][0], w[u][1]);
            split(score[4 * u + 2], score[4 * u + 3], w[u][2], w[u][3]);
#pragma unroll
            for (int i = 0; i < 4; ++i) taken += low_half(w[u][i]) + high_half(w[u][i]);
        }
        total = total * shrink + own;
        added = added * shrink + taken;
        lows = lows * shrink + put;
#if COUNTED
        own = of_quad_sum(own);
        if (q == 0 && r < GROUP_HEADS)
            shares[(size_t)(first_head + r) * (capacity + 1) + n] = top + __logf(own);
#endif
#pragma unroll
        for (int j = 0; j < TILES; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) sums[j][i] *= shrink;
#pragma unroll
        for (int u = 0; u < 2; ++u) {
#if VALUE_BITS == 8
#pragma unroll
            for (int v = 0; v < WORDS; ++v) {
                u32 first[4], second[4];
                pairs(value[4 * u][v] ^ 0x80808080u, value[4 * u + 1][v] ^ 0x80808080u, first);
                pairs(value[4 * u + 2][v] ^ 0x80808080u, value[4 * u + 3][v] ^ 0x80808080u, second);
#pragma unroll
                for (int j = 0; j < 4; ++j) multiply(sums[4 * v + j], w[u], first[j], second[j]);
            }
#else
#pragma unroll
            for (int v = 0; v < WORDS; ++v)
#pragma unroll
                for (int high = 0; high < 2; ++high) {
                    u32 four[4], first[4], second[4];
#pragma unroll
                    for (int t = 0; t < 4; ++t)
                        four[t] = value[4 * u + t][v] >> (4 * high) & 0x0F0F0F0Fu;
                    pairs(four[0], four[1], first);
                    pairs(four[2], four[3], second);
#pragma unroll
                    for (int j = 0; j < 4; ++j)
                        multiply(sums[high * (TILES / 2) + 4 * v + j], w[u], first[j], second[j]);
                }
#endif
        }
    }

    // Column n of tile j is channel n DIM / 8 + j; of 4 bits n DIM / 16 + j, in halves.
    total = of_quad_sum(total), added = of_quad_sum(added), lows = of_quad_sum(lows);
#pragma unroll
    for (int j = 0; j < TILES; ++j)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int column = 2 * q + i;
#if VALUE_BITS == 8
            int d = column * (DIM / 8) + j;
#else
            int d = j / (TILES / 2) * (DIM / 2) + column * (DIM / 16) + j % (TILES / 2);
#endif
            s.sums[warp][r][d] = sums[j][i] + sums[j][i + 2] - OFFSET * added + lows;
        }
    if (q == 0) s.top[warp][r] = top, s.total[warp][r] = total;
    __syncthreads();
    leave(s, WARPS, part, weight, first_head, parts, blockIdx.x);
}

// The softmax over all parts, 128 at most, of a head. out: float or bf16 [rows, heads, DIM]; 4 DIM threads.
extern "C" __global__ void __launch_bounds__(4 * DIM)
join(const float* part, const float2* weight, void* out, int heads, int parts, int wide) {
    __shared__ float sums[4][DIM];
    const int h = blockIdx.y * heads + blockIdx.x;
    const int d = threadIdx.x % DIM, quarter = threadIdx.x / DIM;
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
#pragma unroll
    for (int i = 16; i; i >>= 1) top = fmaxf(top, __shfl_xor_sync(0xFFFFFFFFu, top, i));
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        float mine = exp2f((tops[k] - top) * LOG2E);
        total += mine * factor[k], factor[k] = mine;
    }
#pragma unroll
    for (int i = 16; i; i >>= 1) total += __shfl_xor_sync(0xFFFFFFFFu, total, i);
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k)
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            int n = 32 * k + 4 * i + quarter;
            float one = __shfl_sync(0xFFFFFFFFu, factor[k], 4 * i + quarter);
            if (n < parts) sum += part[((size_t)h * parts + n) * DIM + d] * one;
        }
    sums[quarter][d] = sum;
    __syncthreads();
    if (quarter > 0) return;
    float all = (sums[0][d] + sums[1][d] + sums[2][d] + sums[3][d]) / total;
    if (wide) {
        reinterpret_cast<float*>(out)[(size_t)h * DIM + d] = all;
    } else {
        u16 bits;
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(all));
        reinterpret_cast<u16*>(out)[(size_t)h * DIM + d] = bits;
    }
}
