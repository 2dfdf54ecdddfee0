// What a GPU has and a processor lacks, so that kernels compile as plain C++ and run, a block after the other. The
// threads of a block are fibers of one thread that take turns wherever they wait for each other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__

struct dim3 {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

// Of the fiber that runs.
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

// Waits for all threads of the block, or of the warp.
void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);

// Hands 32 bytes to the other lanes of the warp; every lane's bytes are there until the next exchange.
struct Slot {
    uint32_t words[8];
};
const Slot *emulated_exchange(const Slot &mine);
// Says that this lane has read what it wanted.
void emulated_exchanged();

// The shared memory that a launch sizes.
void *emulated_shared();

template <typename T>
T emulated_shuffle(T value, unsigned lane) {
    Slot slot = {};
    memcpy(slot.words, &value, sizeof(T));
    const Slot *slots = emulated_exchange(slot);
    T other;
    memcpy(&other, slots[lane].words, sizeof(T));
    emulated_exchanged();
    return other;
}

template <typename T>
T __shfl_xor_sync(unsigned, T value, int distance, int = 32) {
    return emulated_shuffle(value, (threadIdx.x % 32) ^ (unsigned)distance);
}

template <typename T>
T __shfl_sync(unsigned, T value, int lane, int = 32) {
    return emulated_shuffle(value, (unsigned)lane % 32);
}

uint32_t emulated_pack(float first, float second);
void emulated_mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1);
void emulated_load_matrices(uint32_t out[4], const unsigned short *row, bool transposed);

using std::max;
using std::min;
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
