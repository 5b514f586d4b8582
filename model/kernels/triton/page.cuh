// A warp's attention over pages of 8-bit keys and 8- or 4-bit values, a page at a time.
//
// The query heads of a KV head, at most 8, are the rows of a tensor core's operand; its other 8
// rows hold what rounding them to float16 took away. Codes become float16 by putting their byte
// below the bits of 1024, exactly. Scales are multiplied into the queries, and into the weights.
//
// Scores are logarithms to base 2. Weights become float16, of which the least is 2^-24: they are taken
// over what makes the largest of them times the largest scale of its page's values 2^15, so that
// only what is 2^-39 of that is lost, whatever the token with the largest score has for a value.
//
// Which number of a sum stands where in an operand is free as long as both operands agree: in step
// k of a product over channels lane 4 r + q holds for its head r the channels 16 k + 4 q to
// 16 k + 4 q + 3, and over tokens 8 q to 8 q + 7. So the scores of a page are the other operand of
// the second product as they come. Rows of 32 bytes are swizzled so that no two lanes meet in a
// bank.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, VALUE_BITS, BIASED.

#pragma once
#include "device.cuh"

#define STEPS (DIM / 16)         // of a product over channels
#define TILES (DIM / 8)          // of eight channels of the output
#define QUADS (4 * GROUP_HEADS)  // lanes that hold a head
#define SUMS (2 * TILES * (QUADS + 1))
#define KEY_BYTES (DIM * 32)
#define VALUE_BYTES (DIM * 4 * VALUE_BITS)
#define SIGN 0x80808080u
#define BYTE_ZERO 0x64806480u  // two float16: what a byte of 0 becomes once its sign is turned
#define NIBBLE_ZERO 0x64006400u

// As many codes of values as a lane reads of a token at once.
#if DIM * VALUE_BITS == 1024
typedef uint4 Codes;
#elif DIM * VALUE_BITS == 512
typedef uint2 Codes;
#else
typedef u32 Codes;
#endif
#define WORDS (DIM * VALUE_BITS / 256)  // in them

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

// Byte n of a and of b, each below the bits of 1024, less `zero`.
__device__ __forceinline__ void pairs(u32 a, u32 b, u32 zero, u32 (&out)[4]) {
    u32 first = __byte_perm(a, b, 0x5140), second = __byte_perm(a, b, 0x7362);
    out[0] = __byte_perm(first, 0x64646464u, 0x4140);
    out[1] = __byte_perm(first, 0x64646464u, 0x4342);
    out[2] = __byte_perm(second, 0x64646464u, 0x4140);
    out[3] = __byte_perm(second, 0x64646464u, 0x4342);
#pragma unroll
    for (int j = 0; j < 4; ++j) asm("sub.f16x2 %0, %0, %1;" : "+r"(out[j]) : "r"(zero));
}

// Four bf16 at an address, a multiple of 8, as floats.
__device__ __forceinline__ void four_bf16(const u16* at, float (&x)[4]) {
    uint2 both = *reinterpret_cast<const uint2*>(at);
    x[0] = low_bf16(both.x), x[1] = high_bf16(both.x);
    x[2] = low_bf16(both.y), x[3] = high_bf16(both.y);
}

__device__ __forceinline__ void copy16(void* to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::
                 "r"((u32)__cvta_generic_to_shared(to)), "l"(from));
}

__device__ __forceinline__ void end_of_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

__device__ __forceinline__ float of_quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(ALL, x, 1));
    return fmaxf(x, __shfl_xor_sync(ALL, x, 2));
}

__device__ __forceinline__ float of_quad_sum(float x) {
    x += __shfl_xor_sync(ALL, x, 1);
    return x + __shfl_xor_sync(ALL, x, 2);
}

struct Page {
#if BIASED
    float turn[DIM];  // cosines, then sines, by which a key bias is turned to the page
#endif
    u16 key_scale[DIM], key_mean[DIM], value_scale[32], value_low[32];
    u8 keys[KEY_BYTES], values[VALUE_BYTES];
};

// A store, as `QuantizedPages.tensors` gives it.
struct Store {
    const u8* key_codes;
    const u16 *key_mean, *key_scale;
    const u8* value_codes;
    const u16 *value_scale, *value_low;
};

// Begin to copy the page that lies at `at` of the store, and its `turn`.
__device__ __forceinline__ void fetch(Page& to, const Store& store, size_t at, const float* turn) {
    const int lane = threadIdx.x & 31;
    const u8 *keys = store.key_codes + at * KEY_BYTES, *values = store.value_codes + at * VALUE_BYTES;
#pragma unroll 4
    for (int i = lane * 16; i < KEY_BYTES; i += 512)
        copy16(to.keys + (i ^ (i >> 7 & 3) << 5), keys + i);
#pragma unroll 4
    for (int i = lane * 16; i < VALUE_BYTES; i += 512)
        copy16(to.values + (i ^ i / (VALUE_BYTES / 4) << 5), values + i);
#if BIASED
    if (lane < DIM / 4) copy16(to.turn + lane * 4, turn + lane * 4);
#endif
    if (lane < DIM / 8) {
        copy16(to.key_scale + lane * 8, store.key_scale + at * DIM + lane * 8);
        copy16(to.key_mean + lane * 8, store.key_mean + at * DIM + lane * 8);
    }
    if (lane < 4) {
        copy16(to.value_scale + lane * 8, store.value_scale + at * 32 + lane * 8);
#if VALUE_BITS == 4
        copy16(to.value_low + lane * 8, store.value_low + at * 32 + lane * 8);
#endif
    }
}

// By how much a score must be lowered, at most, that its weight times the scale of its value does not
// pass 2^15, which float16 holds: of a page, in all lanes of a warp. Scales are positive.
__device__ __forceinline__ float lift_of(const Page& p) {
    const u32 largest = __reduce_max_sync(ALL, (u32)p.value_scale[threadIdx.x & 31]);
    return __log2f(from_bf16(largest)) - 15.0f;
}

// The queries of a KV head, scaled, as `Attention::read` takes them: by step and lane.
__device__ __forceinline__ void lay_out(const u16* query, float4 (*out)[32]) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    if (warp >= STEPS) return;
    float x[4] = {};
    if (r < GROUP_HEADS) four_bf16(query + r * DIM + 16 * warp + 4 * q, x);
    const float scaling = LOG2E * rsqrtf(DIM);
    out[warp][lane] = make_float4(x[0] * scaling, x[1] * scaling, x[2] * scaling, x[3] * scaling);
}

// The keys of step k as operands: in tile j the tokens 4 r + j.
__device__ __forceinline__ void operands_of_keys(const Page& p, int k, u32 (&low)[4], u32 (&high)[4]) {
    const int lane = threadIdx.x & 31, r = lane >> 2, q = lane & 3;
    u32 key[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
        key[i] = *reinterpret_cast<const u32*>(
            p.keys + ((16 * k + 4 * q + i) * 32 ^ q << 5) + 4 * r) ^ SIGN;
    pairs(key[0], key[1], BYTE_ZERO, low);
    pairs(key[2], key[3], BYTE_ZERO, high);
}

// The codes of four tokens, 8 q + 4 u and following.
__device__ __forceinline__ void codes_of_values(const Page& p, int u, Codes (&some)[4]) {
    const int lane = threadIdx.x & 31, r = lane >> 2, q = lane & 3;
#pragma unroll
    for (int t = 0; t < 4; ++t) {
        int at = (8 * q + 4 * u + t) * (VALUE_BYTES / 32) + r * sizeof(Codes);
        some[t] = *reinterpret_cast<const Codes*>(p.values + (at ^ q << 5));
    }
}

#define PARTS (8 / VALUE_BITS)  // of a word: low nibbles, then high ones

// Word v of them as operands of four tiles, `tiles_of(v, part)` and following.
__device__ __forceinline__ void operands_of_values(const Codes (&some)[4], int v, int part,
                                                   u32 (&low)[4], u32 (&high)[4]) {
    u32 four[4];
#pragma unroll
    for (int t = 0; t < 4; ++t) {
        four[t] = reinterpret_cast<const u32*>(&some[t])[v];
        four[t] = VALUE_BITS == 8 ? four[t] ^ SIGN : four[t] >> 4 * part & 0x0F0F0F0Fu;
    }
    const u32 zero = VALUE_BITS == 8 ? BYTE_ZERO : NIBBLE_ZERO;
    pairs(four[0], four[1], zero, low);
    pairs(four[2], four[3], zero, high);
}

__device__ __forceinline__ constexpr int tiles_of(int v, int part) {
    return part * (TILES / 2) + 4 * v;
}

// What a warp has read: the softmax of its tokens for each head r, `sums` in the order of tiles, over
// `top`: the largest score and what it was lifted by.
struct Attention {
    float sums[TILES][4] = {};
    float top = NOTHING, total = 0.0f, lows = 0.0f;

    // Another page. `operand` of a bias: float16 [KV_HEADS, STEPS, 32 lanes,
    // 4 tiles, 2 of rounded and rest, 4], see `BiasTables`, of the KV head. Gives the lane's share of
    // the sum of the page's exponentials, over `top`.
    __device__ __forceinline__ float read(const Page& p, const float4 (*query)[32],
                                          const uint4* __restrict__ operand) {
        const int lane = threadIdx.x & 31, q = lane & 3;
        float c[4][4] = {};
        float common = 0.0f;  // of all tokens of the page
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            const int first = 16 * k + 4 * q;
            const float4 head = query[k][lane];
            float scale[4], mean[4];
            u32 a[4], low[4], high[4];
            four_bf16(p.key_scale + first, scale);
            four_bf16(p.key_mean + first, mean);
            operands_of_keys(p, k, low, high);
            common += head.x * mean[0] + head.y * mean[1] + head.z * mean[2] + head.w * mean[3];
            split(head.x * scale[0], head.y * scale[1], a[0], a[1]);
            split(head.z * scale[2], head.w * scale[3], a[2], a[3]);
#pragma unroll
            for (int j = 0; j < 4; ++j) multiply(c[j], a, low[j], high[j]);
#if BIASED
            // The query turned back to the page's first slot, times the bias at each of its slots.
            const float4 across = query[k ^ STEPS / 2][lane];
            const float* turn = p.turn + first % (DIM / 2);
            const float4 cosine = *reinterpret_cast<const float4*>(turn);
            float4 sine = *reinterpret_cast<const float4*>(turn + DIM / 2);
            if (k >= STEPS / 2) sine = make_float4(-sine.x, -sine.y, -sine.z, -sine.w);
            split(head.x * cosine.x + across.x * sine.x, head.y * cosine.y + across.y * sine.y,
                  a[0], a[1]);
            split(head.z * cosine.z + across.z * sine.z, head.w * cosine.w + across.w * sine.w,
                  a[2], a[3]);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                uint4 b = operand[(k * 32 + lane) * 4 + j];
                multiply(c[j], a, b.x, b.y);
                multiply(c[j], a, b.z, b.w);
            }
#endif
        }
        common = of_quad_sum(common);
        float score[8], peak = NOTHING;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            score[j] = c[j][0] + c[j][2] + common;
            score[4 + j] = c[j][1] + c[j][3] + common;
            peak = fmaxf(peak, fmaxf(score[j], score[4 + j]));
        }
        peak = fmaxf(top, of_quad_max(peak) + lift_of(p));
        const float shrink = exp2f(top - peak);
        top = peak;
        float own = 0.0f, put = 0.0f, unit[4];
        u32 w[2][4];  // weights in the operand's order
#pragma unroll
        for (int u = 0; u < 2; ++u) {
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                score[4 * u + t] = exp2f(score[4 * u + t] - peak);
                own += score[4 * u + t];
            }
#if VALUE_BITS == 4
            four_bf16(p.value_low + 8 * q + 4 * u, unit);
#pragma unroll
            for (int t = 0; t < 4; ++t) put += score[4 * u + t] * unit[t];
#endif
            four_bf16(p.value_scale + 8 * q + 4 * u, unit);
            split(score[4 * u] * unit[0], score[4 * u + 1] * unit[1], w[u][0], w[u][1]);
            split(score[4 * u + 2] * unit[2], score[4 * u + 3] * unit[3], w[u][2], w[u][3]);
        }
        total = total * shrink + own, lows = lows * shrink + put;
#pragma unroll
        for (int j = 0; j < TILES; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) sums[j][i] *= shrink;
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            Codes some[4];
            codes_of_values(p, u, some);
#pragma unroll
            for (int v = 0; v < WORDS; ++v)
#pragma unroll
                for (int part = 0; part < PARTS; ++part) {
                    u32 low[4], high[4];
                    operands_of_values(some, v, part, low, high);
#pragma unroll
                    for (int j = 0; j < 4; ++j)
                        multiply(sums[tiles_of(v, part) + j], w[u], low[j], high[j]);
                }
        }
        return own;
    }

    // What was found, over a `top` that is not less than any: for each head of the group and channel
    // at `place_of`, and for each head.
    __device__ __forceinline__ void leave(float* out, float* totals, float over) {
        const int lane = threadIdx.x & 31, r = lane >> 2, q = lane & 3;
        total = of_quad_sum(total), lows = of_quad_sum(lows);
        if (r >= GROUP_HEADS) return;
        const float factor = top > NOTHING ? exp2f(top - over) : 0.0f;
#pragma unroll
        for (int j = 0; j < TILES; ++j)
#pragma unroll
            for (int i = 0; i < 2; ++i)
                out[(2 * j + i) * (QUADS + 1) + lane] = (sums[j][i] + sums[j][i + 2] + lows) * factor;
        if (q == 0) totals[r] = total * factor;
    }
};

// Where sums lie so that neither lanes that leave them nor threads that read a head's channels, one
// after the other, meet in a bank. Column n of tile j is channel n DIM / 8 + j; of 4 bits n DIM / 16
// + j, in halves.
__device__ __forceinline__ int place_of(int g, int d) {
#if VALUE_BITS == 8
    const int column = d / (DIM / 8), j = d % (DIM / 8);
#else
    const int rest = d % (DIM / 2), column = rest / (DIM / 16);
    const int j = d / (DIM / 2) * (TILES / 2) + rest % (DIM / 16);
#endif
    return (2 * j + column % 2) * (QUADS + 1) + 4 * g + column / 2;
}
