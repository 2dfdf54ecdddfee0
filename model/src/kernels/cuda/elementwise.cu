// Sums of hidden states, their restarts, and sums of matrices, eight columns a thread where rows have whole eights.
#include "device.cuh"

template <typename T>
__device__ void sum(const T *a, const T *b, T *out, long long count) {
    long long index = ((long long)blockIdx.x * THREADS + threadIdx.x) * 8;
    if (index + 8 <= count) {
        float x[8], y[8];
        load8(a + index, x), load8(b + index, y);
#pragma unroll
        for (int i = 0; i < 8; i++) x[i] += y[i];
        store8(out + index, x);
    } else {
        for (; index < count; index++) store(out + index, to_float(a[index]) + to_float(b[index]));
    }
}

// (B, T, D): `initial` (D) in every position of a sequence that has halted, `from` in the others.
template <typename T>
__device__ void anew(const T *from, const float *initial, const u32 *halted, T *out, long long count, int positions,
                     int width) {
    int each = width % 8 == 0 ? 8 : 1;
    long long index = ((long long)blockIdx.x * THREADS + threadIdx.x) * each;
    if (index >= count) return;
    int column = index % width;
    bool begins = halted[index / width / positions] != 0;
    if (each == 8) {
        float x[8];
        if (begins) load8(initial + column, x);
        else load8(from + index, x);
        store8(out + index, x);
    } else {
        store(out + index, begins ? initial[column] : to_float(from[index]));
    }
}

#define ELEMENTWISE(NAME, T)                                                                                           \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        add_##NAME(const T *a, const T *b, T *out, long long count) {                                                  \
        sum(a, b, out, count);                                                                                         \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        restart_##NAME(const T *from, const float *initial, const u32 *halted, T *out, long long count, int positions, \
                       int width) {                                                                                    \
        anew(from, initial, halted, out, count, positions, width);                                                     \
    }

ELEMENTWISE(f32, float)
ELEMENTWISE(bf16, bf16)

// The sum of `count` matrices (rows, pitch), of their first `columns` columns, always added in the same order.
extern "C" __global__ void __launch_bounds__(THREADS)
    sum_matrices(const float *from, float *out, int count, int rows, int columns, int pitch) {
    long long index = (long long)blockIdx.x * THREADS + threadIdx.x, size = (long long)rows * pitch;
    if (index >= (long long)rows * columns) return;
    from += index / columns * pitch + index % columns;
    float sum = 0.0f;
    for (int i = 0; i < count; i++) sum += from[i * size];
    out[index] = sum;
}
