// Residual addition and RMSNorm of rows, a warp for each, and of the columns of matrices.
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

// Columns of a block that takes columns, and rows that it reads at once.
constexpr int ACROSS = 64;
constexpr int LANES = ACROSS / WIDE;
constexpr int GROUPS = THREADS / LANES;

// The sums over all groups of a thread's columns, in every group, always added in the same order.
__device__ __forceinline__ void sum_groups(float x[WIDE], float (*shared)[ACROSS]) {
    int lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < WIDE; i++) shared[group][lane * WIDE + i] = x[i], x[i] = 0.0f;
    __syncthreads();
    for (int other = 0; other < GROUPS; other++) {
#pragma unroll
        for (int i = 0; i < WIDE; i++) x[i] += shared[other][lane * WIDE + i];
    }
}

// The norm of the columns of matrices (T, D); with a gradient, what its backward pass gives.
template <typename T, bool BACKWARD>
__device__ __forceinline__ void norm_columns(const T *a, const T *b, const T *grad, T *out, int positions, int width,
                                             float eps, bool wide) {
    SHARED float sums[GROUPS][ACROSS];
    int chunks = (width + ACROSS - 1) / ACROSS, group = threadIdx.x / LANES;
    int column = blockIdx.x % chunks * ACROSS + threadIdx.x % LANES * WIDE;
    long long start = (long long)(blockIdx.x / chunks) * positions * width;
    // Whoever has no columns reads nothing, and waits with the others.
    int end = column < width ? positions : 0;
    float h[WIDE], g[WIDE], squares[WIDE] = {}, along[WIDE] = {};
    for (int position = group; position < end; position += GROUPS) {
        long long row = start + (long long)position * width;
        sum_of(a + row, b + row, column, width, wide, h);
        if (BACKWARD) read(grad + row, column, width, wide, g);
#pragma unroll
        for (int i = 0; i < WIDE; i++) {
            squares[i] += h[i] * h[i];
            if (BACKWARD) along[i] += h[i] * g[i];
        }
    }
    sum_groups(squares, sums);
    if (BACKWARD) sum_groups(along, sums);
    float scale[WIDE];
#pragma unroll
    for (int i = 0; i < WIDE; i++) {
        scale[i] = rsqrtf(squares[i] / positions + eps);
        along[i] *= scale[i] * scale[i] / positions;
    }
    for (int position = group; position < end; position += GROUPS) {
        long long row = start + (long long)position * width;
        sum_of(a + row, b + row, column, width, wide, h);
        if (BACKWARD) read(grad + row, column, width, wide, g);
#pragma unroll
        for (int i = 0; i < WIDE; i++) h[i] = scale[i] * (BACKWARD ? g[i] - h[i] * along[i] : h[i]);
        write(out + row, h, column, width, wide);
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

extern "C" __global__ void __launch_bounds__(THREADS)
    rms_norm_columns_forward_bf16(const bf16 *a, const bf16 *b, bf16 *out, int positions, int width, float eps) {
    if (width % WIDE == 0) norm_columns<bf16, false>(a, b, nullptr, out, positions, width, eps, true);
    else norm_columns<bf16, false>(a, b, nullptr, out, positions, width, eps, false);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    rms_norm_columns_backward_bf16(const bf16 *a, const bf16 *b, const bf16 *grad, bf16 *out, int positions, int width,
                                   float eps) {
    if (width % WIDE == 0) norm_columns<bf16, true>(a, b, grad, out, positions, width, eps, true);
    else norm_columns<bf16, true>(a, b, grad, out, positions, width, eps, false);
}
