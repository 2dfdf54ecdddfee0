// Residual addition and RMSNorm, a warp per row.
#include "device.cuh"

// Columns a lane takes at once.
constexpr int WIDE = 8;

// a + b of up to eight columns; what lies beyond the row is 0.
template <typename T>
__device__ __forceinline__ void sum_of(const T *a, const T *b, int column, int size, bool wide, float out[WIDE]) {
    if (wide) {
        float x[WIDE], y[WIDE];
        load8(a + column, x), load8(b + column, y);
#pragma unroll
        for (int i = 0; i < WIDE; i++) out[i] = x[i] + y[i];
    } else {
#pragma unroll
        for (int i = 0; i < WIDE; i++)
            out[i] = column + i < size ? to_float(a[column + i]) + to_float(b[column + i]) : 0.0f;
    }
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
__device__ void norm(const T *a, const T *b, T *out, int rows, int size, float eps) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    bool wide = size % WIDE == 0;
    a += (long long)row * size, b += (long long)row * size, out += (long long)row * size;
    float h[WIDE], squares = 0.0f;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) squares += h[i] * h[i];
    }
    float scale = 1.0f / sqrtf(warp_sum(squares) / size + eps);
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) h[i] *= scale;
        write(out, h, column, size, wide);
    }
}

template <typename T>
__device__ void norm_backward(const T *a, const T *b, const T *grad, T *out, int rows, int size, float eps) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    bool wide = size % WIDE == 0;
    long long start = (long long)row * size;
    a += start, b += start, grad += start, out += start;
    float h[WIDE], g[WIDE], squares = 0.0f, along = 0.0f;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) {
            g[i] = column + i < size ? to_float(grad[column + i]) : 0.0f;
            squares += h[i] * h[i], along += h[i] * g[i];
        }
    }
    float scale = 1.0f / sqrtf(warp_sum(squares) / size + eps);
    along = warp_sum(along) * scale * scale / size;
    for (int column = lane * WIDE; column < size; column += 32 * WIDE) {
        sum_of(a, b, column, size, wide, h);
#pragma unroll
        for (int i = 0; i < WIDE; i++) {
            g[i] = column + i < size ? to_float(grad[column + i]) : 0.0f;
            h[i] = scale * (g[i] - h[i] * along);
        }
        write(out, h, column, size, wide);
    }
}

#define NORM(NAME, T)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        rms_norm_forward_##NAME(const T *a, const T *b, T *out, int rows, int size, float eps) {                       \
        norm(a, b, out, rows, size, eps);                                                                              \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        rms_norm_backward_##NAME(const T *a, const T *b, const T *grad, T *out, int rows, int size, float eps) {       \
        norm_backward(a, b, grad, out, rows, size, eps);                                                               \
    }

NORM(f32, float)
NORM(bf16, bf16)
