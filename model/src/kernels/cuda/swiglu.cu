// SwiGLU's gate: silu(gate) · up. A block takes a row or a part of it, a thread eight neighbouring columns at a time, or
// one where rows have no whole eights.
#include "device.cuh"

template <typename T>
__device__ __forceinline__ float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

// The hardware's exponential and inverse are wrong by far less than a bf16's last bit.
template <>
__device__ __forceinline__ float sigmoid<bf16>(float x) {
    return inverse_near(1.0f + exp2_near(-LOG2_E * x));
}

template <typename T>
__device__ __forceinline__ void gradients(float g, float u, float grad, float &d_gate, float &d_up) {
    float s = sigmoid<T>(g), silu = g * s;
    d_up = grad * silu;
    d_gate = grad * u * (s + silu * (1.0f - s));
}

// The thread's first column of a row, in steps of so many, and what it is from one to its next.
__device__ __forceinline__ int first_column(int each) { return (blockIdx.y * blockDim.x + threadIdx.x) * each; }
__device__ __forceinline__ int next_column(int each) { return gridDim.y * blockDim.x * each; }

template <typename T>
__device__ void forward(const T *gate_up, T *out, int inner) {
    const T *gate = gate_up + (long long)blockIdx.x * 2 * inner, *up = gate + inner;
    out += (long long)blockIdx.x * inner;
    if (inner % 8 == 0) {
        for (int column = first_column(8); column < inner; column += next_column(8)) {
            float g[8], u[8];
            load8(gate + column, g), load8(up + column, u);
#pragma unroll
            for (int i = 0; i < 8; i++) g[i] = g[i] * sigmoid<T>(g[i]) * u[i];
            store8(out + column, g);
        }
    } else {
        for (int column = first_column(1); column < inner; column += next_column(1)) {
            float g = to_float(gate[column]);
            store(out + column, g * sigmoid<T>(g) * to_float(up[column]));
        }
    }
}

template <typename T>
__device__ void backward(const T *gate_up, const T *grad, T *out, int inner) {
    const T *gate = gate_up + (long long)blockIdx.x * 2 * inner, *up = gate + inner;
    out += (long long)blockIdx.x * 2 * inner, grad += (long long)blockIdx.x * inner;
    if (inner % 8 == 0) {
        for (int column = first_column(8); column < inner; column += next_column(8)) {
            float g[8], u[8], d[8], d_gate[8], d_up[8];
            load8(gate + column, g), load8(up + column, u), load8(grad + column, d);
#pragma unroll
            for (int i = 0; i < 8; i++) gradients<T>(g[i], u[i], d[i], d_gate[i], d_up[i]);
            store8(out + column, d_gate), store8(out + inner + column, d_up);
        }
    } else {
        for (int column = first_column(1); column < inner; column += next_column(1)) {
            float d_gate, d_up;
            gradients<T>(to_float(gate[column]), to_float(up[column]), to_float(grad[column]), d_gate, d_up);
            store(out + column, d_gate), store(out + inner + column, d_up);
        }
    }
}

// Grid of the rows, of `inner` values each, and of the parts of a row.
#define SWIGLU(NAME, T)                                                                                                \
    extern "C" __global__ void __launch_bounds__(ROW_THREADS)                                                          \
        swiglu_forward_##NAME(const T *gate_up, T *out, int inner) {                                                   \
        forward(gate_up, out, inner);                                                                                  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(ROW_THREADS)                                                          \
        swiglu_backward_##NAME(const T *gate_up, const T *grad, T *out, int inner) {                                   \
        backward(gate_up, grad, out, inner);                                                                           \
    }

SWIGLU(f32, float)
SWIGLU(bf16, bf16)
