// SwiGLU's gate: silu(gate) · up. A thread takes eight columns of a row, or one where rows have no whole eights.
#include "device.cuh"

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ __forceinline__ void gradients(float g, float u, float grad, float &d_gate, float &d_up) {
    float s = sigmoid(g), silu = g * s;
    d_up = grad * silu;
    d_gate = grad * u * (s + silu * (1.0f - s));
}

template <typename T>
__device__ void forward(const T *gate_up, T *out, long long count, int inner) {
    long long index = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (inner % 8 == 0) {
        index *= 8;
        if (index >= count) return;
        const T *gate = gate_up + index / inner * 2 * inner + index % inner;
        float g[8], u[8];
        load8(gate, g), load8(gate + inner, u);
#pragma unroll
        for (int i = 0; i < 8; i++) g[i] = g[i] * sigmoid(g[i]) * u[i];
        store8(out + index, g);
    } else if (index < count) {
        const T *gate = gate_up + index / inner * 2 * inner + index % inner;
        float g = to_float(gate[0]);
        store(out + index, g * sigmoid(g) * to_float(gate[inner]));
    }
}

template <typename T>
__device__ void backward(const T *gate_up, const T *grad, T *out, long long count, int inner) {
    long long index = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (inner % 8 == 0) {
        index *= 8;
        if (index >= count) return;
        long long place = index / inner * 2 * inner + index % inner;
        float g[8], u[8], d[8], d_gate[8], d_up[8];
        load8(gate_up + place, g), load8(gate_up + place + inner, u), load8(grad + index, d);
#pragma unroll
        for (int i = 0; i < 8; i++) gradients(g[i], u[i], d[i], d_gate[i], d_up[i]);
        store8(out + place, d_gate), store8(out + place + inner, d_up);
    } else if (index < count) {
        long long place = index / inner * 2 * inner + index % inner;
        float d_gate, d_up;
        gradients(to_float(gate_up[place]), to_float(gate_up[place + inner]), to_float(grad[index]), d_gate, d_up);
        store(out + place, d_gate), store(out + place + inner, d_up);
    }
}

// `count` values of the result, rows of `inner`.
#define SWIGLU(NAME, T)                                                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        swiglu_forward_##NAME(const T *gate_up, T *out, long long count, int inner) {                                  \
        forward(gate_up, out, count, inner);                                                                           \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        swiglu_backward_##NAME(const T *gate_up, const T *grad, T *out, long long count, int inner) {                  \
        backward(gate_up, grad, out, count, inner);                                                                    \
    }

SWIGLU(f32, float)
SWIGLU(bf16, bf16)
