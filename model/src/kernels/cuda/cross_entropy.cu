// Cross entropy, a thread per row: stablemax in f64, softmax in f32. Logits are f32, few to a row.
#include "device.cuh"

// Stablemax's numerator: x + 1 for x ≥ 0, 1/(1 − x + 1e-30) for x < 0.
__device__ __forceinline__ double numerator(double x) { return x < 0.0 ? 1.0 / (1.0 - x + 1e-30) : x + 1.0; }

__device__ __forceinline__ double numerators(const float *row, int size) {
    double sum = 0.0;
    for (int i = 0; i < size; i++) sum += numerator((double)row[i]);
    return sum;
}

__device__ __forceinline__ float log_sum_exp(const float *row, int size) {
    float max = row[0], sum = 0.0f;
    for (int i = 1; i < size; i++) max = fmaxf(max, row[i]);
    for (int i = 0; i < size; i++) sum += expf(row[i] - max);
    return max + logf(sum);
}

// A label beyond the row gives not-a-number, which ends a training: nothing is read there.
extern "C" __global__ void __launch_bounds__(THREADS)
    cross_entropy_forward(const float *logits, const u32 *labels, double *out, int rows, int size, int stablemax) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= rows) return;
    const float *row = logits + (long long)i * size;
    u32 label = labels[i];
    if (label >= (u32)size)
        out[i] = (double)NAN;
    else if (stablemax)
        out[i] = -log(numerator((double)row[label]) / numerators(row, size));
    else
        out[i] = (double)(log_sum_exp(row, size) - row[label]);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    cross_entropy_backward(const float *logits, const u32 *labels, const double *grad, float *out, int rows, int size,
                           int stablemax) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= rows) return;
    const float *row = logits + (long long)i * size;
    out += (long long)i * size;
    int label = (int)labels[i];
    double g = grad[i];
    if (stablemax) {
        double sum = numerators(row, size);
        for (int j = 0; j < size; j++) {
            double x = (double)row[j], s = numerator(x), own = j == label ? 1.0 / s : 0.0;
            out[j] = (float)(g * (x < 0.0 ? s * s : 1.0) * (1.0 / sum - own));
        }
    } else {
        float log_sum = log_sum_exp(row, size);
        for (int j = 0; j < size; j++) out[j] = (float)g * (expf(row[j] - log_sum) - (j == label ? 1.0f : 0.0f));
    }
}
