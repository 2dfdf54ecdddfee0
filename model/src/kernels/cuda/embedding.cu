// The gradient of a small table's rows: sums over the places that use each row, always in the same order.
#include "device.cuh"

// Columns of a block, one for every lane of its one warp.
constexpr int LANES = 32;
// Places that a block reads at a time.
constexpr int AHEAD = 8;

// Sums over `chunk` places at a time: grid (columns / 32, chunks), (vocab_size, 32) f32 of shared memory.
template <typename T>
__device__ void partial(const u32 *ids, const T *grad, float *out, int places, int vocab_size, int width, int chunk) {
    DYNAMIC_SHARED(float, sums);
    int lane = threadIdx.x, column = blockIdx.x * LANES + lane;
    for (int row = 0; row < vocab_size; row++) sums[row * LANES + lane] = 0.0f;
    int end = min(places, (int)(blockIdx.y + 1) * chunk);
    if (column >= width) return;
    for (int first = blockIdx.y * chunk; first < end; first += AHEAD) {
        u32 id[AHEAD];
        float values[AHEAD];
        // All are on their way before the first is added.
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            int place = min(first + i, end - 1);
            id[i] = first + i < end ? ids[place] : vocab_size;
            values[i] = to_float(grad[(long long)place * width + column]);
        }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (id[i] < (u32)vocab_size) sums[id[i] * LANES + lane] += values[i];
    }
    out += (long long)blockIdx.y * vocab_size * width;
    for (int row = 0; row < vocab_size; row++) out[(long long)row * width + column] = sums[row * LANES + lane];
}

extern "C" __global__ void embedding_partial_f32(const u32 *ids, const float *grad, float *out, int places,
                                                 int vocab_size, int width, int chunk) {
    partial(ids, grad, out, places, vocab_size, width, chunk);
}

extern "C" __global__ void embedding_partial_bf16(const u32 *ids, const bf16 *grad, float *out, int places,
                                                  int vocab_size, int width, int chunk) {
    partial(ids, grad, out, places, vocab_size, width, chunk);
}

// The chunks' sums, added up: a thread per value of the table.
extern "C" __global__ void __launch_bounds__(THREADS)
    embedding_total(const float *partial, float *out, int values, int chunks) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= values) return;
    float sum = 0.0f;
    for (int chunk = 0; chunk < chunks; chunk++) sum += partial[(long long)chunk * values + i];
    out[i] = sum;
}

// The rows themselves: a thread per eight columns of a place, or per column where rows have no whole eights. An id
// beyond the table gives not-a-number.
template <typename T>
__device__ void lookup(const float *table, const u32 *ids, T *out, long long count, int vocab_size, int width) {
    int each = width % 8 == 0 ? 8 : 1;
    long long index = ((long long)blockIdx.x * THREADS + threadIdx.x) * each;
    if (index >= count) return;
    u32 id = ids[index / width];
    const float *row = table + (long long)id * width + index % width;
    bool known = id < (u32)vocab_size;
    if (each == 8) {
        float x[8];
        if (known) load8(row, x);
        else
            for (int i = 0; i < 8; i++) x[i] = NAN;
        store8(out + index, x);
    } else {
        store(out + index, known ? row[0] : NAN);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    embedding_lookup_f32(const float *table, const u32 *ids, float *out, long long count, int vocab_size, int width) {
    lookup(table, ids, out, count, vocab_size, width);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    embedding_lookup_bf16(const float *table, const u32 *ids, bf16 *out, long long count, int vocab_size, int width) {
    lookup(table, ids, out, count, vocab_size, width);
}
