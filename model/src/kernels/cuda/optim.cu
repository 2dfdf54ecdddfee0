// The optimisers' updates in place.
#include "device.cuh"

// Weights of one launch: as many as a kernel's arguments have room for.
constexpr int MOST_WEIGHTS = 64;

// Blocks `first_block[i]` to `first_block[i + 1]` update weight i.
struct Weights {
    float *weight[MOST_WEIGHTS];
    float *first[MOST_WEIGHTS];
    float *second[MOST_WEIGHTS];
    const float *gradient[MOST_WEIGHTS];
    float *average[MOST_WEIGHTS]; // null where there is none
    long long count[MOST_WEIGHTS];
    int first_block[MOST_WEIGHTS + 1];
    u32 used;
};

// Values a thread updates.
constexpr int EACH = 8;

extern "C" __global__ void __launch_bounds__(THREADS)
    adam_atan2(const Weights all, float first_weight, float second_weight, float decay, float lr, float first_correction,
               float second_correction, float average_weight) {
    int i = 0;
    while (i + 1 < (int)all.used && (int)blockIdx.x >= all.first_block[i + 1]) i++;
    float *weight = all.weight[i], *first = all.first[i], *second = all.second[i], *average = all.average[i];
    const float *gradient = all.gradient[i];
    long long start = (long long)(blockIdx.x - all.first_block[i]) * THREADS * EACH;
    for (int k = 0; k < EACH; k++) {
        long long j = start + k * THREADS + threadIdx.x;
        if (j >= all.count[i]) return;
        float g = gradient[j], m = first[j], v = second[j];
        m += first_weight * (g - m);
        v += second_weight * (g * g - v);
        first[j] = m, second[j] = v;
        float p = weight[j] * decay - lr * atan2f(m * first_correction, sqrtf(v * second_correction));
        weight[j] = p;
        if (average) average[j] += average_weight * (p - average[j]);
    }
}

// Rows of a table: block x takes columns, block y one row. `plan` holds the rows' ids, where each row's places begin
// and their number at the end, and the places themselves.
extern "C" __global__ void __launch_bounds__(THREADS)
    sign_sgd(float *table, const float *gradient, const u32 *plan, int used, int width, float decay, float lr) {
    int column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= width) return;
    u32 row = blockIdx.y;
    const u32 *ids = plan, *starts = plan + used, *places = plan + 2 * used + 1;
    float sum = 0.0f;
    for (u32 i = starts[row]; i < starts[row + 1]; i++) sum += gradient[(long long)places[i] * width + column];
    float direction = sum > 0.0f ? 1.0f : sum < 0.0f ? -1.0f : sum;
    float *p = table + (long long)ids[row] * width + column;
    *p = *p * decay - direction * lr;
}
