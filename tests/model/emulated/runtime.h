// What the parts of the runtime share: a block's threads, and what runs now.

#pragma once
#include "cuda.h"

#include <setjmp.h>

#include <memory>
#include <vector>

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

struct Byte;  // of shared memory, and who touched it: memory.cpp

struct Warp {
    unsigned epoch = 0;  // of memory, which __syncwarp begins anew
    const char* what = nullptr;  // lanes wait for
    unsigned arrived = 0, gone = 0;
    unsigned long generation = 0;
    uint64_t given[2][32][1];
    unsigned operands[32][6];  // of a product
    float sums[2][32][4];
};

struct Block {
    Three index;
    unsigned slot = 0;  // among those that run at once
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    unsigned arrived = 0, gone = 0;
    unsigned long generation = 0;
    unsigned interval = 0;  // of memory, which a barrier begins anew; no two of all launches are alike
    std::unique_ptr<char[]> room;
    char* memory = nullptr;
    Byte* touched = nullptr;  // of `memory`, then of what is named
    std::vector<char> named;  // what it names of shared memory, while another block runs
};

// The block and the thread that run, and the bytes that a block has of shared memory: what a launch gives
// it, and what the kernel names.
extern Block* block;
extern Thread* thread;
extern size_t bytes, named_bytes;
extern char* named;

[[noreturn]] void fail(const char* format, ...);  // ends the launch
unsigned new_interval();
void share(Block& own);  // gives it shared memory
bool wrote_behind(const Block& own);
void watch_faults();
void leave_faults();
