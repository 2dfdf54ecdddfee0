#include "threads.h"
#include <csetjmp>
#include <ucontext.h>
#include <vector>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t STACK = 256 << 10;

struct Fiber {
    std::vector<char> stack = std::vector<char>(STACK);
    jmp_buf place;
    ucontext_t start;
    bool begun, done;
    dim3 index;
};

// Threads that wait for each other.
struct Barrier {
    unsigned expected = 0, arrived = 0, generation = 0;

    void release_if_full() {
        if (arrived > 0 && arrived >= expected) arrived = 0, generation++;
    }
};

std::vector<Fiber> fibers;
Fiber *running;
jmp_buf scheduler;
const std::function<void()> *work;
Barrier block_barrier;
std::vector<Barrier> warp_barriers;
std::vector<Slot> slots;
std::vector<uint4> shared_memory;

unsigned linear() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

// Back to the scheduler until it is this fiber's turn again.
void yield() {
    Fiber *self = running;
    if (_setjmp(self->place) == 0) _longjmp(scheduler, 1);
    threadIdx = self->index;
}

void wait(Barrier &barrier) {
    unsigned generation = barrier.generation;
    barrier.arrived++;
    barrier.release_if_full();
    while (barrier.generation == generation) yield();
}

void begin() {
    threadIdx = running->index;
    (*work)();
    running->done = true;
    // A thread that is done is waited for no more.
    block_barrier.expected--;
    block_barrier.release_if_full();
    Barrier &warp = warp_barriers[linear() / 32];
    warp.expected--;
    warp.release_if_full();
    _longjmp(scheduler, 1);
}

void resume(Fiber &fiber) {
    running = &fiber;
    if (_setjmp(scheduler) != 0) return;
    if (fiber.begun) _longjmp(fiber.place, 1);
    fiber.begun = true;
    setcontext(&fiber.start);
}

void run_block(unsigned shared) {
    unsigned threads = blockDim.x * blockDim.y * blockDim.z;
    if (fibers.size() < threads) fibers.resize(threads);
    block_barrier = Barrier();
    block_barrier.expected = threads;
    warp_barriers.assign((threads + 31) / 32, Barrier());
    slots.assign(warp_barriers.size() * 32, Slot());
    // What is not written before it is read shows.
    uint4 garbage;
    memset(&garbage, 0x7f, sizeof garbage);
    shared_memory.assign((shared + 15) / 16, garbage);
    for (unsigned i = 0; i < threads; i++) {
        Fiber &fiber = fibers[i];
        fiber.begun = fiber.done = false;
        fiber.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
        warp_barriers[i / 32].expected++;
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = fiber.stack.data();
        fiber.start.uc_stack.ss_size = STACK;
        fiber.start.uc_link = nullptr;
        makecontext(&fiber.start, begin, 0);
    }
    unsigned done = 0;
    while (done < threads) {
        done = 0;
        for (unsigned i = 0; i < threads; i++) {
            if (!fibers[i].done) resume(fibers[i]);
            done += fibers[i].done;
        }
    }
}

} // namespace

void __syncthreads() { wait(block_barrier); }

void __syncwarp(unsigned) { wait(warp_barriers[linear() / 32]); }

const Slot *emulated_exchange(const Slot &mine) {
    unsigned i = linear();
    slots[i] = mine;
    wait(warp_barriers[i / 32]);
    return &slots[i / 32 * 32];
}

void emulated_exchanged() { wait(warp_barriers[linear() / 32]); }

void *emulated_shared() { return shared_memory.data(); }

void emulated_run(dim3 grid, dim3 block, unsigned shared, const std::function<void()> &thread) {
    gridDim = grid, blockDim = block, work = &thread;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = {x, y, z};
                run_block(shared);
            }
}

static float as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static uint32_t rounded(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

uint32_t emulated_pack(float first, float second) { return rounded(first) | rounded(second) << 16; }

// One of the two bf16 in a register.
static double half_of(uint32_t pair, unsigned which) {
    return as_float(which ? pair & 0xffff0000u : pair << 16);
}

// The layouts that the instruction's documentation draws, element by element.
void emulated_mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
    Slot mine = {{a[0], a[1], a[2], a[3], b0, b1}};
    const Slot *slots = emulated_exchange(mine);
    unsigned lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; i++) {
        unsigned row = g + i / 2 * 8, column = 2 * t + i % 2;
        double sum = c[i];
        for (unsigned k = 0; k < 16; k++) {
            const Slot &left = slots[row % 8 * 4 + k % 8 / 2], &right = slots[column * 4 + k % 8 / 2];
            sum += half_of(left.words[row / 8 + k / 8 * 2], k % 2) * half_of(right.words[4 + k / 8], k % 2);
        }
        c[i] = (float)sum;
    }
    emulated_exchanged();
}

void emulated_load_matrices(uint32_t out[4], const unsigned short *row, bool transposed) {
    if ((uintptr_t)row % 16 != 0) {
        fprintf(stderr, "a matrix row that is not aligned to 16 bytes\n");
        abort();
    }
    Slot mine = {};
    memcpy(mine.words, &row, sizeof row);
    const Slot *slots = emulated_exchange(mine);
    unsigned lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (unsigned matrix = 0; matrix < 4; matrix++) {
        auto at = [&](unsigned r, unsigned column) {
            const unsigned short *from;
            memcpy(&from, slots[matrix * 8 + r].words, sizeof from);
            return (uint32_t)from[column];
        };
        out[matrix] = transposed ? at(2 * t, g) | at(2 * t + 1, g) << 16 : at(g, 2 * t) | at(g, 2 * t + 1) << 16;
    }
    emulated_exchanged();
}
