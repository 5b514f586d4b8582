// What CUDA C++ has that C++ has not, for a kernel that runs on a CPU (emulated_cuda.py).

#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <utility>

#define __expf expf
#define __logf logf
#define __log2f log2f
#define __device__
#define __global__
#define __constant__ static const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __maxnreg__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict
#define __shared__ static __attribute__((section("of_block")))

struct Three { unsigned x, y, z; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };

// The runtime's, and all that it shows: of the thread that runs.
#pragma GCC visibility push(default)
extern Three threadIdx, blockIdx, gridDim;

typedef const uint64_t (*Lanes)[1];  // what each lane of a warp gave
Lanes emulated_meet(const char* what, uint64_t x = 0);
void emulated_multiply(const char* format, float* c, const unsigned* a_and_b);
void emulated_barrier();
void emulated_pause(const void* at = nullptr);  // others may go on; it looks at that again
char* emulated_memory();
void emulated_atomic(const void* at, size_t size);
unsigned emulated_offset(const void* shared);
void emulated_copy(unsigned to, const void* from);
void emulated_commit();
void emulated_wait(int pending);
extern "C" char* emulated_given(size_t size);
extern "C" void emulated_taken_back();

struct Launch {
    void (*call)(void**);  // runs the kernel with the arguments at these addresses
    void** given;
    const unsigned* grid;
    unsigned threads;
    size_t bytes;  // of shared memory besides what the kernel names, which lies here:
    char* named;
    size_t named_bytes;
    unsigned running;  // blocks at once: which may wait for each other
    unsigned number;   // says in which order threads go on
};
const char* emulated_run(const Launch& launch);  // what was wrong, or null
#pragma GCC visibility pop

static inline void __syncthreads() { emulated_barrier(); }
static inline void __threadfence() {}
static inline unsigned emulated_lane() { return threadIdx.x % 32; }
static inline unsigned __cvta_generic_to_shared(const void* at) { return emulated_offset(at); }

template <class To, class From> static inline To emulated_bits(From x) {
    To to = {};
    memcpy(&to, &x, sizeof(x) < sizeof(to) ? sizeof(x) : sizeof(to));
    return to;
}

static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

static inline float __uint_as_float(unsigned x) { return emulated_bits<float>(x); }
static inline float __int_as_float(int x) { return emulated_bits<float>(x); }
static inline unsigned __float_as_uint(float x) { return emulated_bits<unsigned>(x); }
static inline int __float_as_int(float x) { return emulated_bits<int>(x); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __float2int_rn(float x) {
    if (x != x) return 0;
    return x >= 2147483648.0f ? 2147483647 : x < -2147483648.0f ? -2147483647 - 1 : (int)rintf(x);
}

static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    const uint64_t both = (uint64_t)b << 32 | a;
    unsigned out = 0;
    for (int i = 0; i < 4; ++i) {
        const unsigned which = selector >> 4 * i & 15;
        unsigned byte = both >> 8 * (which & 7) & 255;
        if (which & 8) byte = byte & 128 ? 255 : 0;
        out |= byte << 8 * i;
    }
    return out;
}

template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }

#define UNTOLD __attribute__((no_sanitize("thread")))
template <class T, class V> UNTOLD static T atomicAdd(T* at, V x) {
    emulated_atomic(at, sizeof(T));
    const T before = *at;
    *at = before + (T)x;
    return before;
}

template <class T> UNTOLD static T atomicMax(T* at, T x) {
    emulated_atomic(at, sizeof(T));
    const T before = *at;
    if (before < x) *at = x;
    return before;
}

// What lanes do together; all of them.
static inline void __syncwarp() { emulated_meet("__syncwarp"); }

template <class T> static inline T __shfl_sync(unsigned, T x, int from) {
    return emulated_bits<T>(emulated_meet("__shfl", emulated_bits<uint64_t>(x))[from & 31][0]);
}

template <class T> static inline T __shfl_xor_sync(unsigned, T x, int mask) {
    return __shfl_sync(0, x, emulated_lane() ^ mask);
}

template <class T> static inline T __shfl_up_sync(unsigned, T x, int by) {
    const int lane = emulated_lane();
    return __shfl_sync(0, x, lane < by ? lane : lane - by);
}

static inline unsigned __ballot_sync(unsigned, int vote) {
    const Lanes all = emulated_meet("__ballot", vote != 0);
    unsigned out = 0;
    for (int i = 0; i < 32; ++i) out |= (unsigned)all[i][0] << i;
    return out;
}

template <class T> static inline T __reduce_max_sync(unsigned, T x) {
    const Lanes all = emulated_meet("__reduce_max", emulated_bits<uint64_t>(x));
    for (int i = 0; i < 32; ++i) x = max(x, emulated_bits<T>(all[i][0]));
    return x;
}

template <class T> static inline T __reduce_add_sync(unsigned, T) = delete;
template <> inline unsigned __reduce_add_sync(unsigned, unsigned x) {
    const Lanes all = emulated_meet("__reduce_add", x);
    x = 0;
    for (int i = 0; i < 32; ++i) x += (unsigned)all[i][0];
    return x;
}

// PTX, by the names that emulated_cuda.py gives its instructions.
static inline void ptx_copy16(unsigned to, const void* from) { emulated_copy(to, from); }
static inline void ptx_commit() { emulated_commit(); }
static inline void ptx_wait_group(int pending) { emulated_wait(pending); }
static inline void ptx_wait_all() { emulated_commit(), emulated_wait(0); }
static inline void ptx_nothing() {}

static inline void ptx_store4(float4* at, float x, float y, float z, float w) { *at = {x, y, z, w}; }

static inline void ptx_load4(unsigned& x, unsigned& y, unsigned& z, unsigned& w, const void* at) {
    emulated_pause(at);  // who looks again and again lets others go on
    const volatile unsigned* words = (const volatile unsigned*)at;
    x = words[0], y = words[1], z = words[2], w = words[3];
}

typedef _Float16 half;

static inline void ptx_round_bf16(uint16_t& out, float x) {
    const unsigned bits = __float_as_uint(x);
    out = x != x ? 0x7FFF : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

static inline unsigned emulated_halves(half low, half high) {
    return (unsigned)emulated_bits<uint16_t>(high) << 16 | emulated_bits<uint16_t>(low);
}

static inline half emulated_half(unsigned both, int which) {
    return emulated_bits<half>((uint16_t)(both >> 16 * which));
}

static inline void ptx_round_halves(unsigned& out, float high, float low) {
    out = emulated_halves((half)low, (half)high);
}

static inline void ptx_low_half(float& x, unsigned both) { x = (float)emulated_half(both, 0); }
static inline void ptx_high_half(float& x, unsigned both) { x = (float)emulated_half(both, 1); }

static inline void ptx_multiply_halves(unsigned& out, unsigned a, unsigned b) {
    out = emulated_halves(emulated_half(a, 0) * emulated_half(b, 0),
                          emulated_half(a, 1) * emulated_half(b, 1));
}

static inline void ptx_subtract_halves(unsigned& a, unsigned b) {
    a = emulated_halves(emulated_half(a, 0) - emulated_half(b, 0),
                        emulated_half(a, 1) - emulated_half(b, 1));
}

static inline void ptx_round_tf32(unsigned& out, float x) {
    const unsigned bits = __float_as_uint(x);
    out = (bits & 0x7F800000u) == 0x7F800000u ? bits : (bits + 0x1000) & ~0x1FFFu;
}

// c += a b, of 16 by 16 and 16 by 8, or 16 by 8 and 8 by 8.
template <class... A>
static inline void emulated_product(const char* format, float& c0, float& c1, float& c2, float& c3,
                                    A... a_and_b) {
    float c[4] = {c0, c1, c2, c3};
    const unsigned operands[6] = {a_and_b...};
    emulated_multiply(format, c, operands);
    c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3];
}

template <class... A> static inline void ptx_multiply_bf16(A&&... all) { emulated_product("bf16", all...); }
template <class... A> static inline void ptx_multiply_f16(A&&... all) { emulated_product("f16", all...); }
template <class... A> static inline void ptx_multiply_tf32(A&&... all) { emulated_product("tf32", all...); }

// A kernel's arguments, each at an address of its own.
template <class... A, size_t... I>
static inline void emulated_spread(void (*kernel)(A...), void** given, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<A>*>(given[I])...);
}

template <class... A> static inline void emulated_call(void (*kernel)(A...), void** given) {
    emulated_spread(kernel, given, std::index_sequence_for<A...>());
}
