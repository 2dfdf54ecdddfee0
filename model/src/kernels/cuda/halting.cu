// Binary cross entropy of a batch's values against their targets, in f64.
#include "device.cuh"

// Σ of all losses: one block, whose threads' sums are added up in a fixed order.
extern "C" __global__ void __launch_bounds__(THREADS)
    halting_forward(const float *logits, const float *targets, double *out, int count) {
    SHARED double sums[THREADS];
    double sum = 0.0;
    for (int i = threadIdx.x; i < count; i += THREADS) {
        double x = logits[i], t = targets[i];
        sum += fmax(x, 0.0) - x * t + log1p(exp(-fabs(x)));
    }
    sums[threadIdx.x] = sum;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) *out = sums[0];
}

// (σ(x) − t) · grad, a thread a value.
extern "C" __global__ void __launch_bounds__(THREADS)
    halting_backward(const float *logits, const float *targets, const double *grad, float *out, int count) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) return;
    out[i] = (float)((1.0 / (1.0 + exp(-(double)logits[i])) - (double)targets[i]) * *grad);
}
