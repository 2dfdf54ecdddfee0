// Attention on tensor cores: backward. One kernel walks over queries for a block of keys, another over keys for a block
// of queries; both compute the probabilities again, and nothing is added from two blocks, so that the result is always
// the same bits. What a block walks over comes 32 rows at a time, the next of them while it works on the ones before.
#include "tiles.cuh"

// Σ grad · result of every query of every head: a warp each, (B · T · heads) of them.
extern "C" __global__ void __launch_bounds__(THREADS)
    attention_along(const bf16 *result, const bf16 *grad, float *along, int positions, int heads, int dim,
                    long long count) {
    long long i = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    if (i >= count) return;
    int lane = threadIdx.x % 32, index = i % heads, position = i / heads % positions, sequence = i / heads / positions;
    float sum = 0.0f;
    for (int column = lane; column < dim; column += 32)
        sum += to_float(result[i * dim + column]) * to_float(grad[i * dim + column]);
    sum = warp_sum(sum);
    if (lane == 0) along[((long long)sequence * heads + index) * positions + position] = sum;
}

// What both kernels read: queries and keys rotated beforehand, `row_size` values a row, values in the qkv, and the
// result's gradient.
struct Inputs {
    const bf16 *queries, *keys, *values, *grad;
    int row_size, width;
};

template <int DIM>
__device__ __forceinline__ Inputs inputs(const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, int sequence,
                                         const Head &head) {
    long long first = (long long)sequence * head.positions;
    Inputs in;
    in.queries = qk + first * row_size + head.first_column, in.keys = in.queries + head.width;
    in.values = qkv + (first * 3 + 2) * head.width + head.first_column;
    in.grad = grad + first * head.width + head.first_column;
    in.row_size = row_size, in.width = head.width;
    return in;
}

// A block's 64 keys: the gradients of keys and values. Rows of the products are keys, columns queries.
template <int DIM>
__device__ void keys_backward(const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos,
                              const float *sin, const float *log_sums, const float *along, bf16 *out, int positions,
                              int heads) {
    constexpr int SIZE = STEP * stride<DIM>();
    DYNAMIC_SHARED(uint4, shared);
    bf16 *keys = (bf16 *)shared, *values = keys + TILE * stride<DIM>(), *stages = values + TILE * stride<DIM>();
    int warp = threadIdx.x / 32;
    int tiles = (positions + TILE - 1) / TILE, pair = blockIdx.x / tiles, start = blockIdx.x % tiles * TILE;
    int sequence = pair / heads, index = pair % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    Inputs in = inputs<DIM>(qk, row_size, qkv, grad, sequence, head);
    out += (long long)sequence * positions * 3 * head.width;
    log_sums += (long long)pair * positions, along += (long long)pair * positions;

    fetch_tile<DIM>(keys, in.keys, in.row_size, start, TILE, positions);
    fetch_tile<DIM>(values, in.values, 3 * in.width, start, TILE, positions);
    fetch_tile<DIM>(stages, in.queries, in.row_size, 0, STEP, positions);
    fetch_tile<DIM>(stages + SIZE, in.grad, in.width, 0, STEP, positions);
    float d_keys[DIM / 8][4] = {}, d_values[DIM / 8][4] = {};
    float norm = rsqrtf((float)DIM);
    bool works = start + warp * 16 < positions;
    for (int first = 0, stage = 0; first < positions; first += STEP, stage ^= 1) {
        fetched();
        // Everybody's part of these rows is there, and nobody reads the ones before any more.
        __syncthreads();
        bf16 *queries = stages + stage * 2 * SIZE, *grads = queries + SIZE;
        if (first + STEP < positions) {
            bf16 *next = stages + (stage ^ 1) * 2 * SIZE;
            fetch_tile<DIM>(next, in.queries, in.row_size, first + STEP, STEP, positions);
            fetch_tile<DIM>(next + SIZE, in.grad, in.width, first + STEP, STEP, positions);
        }
        if (!works) continue;
        int valid = min(STEP, positions - first);
        keys_step<DIM>(d_keys, d_values, keys, values, warp * 16, queries, grads, log_sums + first, along + first, valid);
    }
    if (!works) return;
    write_rows<DIM>(out, d_keys, head, start + warp * 16, KEYS, norm);
    write_rows<DIM>(out, d_values, head, start + warp * 16, VALUES, 1.0f);
}

// A block's 64 queries: their gradients. Rows of the products are queries, columns keys.
template <int DIM>
__device__ void queries_backward(const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos,
                                 const float *sin, const float *log_sums, const float *along, bf16 *out, int positions,
                                 int heads) {
    constexpr int SIZE = STEP * stride<DIM>();
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *grads = queries + TILE * stride<DIM>(), *stages = grads + TILE * stride<DIM>();
    int warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4;
    int tiles = (positions + TILE - 1) / TILE, pair = blockIdx.x / tiles, start = blockIdx.x % tiles * TILE;
    int sequence = pair / heads, index = pair % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    Inputs in = inputs<DIM>(qk, row_size, qkv, grad, sequence, head);
    out += (long long)sequence * positions * 3 * head.width;

    fetch_tile<DIM>(queries, in.queries, in.row_size, start, TILE, positions);
    fetch_tile<DIM>(grads, in.grad, in.width, start, TILE, positions);
    fetch_tile<DIM>(stages, in.keys, in.row_size, 0, STEP, positions);
    fetch_tile<DIM>(stages + SIZE, in.values, 3 * in.width, 0, STEP, positions);
    float d_queries[DIM / 8][4] = {}, log_sum[2], dot[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int position = start + warp * 16 + g + 8 * r;
        bool real = position < positions;
        log_sum[r] = real ? log_sums[(long long)pair * positions + position] : 0.0f;
        dot[r] = real ? along[(long long)pair * positions + position] : 0.0f;
    }
    float norm = rsqrtf((float)DIM);
    bool works = start + warp * 16 < positions;
    for (int first = 0, stage = 0; first < positions; first += STEP, stage ^= 1) {
        fetched();
        __syncthreads();
        bf16 *keys = stages + stage * 2 * SIZE, *values = keys + SIZE;
        if (first + STEP < positions) {
            bf16 *next = stages + (stage ^ 1) * 2 * SIZE;
            fetch_tile<DIM>(next, in.keys, in.row_size, first + STEP, STEP, positions);
            fetch_tile<DIM>(next + SIZE, in.values, 3 * in.width, first + STEP, STEP, positions);
        }
        if (!works) continue;
        int valid = min(STEP, positions - first);
        queries_step<DIM>(d_queries, queries, grads, warp * 16, keys, values, log_sum, dot, valid);
    }
    if (!works) return;
    write_rows<DIM>(out, d_queries, head, start + warp * 16, QUERIES, norm);
}

// Grids B · heads · (tiles of 64 rows); shared memory for two tiles of 64 rows and four of 32.
#define BACKWARD(DIM)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_keys_backward_##DIM(                               \
        const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos, const float *sin,           \
        const float *log_sums, const float *along, bf16 *out, int positions, int heads) {                              \
        keys_backward<DIM>(qk, row_size, qkv, grad, cos, sin, log_sums, along, out, positions, heads);                 \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_queries_backward_##DIM(                            \
        const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos, const float *sin,           \
        const float *log_sums, const float *along, bf16 *out, int positions, int heads) {                              \
        queries_backward<DIM>(qk, row_size, qkv, grad, cos, sin, log_sums, along, out, positions, heads);              \
    }

BACKWARD(16)
BACKWARD(32)
BACKWARD(64)
BACKWARD(128)
