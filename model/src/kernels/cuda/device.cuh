// What all kernels use: bf16 as its bits, conversions, sums over a warp, and the tensor cores' product.
//
// The sources compile as plain C++, too: with HRM_EMULATED, the emulator's emulated.h stands in for everything that
// only a GPU has, so that tests run the same index arithmetic without one.
#pragma once

#ifdef HRM_EMULATED
#include "emulated.h"
// Blocks run one after the other on one thread.
#define SHARED static
#define DYNAMIC_SHARED(TYPE, NAME) TYPE *NAME = (TYPE *)emulated_shared()
#else
#define SHARED __shared__
#define DYNAMIC_SHARED(TYPE, NAME) extern __shared__ TYPE NAME[]
#endif

typedef unsigned short bf16;
typedef unsigned int u32;

// Threads of a block, in all kernels.
constexpr int THREADS = 128;
constexpr int WARPS = THREADS / 32;
// At most, in kernels with a block a row.
constexpr int ROW_THREADS = 256;

constexpr float LOG2_E = 1.4426950408889634f;

__device__ __forceinline__ float to_float(float x) { return x; }

__device__ __forceinline__ float to_float(bf16 x) {
    u32 bits = (u32)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// Two bf16 in one register, the first in the lower half; to nearest, ties to even.
__device__ __forceinline__ u32 pack(float first, float second) {
#ifdef HRM_EMULATED
    return emulated_pack(first, second);
#else
    u32 bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
    return bits;
#endif
}

__device__ __forceinline__ void store(float *to, float x) { *to = x; }

__device__ __forceinline__ void store(bf16 *to, float x) { *to = (bf16)(pack(x, 0.0f) & 0xffff); }

// Eight neighbours as f32; `from` is aligned to 16 bytes.
__device__ __forceinline__ void load8(const float *from, float out[8]) {
    float4 a = ((const float4 *)from)[0], b = ((const float4 *)from)[1];
    out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
    out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
}

// Two neighbours; `from` is aligned to 8 bytes.
__device__ __forceinline__ void load2(const float *from, float out[2]) {
    float2 a = *(const float2 *)from;
    out[0] = a.x, out[1] = a.y;
}

__device__ __forceinline__ void unpack8(uint4 bits, float out[8]) {
    u32 pairs[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        out[2 * i] = to_float((bf16)(pairs[i] & 0xffff));
        out[2 * i + 1] = to_float((bf16)(pairs[i] >> 16));
    }
}

__device__ __forceinline__ void load8(const bf16 *from, float out[8]) { unpack8(*(const uint4 *)from, out); }

__device__ __forceinline__ uint4 pack8(const float x[8]) {
    uint4 bits;
    bits.x = pack(x[0], x[1]), bits.y = pack(x[2], x[3]), bits.z = pack(x[4], x[5]), bits.w = pack(x[6], x[7]);
    return bits;
}

__device__ __forceinline__ void store8(float *to, const float x[8]) {
    float4 a, b;
    a.x = x[0], a.y = x[1], a.z = x[2], a.w = x[3];
    b.x = x[4], b.y = x[5], b.z = x[6], b.w = x[7];
    ((float4 *)to)[0] = a, ((float4 *)to)[1] = b;
}

__device__ __forceinline__ void store8(bf16 *to, const float x[8]) { *(uint4 *)to = pack8(x); }

// The sum over all 32 lanes, in every lane, always added in the same order.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
    return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, distance));
    return x;
}

// One instruction of the hardware, nearly what is written out beside it; 0 where that would be denormal.
#ifdef HRM_EMULATED
#define NEAR(NAME, INSTRUCTION, EXACT)                                                                                 \
    __device__ __forceinline__ float NAME(float x) { return EXACT; }
#else
#define NEAR(NAME, INSTRUCTION, EXACT)                                                                                 \
    __device__ __forceinline__ float NAME(float x) {                                                                   \
        float y;                                                                                                       \
        asm(INSTRUCTION " %0, %1;" : "=f"(y) : "f"(x));                                                                \
        return y;                                                                                                      \
    }
#endif
NEAR(exp2_near, "ex2.approx.ftz.f32", exp2f(x))
NEAR(log2_near, "lg2.approx.ftz.f32", log2f(x))
NEAR(inverse_near, "rcp.approx.ftz.f32", 1.0f / x)

// This thread's warp of the block, so that the compiler knows it to be the same in all lanes.
__device__ __forceinline__ int warp_index() { return __shfl_sync(0xffffffffu, (int)threadIdx.x / 32, 0); }

// Begins to copy 16 bytes to shared memory, or zeros, for which nothing is read.
__device__ __forceinline__ void fetch(bf16 *to, const bf16 *from, bool real) {
#ifdef HRM_EMULATED
    if (real) memcpy(to, from, 16);
    else memset(to, 0, 16);
#else
    u32 address = (u32)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(real ? 16 : 0) : "memory");
#endif
}

// The same for one number.
__device__ __forceinline__ void fetch(float *to, const float *from, bool real) {
#ifdef HRM_EMULATED
    *to = real ? *from : 0.0f;
#else
    u32 address = (u32)__cvta_generic_to_shared(to);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(from), "r"(real ? 4 : 0) : "memory");
#endif
}

// Waits for what this thread has begun to copy.
__device__ __forceinline__ void fetched() {
#ifndef HRM_EMULATED
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// c (16, 8) += a (16, 16) · b (16, 8), f32 sums of bf16 products. With g = lane / 4 and t = lane % 4 a lane holds
//   a: pairs of columns at (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8)
//   b: pairs of rows at (2t, g), (2t + 8, g)
//   c: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
__device__ __forceinline__ void mma(float c[4], const u32 a[4], u32 b0, u32 b1) {
#ifdef HRM_EMULATED
    emulated_mma(c, a, b0, b1);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Four 8 × 8 matrices from shared memory. Lane i gives the address of row i % 8 of matrix i / 8, 16 bytes; with g and t
// as above a lane gets the pair (g, 2t) of each matrix or, transposed, the pair of rows (2t, g).
__device__ __forceinline__ void load_matrices(u32 out[4], const bf16 *row) {
#ifdef HRM_EMULATED
    emulated_load_matrices(out, row, false);
#else
    u32 address = (u32)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(address)
                 : "memory");
#endif
}

__device__ __forceinline__ void load_matrices_transposed(u32 out[4], const bf16 *row) {
#ifdef HRM_EMULATED
    emulated_load_matrices(out, row, true);
#else
    u32 address = (u32)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(address)
                 : "memory");
#endif
}
