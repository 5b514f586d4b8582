// The threads of a GPU's blocks on one of a CPU: each has a stack, and stops where it waits for others.
//
// A block runs alone until its threads wait for what another block does. In which order warps and lanes
// go on is free: from the first, from the last, or by chance, launch after launch, so that what leans
// on an order shows. Shared memory is 0xFF before a block begins, which is no number in any of the
// formats; asynchronous copies arrive as late as they may.

#include "runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <random>

Three threadIdx, blockIdx, gridDim;
Block* block;
Thread* thread;
size_t bytes, named_bytes;
char* named;

namespace {

const size_t STACK = 128 << 10;  // bytes

void (*kernel)(void**);
void** given;
jmp_buf scheduler;
ucontext_t new_context;
char complaint[300];
bool failed;
std::vector<char*> stacks;

void back() { longjmp(scheduler, 1); }

void complain(const char* what) {
    snprintf(complaint, sizeof complaint, "block (%u, %u, %u), thread %u: %s", blockIdx.x, blockIdx.y,
             blockIdx.z, threadIdx.x, what);
    failed = true;
}

// The running thread stops.
void stop(State state) {
    thread->state = state;
    if (_setjmp(thread->at) == 0) back();
}

void leave_barrier() {
    block->arrived = 0;
    ++block->generation;
    block->interval = new_interval();
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
                    if (order > 1 && next.state == PAUSED && chance() % 4 == 0) return any || some || moved;
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
    b->slot = slot;
    share(*b);
    return b;
}

}  // namespace

void fail(const char* format, ...) {
    char what[200];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof what, format, values);
    va_end(values);
    complain(what);
    back();
    __builtin_unreachable();
}

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

const char* emulated_run(const Launch& launch) {
    kernel = launch.call, given = launch.given, failed = false;
    bytes = launch.bytes, named = launch.named, named_bytes = launch.named_bytes;
    const unsigned* grid = launch.grid;
    gridDim = {grid[0], grid[1], grid[2]};
    std::mt19937 chance(launch.number);
    const unsigned order = launch.number % 3, blocks = grid[0] * grid[1] * grid[2];
    std::vector<std::unique_ptr<Block>> there;  // in the order in which they began
    std::vector<unsigned> free(launch.running);
    for (unsigned i = 0; i < free.size(); ++i) free[i] = i;
    watch_faults();
    for (unsigned next = 0, idle = 0; !failed && (next < blocks || !there.empty());) {
        while (next < blocks && !free.empty()) {
            there.push_back(begun(next++, grid, launch.threads, free.back()));
            free.pop_back();
        }
        bool any = false;
        std::vector<Block*> turns;
        for (auto& b : there) turns.push_back(b.get());
        if (order == 1) std::reverse(turns.begin(), turns.end());
        if (order > 1) std::shuffle(turns.begin(), turns.end(), chance);
        for (Block* one : turns) {
            block = one, blockIdx = one->index;
            memcpy(named, block->named.data(), named_bytes);
            any |= run(order, chance);
            if (failed) break;
            memcpy(block->named.data(), named, named_bytes);
            if (ended(*block) && wrote_behind(*block)) complain("writes behind its shared memory");
        }
        for (size_t i = there.size(); i-- > 0;)
            if (ended(*there[i])) {
                free.push_back(there[i]->slot);
                there.erase(there.begin() + i);
                any = true;
            }
        idle = any ? 0 : idle + 1;
        if (idle > 50) complain("waits for what no block does");  // by chance some had no turn before
    }
    leave_faults();
    block = nullptr;
    return failed ? complaint : nullptr;
}
