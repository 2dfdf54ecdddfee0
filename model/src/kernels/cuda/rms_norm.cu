// Residual addition and RMSNorm, a warp per row.
#include "device.cuh"

// Columns a lane takes at once.
constexpr int WIDE = 8;

// Up to eight columns; what lies beyond the row is 0.
template <typename T>
__device__ __forceinline__ void read(const T *from, int column, int size, bool wide, float out[WIDE]) {
    if (wide) {
        load8(from + column, out);
    } else {
#pragma unroll
        for (int i = 0; i < WIDE; i++) out[i] = column + i < size ? to_float(from[column + i]) : 0.0f;
    }
}

// a + b of them.
template <typename T>
__device__ __forceinline__ void sum_of(const T *a, const T *b, int column, int size, bool wide, float out[WIDE]) {
    float x[WIDE], y[WIDE];
    read(a, column, size, wide, x), read(b, column, size, wide, y);
#pragma unroll
    for (int i = 0; i < WIDE; i++) out[i] = x[i] + y[i];
}

template <typename T>
__device__ __forceinline__ void write(T *to, const float x[WIDE], int column, int size, bool wide) {
    if (wide) {
        store8(to + column, x);
    } else {
#pragma unroll
        for (int i = 0; i < WIDE; i++)
            if (column + i < size) store(to + column + i, x[i]);
    }
}

template <typename T>
__device__ __forceinline__ void norm(const T *a, const T *b, T *out, int rows, int size, float eps, bool wide) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    a += (long long)row * size, b += (long long)row * size, out += (long long)row * size;
    float h[WIDE], squares = 0.0f;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) squares += h[i] * h[i];
    }
    float scale = rsqrtf(warp_sum(squares) / size + eps);
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) h[i] *= scale;
        write(out, h, column, size, wide);
    }
}

template <typename T>
__device__ __forceinline__ void norm_backward(const T *a, const T *b, const T *grad, T *out, int rows, int size,
                                              float eps, bool wide) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    long long start = (long long)row * size;
    a += start, b += start, grad += start, out += start;
    float h[WIDE], g[WIDE], squares = 0.0f, along = 0.0f;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h), read(grad, column, size, wide, g);
#pragma unroll
        for (int i = 0; i < WIDE; i++) squares += h[i] * h[i], along += h[i] * g[i];
    }
    float scale = rsqrtf(warp_sum(squares) / size + eps);
    along = warp_sum(along) * scale * scale / size;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h), read(grad, column, size, wide, g);
#pragma unroll
        for (int i = 0; i < WIDE; i++) h[i] = scale * (g[i] - h[i] * along);
        write(out, h, column, size, wide);
    }
}

// Rows of whole eights run without a branch.
#define NORM(NAME, T)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        rms_norm_forward_##NAME(const T *a, const T *b, T *out, int rows, int size, float eps) {                       \
        if (size % WIDE == 0) norm(a, b, out, rows, size, eps, true);                                                  \
        else norm(a, b, out, rows, size, eps, false);                                                                  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        rms_norm_backward_##NAME(const T *a, const T *b, const T *grad, T *out, int rows, int size, float eps) {       \
        if (size % WIDE == 0) norm_backward(a, b, grad, out, rows, size, eps, true);                                   \
        else norm_backward(a, b, grad, out, rows, size, eps, false);                                                   \
    }

NORM(f32, float)
NORM(bf16, bf16)
