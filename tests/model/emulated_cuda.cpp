// The threads of a GPU's blocks on one of a CPU: each has a stack, and stops where it waits for others.
//
// A block runs alone until its threads wait for what another block does. In which order warps and lanes
// go on is free: `order` says it (0 from the first, 1 from the last, others by chance), so that what
// leans on an order shows. Shared memory is 0xFF before a block begins, which is no number in any of
// the formats; asynchronous copies arrive as late as they may.
//
// What a kernel reads and writes it tells of (the compiler makes it, as for ThreadSanitizer, whose
// functions are those below). Of shared memory is kept who did last: two threads of which one writes
// must have a barrier between them. What a kernel is given ends where nothing may be read.

#include "emulated_cuda.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

Three threadIdx, blockIdx, gridDim;

namespace {

const size_t STACK = 128 << 10, BEHIND = 64 << 10;  // bytes; of the latter none is a kernel's

enum State { READY, AT_WARP, AT_BARRIER, PAUSED, ENDED };

struct Copy {
    void* to;
    const void* from;
    int group;
};

struct Thread {
    State state = READY;
    unsigned number = 0;
    unsigned long generation = 0;  // of what it waits for
    const void* looks_at = nullptr;
    bool begun = false;
    char* stack = nullptr;
    jmp_buf at;
    std::vector<Copy> copies;
    int groups = 0;
};

// Who touched a byte of shared memory, between which barriers.
struct Touch {
    unsigned interval = 0, epoch = 0;  // of the block, of the warp
    uint16_t warp = 0;
    uint8_t lane = 0, several = 0;  // lanes
};

struct Byte {
    Touch written, read[2];  // by two warps
    bool atomically = false;
};

struct Warp {
    unsigned epoch = 0;
    const char* what = nullptr;  // lanes wait for
    unsigned arrived = 0, gone = 0;
    unsigned long generation = 0;
    uint64_t given[2][32][1];
    unsigned operands[32][6];  // of a product
    float sums[2][32][4];
};

struct Block {
    Three index;
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    unsigned arrived = 0, gone = 0;
    unsigned long generation = 0;
    unsigned interval = 0;
    std::unique_ptr<char[]> room;
    char* memory = nullptr;
    Byte* touched = nullptr;  // of `memory`, then of what is named
    std::vector<char> named;  // what it names of shared memory, while another block runs
};

void (*kernel)(void**);
void** given;
size_t bytes, named_size;
char* named_memory;
unsigned intervals;
Block* block;
Thread* thread;
jmp_buf scheduler;
ucontext_t main_context, new_context;
char complaint[300];
bool failed;
std::vector<char*> stacks;
std::vector<std::vector<Byte>> shadows;  // no two intervals are alike: what is left is none's

void back() { longjmp(scheduler, 1); }

[[noreturn]] void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int n = snprintf(complaint, sizeof complaint, "block (%u, %u, %u), thread %u: ", blockIdx.x,
                           blockIdx.y, blockIdx.z, threadIdx.x);
    vsnprintf(complaint + n, sizeof complaint - n, format, values);
    va_end(values);
    failed = true;
    back();
    __builtin_unreachable();
}

// The running thread stops.
void stop(State state) {
    thread->state = state;
    if (_setjmp(thread->at) == 0) back();
}

void leave_barrier() {
    block->arrived = 0;
    ++block->generation;
    block->interval = ++intervals;
}

enum Access { READ, WRITE, ATOMIC };

// Whether what was done needed a barrier before what this thread does now.
bool collides(const Touch& before, const Touch& now) {
    if (before.interval != now.interval) return false;
    if (before.warp != now.warp) return true;
    return before.epoch == now.epoch && (before.several || before.lane != now.lane);
}

void access(const void* address, size_t size, Access how) {
    size_t at = (const char*)address - block->memory;
    if (at >= bytes) {
        at = (const char*)address - named_memory;
        if (at >= named_size) return;
        at += bytes;
    }
    const unsigned w = threadIdx.x / 32;
    const Touch now = {block->interval, block->warps[w].epoch, (uint16_t)w, (uint8_t)(threadIdx.x % 32)};
    for (size_t i = at; i < at + size; ++i) {
        Byte& byte = block->touched[i];
        if (collides(byte.written, now) && !(how == ATOMIC && byte.atomically))
            fail("%s byte %zu of %s memory, which thread %u wrote", how == READ ? "reads" : "writes",
                 i < bytes ? i : i - bytes, i < bytes ? "shared" : "named", 32u * byte.written.warp + byte.written.lane);
        if (how != READ) {
            for (const Touch& read : byte.read)
                if (collides(read, now))
                    fail("writes byte %zu of %s memory, which thread %u read", i < bytes ? i : i - bytes,
                         i < bytes ? "shared" : "named", 32u * read.warp + read.lane);
            byte.written = now, byte.atomically = how == ATOMIC;
            continue;
        }
        // Of two warps, so that whichever writes, one of another is known.
        Touch* own = &byte.read[byte.read[0].interval == now.interval && byte.read[0].warp != w];
        const bool same = own->interval == now.interval && own->warp == w && own->epoch == now.epoch;
        const bool several = same && (own->several || own->lane != now.lane);
        *own = now;
        own->several = several;
    }
}

// The warp, which waits for what this thread does.
Warp& meeting(const char* what) {
    Warp& warp = block->warps[threadIdx.x / 32];
    if (warp.gone) fail("waits for %s, and %u lanes of its warp have ended", what, warp.gone);
    if (warp.arrived && strcmp(warp.what, what)) fail("waits for %s, others for %s", what, warp.what);
    warp.what = what;
    thread->generation = warp.generation;
    return warp;
}

void leave(Warp& warp) {
    warp.arrived = 0;
    ++warp.generation;
}

float of_bits(unsigned bits) { return emulated_bits<float>(bits); }

// Which numbers of the operands lanes have: PTX ISA, "Matrix Fragments for mma.m16n8k16" and "m16n8k8".
void multiply(const char* format, float (*c)[4], const unsigned (*operands)[6]) {
    double a[16][16] = {}, b[8][16] = {};
    const bool wide = !strcmp(format, "tf32"), half = !strcmp(format, "f16");
    for (int lane = 0; lane < 32; ++lane) {
        const int group = lane / 4, quad = lane % 4;
        for (int i = 0; i < 6; ++i) {
            const unsigned bits = operands[lane][i];
            double* row = i < 4 ? a[group + i % 2 * 8] : b[group];
            const int later = i < 4 ? i / 2 : i - 4;
            if (wide) {  // of a float 19 bits are looked at
                row[4 * later + quad] = of_bits(bits & ~0x1FFFu);
                continue;
            }
            double* two = row + 8 * later + 2 * quad;
            two[0] = half ? (float)emulated_half(bits, 0) : of_bits(bits << 16);
            two[1] = half ? (float)emulated_half(bits, 1) : of_bits(bits & 0xFFFF0000u);
        }
    }
    for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 4; ++i) {
            const double *row = a[lane / 4 + i / 2 * 8], *column = b[2 * (lane % 4) + i % 2];
            double sum = c[lane][i];
            for (int k = 0; k < 16; ++k) sum += row[k] * column[k];
            c[lane][i] = (float)sum;
        }
}

void body() {
    kernel(given);
    Warp& warp = block->warps[threadIdx.x / 32];
    ++warp.gone, ++block->gone;
    if (warp.arrived) fail("ends while lanes of its warp wait for %s", warp.what);
    if (block->arrived && block->arrived + block->gone == block->threads.size()) leave_barrier();
    thread->state = ENDED;
    back();
}

void resume(Thread& next) {
    thread = &next;
    threadIdx = {next.number, 0, 0};
    next.state = READY;
    if (_setjmp(scheduler)) return;
    if (next.begun) _longjmp(next.at, 1);
    next.begun = true;
    getcontext(&new_context);
    new_context.uc_stack.ss_sp = next.stack;
    new_context.uc_stack.ss_size = STACK;
    new_context.uc_link = nullptr;
    makecontext(&new_context, body, 0);
    setcontext(&new_context);
}

struct Given {
    char *begin, *end, *behind;  // what is behind the end may not be touched
};

std::vector<Given> arguments_given;

void on_fault(int, siginfo_t* about, void*) {
    const char* at = (const char*)about->si_addr;
    for (size_t i = 0; i < arguments_given.size(); ++i) {
        const Given& g = arguments_given[i];
        if (g.end <= at && at < g.behind)
            fail("touches what lies %zu bytes behind the end of array %zu", (size_t)(at - g.end), i);
    }
    fail("touches what is no memory");
}

bool may_go_on(const Thread& t, const Warp& warp) {
    if (t.state == AT_WARP) return t.generation != warp.generation;
    if (t.state == AT_BARRIER) return t.generation != block->generation;
    return t.state != ENDED;
}

// Lets threads go on until all wait: whether any did more than to look again for what others do.
bool run(unsigned order, std::mt19937& chance) {
    bool any = false;
    std::vector<unsigned> warps(block->warps.size());
    for (unsigned w = 0; w < warps.size(); ++w) warps[w] = order == 1 ? warps.size() - 1 - w : w;
    for (bool some = true; some;) {
        some = false;
        if (order > 1) std::shuffle(warps.begin(), warps.end(), chance);
        for (unsigned w : warps)
            for (bool moved = true; moved;) {
                moved = false;
                for (unsigned i = 0; i < 32; ++i) {
                    const unsigned lane = order == 0 ? i : order == 1 ? 31 - i : (5 * i + w) % 32;
                    Thread& next = block->threads[32 * w + lane];
                    if (!may_go_on(next, block->warps[w])) continue;
                    const bool looked = next.state == PAUSED;
                    const void* at = next.looks_at;
                    resume(next);
                    if (failed) return true;
                    if (!looked || next.state != PAUSED || next.looks_at != at) moved = true;
                }
                some |= moved;
            }
        any |= some;
    }
    return any;
}

bool ended(const Block& b) { return b.gone == b.threads.size(); }

std::unique_ptr<Block> begun(unsigned n, const unsigned* grid, unsigned threads, unsigned slot) {
    auto b = std::make_unique<Block>();
    b->index = {n % grid[0], n / grid[0] % grid[1], n / grid[0] / grid[1]};
    b->threads = std::vector<Thread>(threads);
    b->warps = std::vector<Warp>(threads / 32);
    for (unsigned i = 0; i < threads; ++i) {
        const size_t at = (size_t)slot * threads + i;
        while (stacks.size() <= at)
            stacks.push_back((char*)mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        b->threads[i].number = i, b->threads[i].stack = stacks[at];
    }
    const size_t size = bytes + BEHIND + 1024;
    b->room.reset(new char[size]);
    memset(b->room.get(), 0xFF, size);
    b->memory = (char*)(((uintptr_t)b->room.get() + 1023) & ~(uintptr_t)1023);
    if (shadows.size() <= slot) shadows.resize(slot + 1);
    if (shadows[slot].size() < bytes + named_size) shadows[slot].resize(bytes + named_size);
    b->touched = shadows[slot].data();
    b->interval = ++intervals;
    return b;
}

}  // namespace

Lanes emulated_meet(const char* what, uint64_t x) {
    Warp& warp = meeting(what);
    uint64_t(*all)[1] = warp.given[warp.generation & 1];
    all[threadIdx.x % 32][0] = x;
    if (++warp.arrived < 32) {
        stop(AT_WARP);
    } else {
        leave(warp);
        warp.epoch += !strcmp(what, "__syncwarp");
    }
    return all;
}

void emulated_multiply(const char* format, float* c, const unsigned* a_and_b) {
    Warp& warp = meeting(format);
    float(*sums)[4] = warp.sums[warp.generation & 1];
    const unsigned lane = threadIdx.x % 32;
    memcpy(sums[lane], c, 4 * sizeof(float));
    memcpy(warp.operands[lane], a_and_b, sizeof warp.operands[lane]);
    if (++warp.arrived < 32) {
        stop(AT_WARP);
    } else {
        multiply(format, sums, warp.operands);
        leave(warp);
    }
    memcpy(c, sums[lane], 4 * sizeof(float));
}

void emulated_barrier() {
    thread->generation = block->generation;
    if (++block->arrived + block->gone < block->threads.size()) stop(AT_BARRIER);
    else leave_barrier();
}

void emulated_pause(const void* at) {
    thread->looks_at = at;
    stop(PAUSED);
}

char* emulated_memory() { return block->memory; }

unsigned emulated_offset(const void* shared) {
    const char* at = (const char*)shared;
    if (at < block->memory || at > block->memory + bytes) fail("no address of its shared memory");
    return at - block->memory;
}

void emulated_copy(unsigned to, const void* from) {
    if (to % 16 || (uintptr_t)from % 16) fail("copies 16 bytes from or to what is no multiple of 16");
    if (to + 16 > bytes) fail("copies to byte %u of %zu", to, bytes);
    access(block->memory + to, 16, WRITE);
    thread->copies.push_back({block->memory + to, from, thread->groups});
}

void emulated_commit() { ++thread->groups; }

void emulated_wait(int pending) {
    std::vector<Copy> later;
    for (const Copy& copy : thread->copies)
        if (copy.group < thread->groups - pending) {
            access(copy.to, 16, WRITE);
            memcpy(copy.to, copy.from, 16);
        } else {
            later.push_back(copy);
        }
    thread->copies = later;
}

void emulated_atomic(const void* address, size_t size) { access(address, size, ATOMIC); }

// Room for so many bytes that ends, give or take what makes it a multiple of 16, where nothing may be
// touched.
char* emulated_given(size_t size) {
    const size_t page = 4096, whole = (size + page - 1) / page * page;
    char* begin = (char*)mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(begin + whole, page, PROT_NONE);
    char* at = begin + whole - (size + 15) / 16 * 16;
    arguments_given.push_back({begin, at + size, begin + whole + page});
    return at;
}

void emulated_taken_back() {
    for (const Given& g : arguments_given) munmap(g.begin, g.behind - g.begin);
    arguments_given.clear();
}

#define TOLD(n)                                                                  \
    void __tsan_read##n(void* at) { access(at, n, READ); }                       \
    void __tsan_write##n(void* at) { access(at, n, WRITE); }                     \
    void __tsan_unaligned_read##n(void* at) { access(at, n, READ); }             \
    void __tsan_unaligned_write##n(void* at) { access(at, n, WRITE); }
extern "C" {
TOLD(1) TOLD(2) TOLD(4) TOLD(8) TOLD(16)
void __tsan_read_range(void* at, size_t n) { access(at, n, READ); }
void __tsan_write_range(void* at, size_t n) { access(at, n, WRITE); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}

// A launch: null, or what was wrong. `named`: where what blocks name of shared memory lies;
// `running`: how many of them may run at once, to which each other's wait is no end.
static const char* launch(void (*call)(void**), void** arguments, const unsigned* grid, unsigned threads,
                          size_t memory, char* named, size_t named_bytes, unsigned running,
                          unsigned order) {
    kernel = call, given = arguments, bytes = memory, failed = false;
    named_memory = named, named_size = named_bytes;
    gridDim = {grid[0], grid[1], grid[2]};
    std::mt19937 chance(order);
    const unsigned blocks = grid[0] * grid[1] * grid[2];
    std::vector<std::unique_ptr<Block>> there;
    std::vector<unsigned> free;
    for (unsigned slot = running; slot-- > 0;) free.push_back(slot);
    std::vector<unsigned> slots;
    for (unsigned next = 0; next < blocks || !there.empty();) {
        while (next < blocks && !free.empty()) {
            slots.push_back(free.back());
            free.pop_back();
            there.push_back(begun(next++, grid, threads, slots.back()));
            there.back()->named.assign(named_bytes, (char)0xFF);
        }
        bool any = false;
        for (size_t i = 0; i < there.size(); ++i) {
            block = there[order == 1 ? there.size() - 1 - i : i].get();
            blockIdx = block->index;
            memcpy(named, block->named.data(), named_bytes);
            any |= run(order, chance);
            if (failed) return complaint;
            memcpy(block->named.data(), named, named_bytes);
        }
        for (size_t i = there.size(); i-- > 0;) {
            Block& b = *there[i];
            if (!ended(b)) continue;
            const char* behind = b.memory + bytes;
            if (std::any_of(behind, behind + BEHIND - 1024, [](char x) { return x != (char)0xFF; })) {
                blockIdx = b.index;
                snprintf(complaint, sizeof complaint, "block (%u, %u, %u): writes behind its shared memory",
                         b.index.x, b.index.y, b.index.z);
                return complaint;
            }
            free.push_back(slots[i]);
            there.erase(there.begin() + i), slots.erase(slots.begin() + i);
            any = true;
        }
        if (!any) {
            snprintf(complaint, sizeof complaint, "%zu blocks wait for what none of them does",
                     there.size());
            return complaint;
        }
    }
    return nullptr;
}

const char* emulated_run(void (*call)(void**), void** arguments, const unsigned* grid, unsigned threads,
                         size_t memory, char* named, size_t named_bytes, unsigned running,
                         unsigned order) {
    static char own_stack[64 << 10];
    stack_t stack = {}, stack_before;
    stack.ss_sp = own_stack, stack.ss_size = sizeof own_stack;
    sigaltstack(&stack, &stack_before);
    struct sigaction fault = {}, before;
    fault.sa_sigaction = on_fault;
    fault.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &fault, &before);
    const char* wrong = launch(call, arguments, grid, threads, memory, named, named_bytes, running, order);
    sigaction(SIGSEGV, &before, nullptr);
    sigaltstack(&stack_before, nullptr);
    return wrong;
}
