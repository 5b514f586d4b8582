// Attention of a row's query heads over 8-bit pages: the parts that `attention.py` joins.
//
// A warp takes a page at a time, the next one copied into shared memory meanwhile. The query heads
// of a KV head, at most 8, are the rows of a tensor core's operand; its other 8 rows hold what
// rounding them to float16 took away. Codes become float16 by putting their byte below the bits of
// 1024, exactly. Scales are multiplied into the queries, and into the weights.
//
// Which number of a sum stands where in an operand is free as long as both operands agree: in step
// k of a product over channels lane 4 r + q holds for its head r the channels 16 k + 4 q to
// 16 k + 4 q + 3, and over tokens 8 q to 8 q + 7. So the scores of a page are the other operand of
// the second product as they come. Rows of 32 bytes are swizzled so that no two lanes meet in a
// bank.
//
// Loops are rolled where they can be: code that is run once comes from far away, too.
//
// Defined from outside: DIM (64 or 128), GROUP_HEADS, KV_HEADS, VALUE_BITS, SELECTED, BIASED,
// COUNTED, STAGES (pages of a warp in shared memory).

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#define WARPS 8
#define THREADS (WARPS * 32)
#define STEPS (DIM / 16)      // of a product over channels
#define TILES (DIM / 8)       // of eight channels of the output
#define KEY_BYTES (DIM * 32)
#define VALUE_BYTES (DIM * 4 * VALUE_BITS)
#define SIGN 0x80808080u
#define BYTE_ZERO 0x64806480u  // two float16: what a byte of 0 becomes once its sign is turned
#define NIBBLE_ZERO 0x64006400u
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

// The four numbers of 16 bit at an address of shared memory.
__device__ __forceinline__ void four_bf16(const u16* at, float (&x)[4]) {
    uint2 both = *reinterpret_cast<const uint2*>(at);
    x[0] = __uint_as_float(both.x << 16), x[1] = __uint_as_float(both.x & 0xFFFF0000u);
    x[2] = __uint_as_float(both.y << 16), x[3] = __uint_as_float(both.y & 0xFFFF0000u);
}

__device__ __forceinline__ void copy16(void* to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::
                 "r"((u32)__cvta_generic_to_shared(to)), "l"(from));
}

__device__ __forceinline__ float of_quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFFu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xFFFFFFFFu, x, 2));
}

__device__ __forceinline__ float of_quad_sum(float x) {
    x += __shfl_xor_sync(0xFFFFFFFFu, x, 1);
    return x + __shfl_xor_sync(0xFFFFFFFFu, x, 2);
}

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

struct Page {
    u8 keys[KEY_BYTES], values[VALUE_BYTES];
    u16 key_scale[DIM], key_mean[DIM], value_scale[32], value_low[32];
};

struct Tail {
    float keys[32][DIM + 4], values[32][DIM + 4];  // so that lanes read tokens from other banks
};

// What the warps have found lies where their pages lay.
struct Shared {
    union {
        Page pages[WARPS][STAGES];
        Tail tail;
        float sums[WARPS][8][DIM];  // of weights and values, by warp and head
    };
    float top[WARPS][8], total[WARPS][8], factor[WARPS][8];
    float4 query[STEPS][32];  // by lane
    float plain[8][DIM], weights[8][32];  // of the tail
};

// What the warps found, as one part.
__device__ __forceinline__ void leave(Shared& s, int warps, float* part, float2* weight,
                                      int first_head, int parts, int n) {
    if (threadIdx.x < 8 * warps) {
        const int w = threadIdx.x / 8, g = threadIdx.x % 8;
        float top = NOTHING;
        for (int i = 0; i < warps; ++i) top = fmaxf(top, s.top[i][g]);
        s.factor[w][g] = s.top[w][g] == NOTHING ? 0.0f : exp2f((s.top[w][g] - top) * LOG2E);
        if (w == 0 && g < GROUP_HEADS) {
            float total = 0.0f;
            for (int i = 0; i < warps; ++i)
                if (s.top[i][g] > NOTHING) total += exp2f((s.top[i][g] - top) * LOG2E) * s.total[i][g];
            weight[(size_t)(first_head + g) * parts + n] = make_float2(top, total);
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS) {
        const int g = i / DIM, d = i % DIM;
        float sum = 0.0f;
        for (int w = 0; w < warps; ++w) sum += s.sums[w][g][d] * s.factor[w][g];
        part[((size_t)(first_head + g) * parts + n) * DIM + d] = sum;
    }
}

// The page that is being filled: float32, and read as it is.
__device__ void tail(Shared& s, const u16* query, const float* keys, const float* values,
                     const float* within, const float* turns, int kv, int row, int begun,
                     float scaling, float* part, float2* weight, float* shares, int first_head,
                     int parts, int capacity) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int written = begun % 32 + row + 1;
    keys += (size_t)kv * 32 * DIM, values += (size_t)kv * 32 * DIM;
    for (int i = threadIdx.x * 4; i < written * DIM; i += THREADS * 4) {
        copy16(&s.tail.keys[i / DIM][i % DIM], keys + i);
        copy16(&s.tail.values[i / DIM][i % DIM], values + i);
    }
    for (int i = threadIdx.x; i < GROUP_HEADS * DIM; i += THREADS)
        s.plain[i / DIM][i % DIM] = from_bf16(query[(size_t)first_head * DIM + i]) * scaling;
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
#if BIASED
    // R(32 page) turns what R(slot) has turned.
    const float* turn = turns + begun / 32 * DIM;
#pragma unroll 4
    for (int d = warp; d < DIM; d += WARPS) {
        const float own = within[((size_t)kv * DIM + d) * 32 + lane];
        const float other = within[((size_t)kv * DIM + (d + DIM / 2) % DIM) * 32 + lane];
        const float sine = turn[DIM / 2 + d % (DIM / 2)];
        s.tail.keys[lane][d] += own * turn[d % (DIM / 2)] + other * (d < DIM / 2 ? -sine : sine);
    }
    __syncthreads();
#endif
    // A warp has a head, a lane a token.
    if (warp < GROUP_HEADS) {
        float score = 0.0f;
#pragma unroll 8
        for (int d = 0; d < DIM; d += 4) {
            const float4 a = *reinterpret_cast<const float4*>(&s.tail.keys[lane][d]);
            const float4 b = *reinterpret_cast<const float4*>(&s.plain[warp][d]);
            score += a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
        }
        score = lane < written ? score : NOTHING;
        float top = score;
#pragma unroll
        for (int d = 16; d; d >>= 1) top = fmaxf(top, __shfl_xor_sync(0xFFFFFFFFu, top, d));
        const float own = exp2f((score - top) * LOG2E);
        float total = own;
#pragma unroll
        for (int d = 16; d; d >>= 1) total += __shfl_xor_sync(0xFFFFFFFFu, total, d);
        s.weights[warp][lane] = own;
        if (lane < THREADS / DIM) s.top[lane][warp] = top, s.total[lane][warp] = lane ? 0.0f : total;
#if COUNTED
        if (lane == 0)
            shares[(size_t)(first_head + warp) * (capacity + 1) + capacity] = top + __logf(total);
#endif
    }
    __syncthreads();
    // Every DIM threads have some of the tokens.
    const int d = threadIdx.x % DIM, share = threadIdx.x / DIM;
    const int first = share * (32 * DIM / THREADS), last = min(first + 32 * DIM / THREADS, written);
    float sums[GROUP_HEADS] = {};
#pragma unroll 4
    for (int t = first; t < last; ++t) {
        const float value = s.tail.values[t][d];
#pragma unroll
        for (int g = 0; g < GROUP_HEADS; ++g) sums[g] += s.weights[g][t] * value;
    }
    __syncthreads();
#pragma unroll
    for (int g = 0; g < GROUP_HEADS; ++g) s.sums[share][g][d] = sums[g];
    __syncthreads();
    leave(s, THREADS / DIM, part, weight, first_head, parts, parts - 1);
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
    extern __shared__ __align__(128) u8 memory[];
    Shared& s = *reinterpret_cast<Shared*>(memory);
    const float scaling = rsqrtf(DIM);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, r = lane >> 2, q = lane & 3;
    const int kv = blockIdx.y, row = blockIdx.z, parts = gridDim.x, splits = parts - 1;
    const int first_head = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS;
    const int begun = *start;
    const int* chosen = selected + (size_t)(row * KV_HEADS + kv) * capacity;

    auto fetch = [&](int page, Page& to) {
        const size_t at = (size_t)kv * store_pages + table[page];
        const u8 *keys = key_codes + at * KEY_BYTES, *values = value_codes + at * VALUE_BYTES;
#pragma unroll 4
        for (int i = lane * 16; i < KEY_BYTES; i += 512)
            copy16(to.keys + (i ^ (i >> 7 & 3) << 5), keys + i);
#pragma unroll 4
        for (int i = lane * 16; i < VALUE_BYTES; i += 512)
            copy16(to.values + (i ^ i / (VALUE_BYTES / 4) << 5), values + i);
        if (lane < DIM / 8) {
            copy16(to.key_scale + lane * 8, key_scale + at * DIM + lane * 8);
            copy16(to.key_mean + lane * 8, key_mean + at * DIM + lane * 8);
        }
        if (lane < 4) {
            copy16(to.value_scale + lane * 8, value_scale + at * 32 + lane * 8);
#if VALUE_BITS == 4
            copy16(to.value_low + lane * 8, value_low + at * 32 + lane * 8);
#endif
        }
    };

    // Pages are dealt out one by one, so that all warps have as many, give or take one.
    const int step = splits * WARPS;
    int n = blockIdx.x + splits * warp, page = 0, stage = 0;
    begin_next();
#if SELECTED
    wait_for_previous();
    const int reads = count[row];
    const bool early = false;
#else
    // No kernel of this step writes a page, but the one before may seal the last of them.
    const int reads = begun / 32;
    const bool early = blockIdx.x < splits && n < reads - (begun % 32 == 0);
    if (early) fetch(page = n, s.pages[warp][0]);
    wait_for_previous();
#endif
    if (blockIdx.x == splits) {
        tail(s, query, tail_keys, tail_values, within, turns, kv, row, begun, scaling, part,
             weight, shares, first_head, parts, capacity);
        return;
    }
    if (n < reads && !early) {
        page = SELECTED ? chosen[n] : n;
        fetch(page, s.pages[warp][0]);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
    if (threadIdx.x < STEPS * 32) {
        float x[4] = {};
        if (r < GROUP_HEADS)
            four_bf16(query + (size_t)(first_head + r) * DIM + 16 * warp + 4 * q, x);
        s.query[warp][lane] =
            make_float4(x[0] * scaling, x[1] * scaling, x[2] * scaling, x[3] * scaling);
    }
    __syncthreads();

    float sums[TILES][4] = {};
    float top = NOTHING, total = 0.0f, lows = 0.0f;
    while (n < reads) {
        const int following = n + step;
        int next = 0;
#if STAGES > 1
        if (following < reads) {
            next = SELECTED ? chosen[following] : following;
            fetch(next, s.pages[warp][stage ^ 1]);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        asm volatile("cp.async.wait_group 1;" ::: "memory");
#else
        asm volatile("cp.async.wait_group 0;" ::: "memory");
#endif
        __syncwarp();
        const Page& p = s.pages[warp][stage];

        float c[4][4] = {};
        float common = 0.0f;  // of all tokens of the page
#pragma unroll 1
        for (int k = 0; k < STEPS; ++k) {
            const int first = 16 * k + 4 * q;
            const float4 head = s.query[k][lane];
            float scale[4], mean[4];
            four_bf16(p.key_scale + first, scale);
            four_bf16(p.key_mean + first, mean);
            common += head.x * mean[0] + head.y * mean[1] + head.z * mean[2] + head.w * mean[3];
            u32 a[4], key[4];
            split(head.x * scale[0], head.y * scale[1], a[0], a[1]);
            split(head.z * scale[2], head.w * scale[3], a[2], a[3]);
#pragma unroll
            for (int i = 0; i < 4; ++i)
                key[i] = *reinterpret_cast<const u32*>(
                    p.keys + ((first + i) * 32 ^ q << 5) + 4 * r) ^ SIGN;
            u32 low[4], high[4];
            pairs(key[0], key[1], BYTE_ZERO, low);
            pairs(key[2], key[3], BYTE_ZERO, high);
#pragma unroll
            for (int j = 0; j < 4; ++j) multiply(c[j], a, low[j], high[j]);
#if BIASED
            // The query turned back to the page's first slot, times the bias at each of its slots.
            const float4 across = s.query[k ^ STEPS / 2][lane];
            const float* turn = turns + page * DIM + first % (DIM / 2);
            const float4 cosine = *reinterpret_cast<const float4*>(turn);
            float4 sine = *reinterpret_cast<const float4*>(turn + DIM / 2);
            if (k >= STEPS / 2) sine = make_float4(-sine.x, -sine.y, -sine.z, -sine.w);
            split(head.x * cosine.x + across.x * sine.x, head.y * cosine.y + across.y * sine.y,
                  a[0], a[1]);
            split(head.z * cosine.z + across.z * sine.z, head.w * cosine.w + across.w * sine.w,
                  a[2], a[3]);
            const uint4* operand = bias + (((size_t)kv * STEPS + k) * 32 + lane) * 4;
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                uint4 b = operand[j];
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
        peak = fmaxf(top, of_quad_max(peak));
        const float shrink = exp2f((top - peak) * LOG2E);
        top = peak;
        float own = 0.0f, put = 0.0f, unit[4];
        u32 w[2][4];  // weights in the operand's order
#pragma unroll
        for (int u = 0; u < 2; ++u) {
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                score[4 * u + t] = exp2f((score[4 * u + t] - peak) * LOG2E);
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
        total = total * shrink + own;
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
            Codes some[4];
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                int at = (8 * q + 4 * u + t) * (VALUE_BYTES / 32) + r * sizeof(Codes);
                some[t] = *reinterpret_cast<const Codes*>(p.values + (at ^ q << 5));
            }
#pragma unroll
            for (int v = 0; v < WORDS; ++v) {
                u32 four[4], low[4], high[4];
#pragma unroll
                for (int t = 0; t < 4; ++t) four[t] = reinterpret_cast<const u32*>(&some[t])[v];
#if VALUE_BITS == 8
                pairs(four[0] ^ SIGN, four[1] ^ SIGN, BYTE_ZERO, low);
                pairs(four[2] ^ SIGN, four[3] ^ SIGN, BYTE_ZERO, high);
#pragma unroll
                for (int j = 0; j < 4; ++j) multiply(sums[4 * v + j], w[u], low[j], high[j]);
#else
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    u32 nibbles[4];
#pragma unroll
                    for (int t = 0; t < 4; ++t) nibbles[t] = four[t] >> 4 * half & 0x0F0F0F0Fu;
                    pairs(nibbles[0], nibbles[1], NIBBLE_ZERO, low);
                    pairs(nibbles[2], nibbles[3], NIBBLE_ZERO, high);
#pragma unroll
                    for (int j = 0; j < 4; ++j)
                        multiply(sums[half * (TILES / 2) + 4 * v + j], w[u], low[j], high[j]);
                }
#endif
            }
        }
        __syncwarp();  // all lanes have read the page
        n = following, page = next;
#if STAGES > 1
        stage ^= 1;
#else
        if (n < reads) {
            page = SELECTED ? chosen[n] : n;
            fetch(page, s.pages[warp][0]);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
#endif
    }

    // Column n of tile j is channel n DIM / 8 + j; of 4 bits n DIM / 16 + j, in halves.
    total = of_quad_sum(total), lows = of_quad_sum(lows);
    __syncthreads();
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
            s.sums[warp][r][d] = sums[j][i] + sums[j][i + 2] + lows;
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
