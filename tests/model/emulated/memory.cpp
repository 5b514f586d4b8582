// Memory: who touches what of it, and copies that arrive later.
//
// A kernel tells what it reads and writes (the compiler makes it, as for ThreadSanitizer, whose functions
// are those below). Of shared memory is kept who did last: two threads of which one writes must have a
// barrier between them. What a kernel is given ends where nothing may be touched.

#include "runtime.h"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>

// Between which barriers.
struct Touch {
    unsigned interval = 0, epoch = 0;  // of the block, of the warp
    uint16_t warp = 0;
    uint8_t lane = 0, several = 0;  // lanes
};

struct Byte {
    Touch written, read[2];  // by two warps
    bool atomically = false;
};

namespace {

const size_t BEHIND = 63 << 10;  // bytes that no block may write
enum Access { READ, WRITE, ATOMIC };

struct Given {
    char *begin, *end, *behind;
};

std::vector<Given> arrays;
std::vector<std::vector<Byte>> touched;
unsigned intervals;
struct sigaction before;
stack_t stack_before;

// Whether what was done needed a barrier before what this thread does now.
bool collides(const Touch& before, const Touch& now) {
    if (before.interval != now.interval) return false;
    if (before.warp != now.warp) return true;
    return before.epoch == now.epoch && (before.several || before.lane != now.lane);
}

void collided(const char* does, size_t i, const Touch& other, const char* did) {
    fail("%s byte %zu of %s memory, which thread %u %s", does, i < bytes ? i : i - bytes,
         i < bytes ? "shared" : "named", 32u * other.warp + other.lane, did);
}

void access(const void* address, size_t size, Access how) {
    if (!block) return;  // what launches it is told, too
    size_t at = (const char*)address - block->memory;
    if (at >= bytes) {
        at = (const char*)address - named;
        if (at >= named_bytes) return;
        at += bytes;
    }
    const unsigned w = threadIdx.x / 32;
    const Touch now = {block->interval, block->warps[w].epoch, (uint16_t)w, (uint8_t)(threadIdx.x % 32)};
    for (size_t i = at; i < at + size; ++i) {
        Byte& byte = block->touched[i];
        if (collides(byte.written, now) && !(how == ATOMIC && byte.atomically))
            collided(how == READ ? "reads" : "writes", i, byte.written, "wrote");
        if (how != READ) {
            for (const Touch& read : byte.read)
                if (collides(read, now)) collided("writes", i, read, "read");
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

void on_fault(int, siginfo_t* about, void*) {
    const char* at = (const char*)about->si_addr;
    for (size_t i = 0; i < arrays.size(); ++i) {
        const Given& g = arrays[i];
        if (g.end <= at && at < g.behind)
            fail("touches what lies %zu bytes behind the end of array %zu", (size_t)(at - g.end), i);
    }
    fail("touches what is no memory");
}

}  // namespace

unsigned new_interval() { return ++intervals; }

void share(Block& own) {
    const size_t slot = own.slot, size = bytes + BEHIND + 1024;
    own.room.reset(new char[size]);
    memset(own.room.get(), 0xFF, size);
    own.memory = (char*)(((uintptr_t)own.room.get() + 1023) & ~(uintptr_t)1023);
    own.named.assign(named_bytes, (char)0xFF);
    if (touched.size() <= slot) touched.resize(slot + 1);
    if (touched[slot].size() < bytes + named_bytes) touched[slot].resize(bytes + named_bytes);
    own.touched = touched[slot].data();  // what is left there is of other intervals
    own.interval = new_interval();
}

bool wrote_behind(const Block& own) {
    const char* behind = own.memory + bytes;
    return std::any_of(behind, behind + BEHIND, [](char x) { return x != (char)0xFF; });
}

void watch_faults() {
    static char own_stack[64 << 10];
    stack_t stack = {};
    stack.ss_sp = own_stack, stack.ss_size = sizeof own_stack;
    sigaltstack(&stack, &stack_before);
    struct sigaction fault = {};
    fault.sa_sigaction = on_fault;
    fault.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &fault, &before);
}

void leave_faults() {
    sigaction(SIGSEGV, &before, nullptr);
    sigaltstack(&stack_before, nullptr);
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
    arrays.push_back({begin, at + size, begin + whole + page});
    return at;
}

void emulated_taken_back() {
    for (const Given& g : arrays) munmap(g.begin, g.behind - g.begin);
    arrays.clear();
}

#define TOLD(n)                                                      \
    void __tsan_read##n(void* at) { access(at, n, READ); }           \
    void __tsan_write##n(void* at) { access(at, n, WRITE); }         \
    void __tsan_unaligned_read##n(void* at) { access(at, n, READ); } \
    void __tsan_unaligned_write##n(void* at) { access(at, n, WRITE); }
#pragma GCC visibility push(default)
extern "C" {
TOLD(1) TOLD(2) TOLD(4) TOLD(8) TOLD(16)
void __tsan_read_range(void* at, size_t n) { access(at, n, READ); }
void __tsan_write_range(void* at, size_t n) { access(at, n, WRITE); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
#pragma GCC visibility pop
