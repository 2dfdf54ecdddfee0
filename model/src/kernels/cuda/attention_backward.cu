// Attention on tensor cores: backward. One kernel walks over queries for a block of keys, another over keys for a block
// of queries; both compute the probabilities again, and nothing is added from two blocks, so that the result is always
// the same bits. What a block walks over comes 32 rows at a time, the next of them while it works on the ones before.
#include "tiles.cuh"

// Σ grad · result of every query of every head, (B, heads, T): a warp a row of (B · T, heads · dim), a lane eight columns
// at a time.
extern "C" __global__ void __launch_bounds__(THREADS)
    attention_along(const bf16 *result, const bf16 *grad, float *along, int rows, int positions, int heads, int dim) {
    int row = blockIdx.x * WARPS + warp_index(), lane = threadIdx.x % 32, eights = dim / 8, all = heads * eights;
    if (row >= rows) return;
    result += (long long)row * all * 8, grad += (long long)row * all * 8;
    along += (long long)(row / positions) * heads * positions + row % positions;
    for (int first = 0; first < all; first += 32) {
        int i = first + lane;
        float a[8], b[8], sum = 0.0f;
        if (i < all) {
            load8(result + i * 8, a), load8(grad + i * 8, b);
#pragma unroll
            for (int j = 0; j < 8; j++) sum += a[j] * b[j];
        }
        // A head's lanes are neighbours, two, four, eight or sixteen.
        for (int distance = eights / 2; distance > 0; distance /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, distance);
        if (i < all && i % eights == 0) along[(long long)(i / eights) * positions] = sum;
    }
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

// A block's 64 · M keys: the gradients of keys and values. Rows of the products are keys, columns queries.
template <int DIM, int M>
__device__ void keys_backward(const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos,
                              const float *sin, const float *log_sums, const float *along, bf16 *out, int positions,
                              int heads) {
    constexpr int SIZE = STEP * stride<DIM>(), OWN = TILE * M;
    DYNAMIC_SHARED(uint4, shared);
    bf16 *keys = (bf16 *)shared, *values = keys + OWN * stride<DIM>(), *stages = values + OWN * stride<DIM>();
    // Of every query of a stage two numbers.
    float *numbers = (float *)(stages + 4 * SIZE);
    int own = warp_index() * 16 * M;
    int tiles = (positions + OWN - 1) / OWN, pair = blockIdx.x / tiles, start = blockIdx.x % tiles * OWN;
    int sequence = pair / heads, index = pair % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    Inputs in = inputs<DIM>(qk, row_size, qkv, grad, sequence, head);
    out += (long long)sequence * positions * 3 * head.width;
    log_sums += (long long)pair * positions, along += (long long)pair * positions;

    Walk<DIM, STEP> next_queries(in.queries, in.row_size, 0, positions), next_grads(in.grad, in.width, 0, positions);
    auto fetch_stage = [&](int first, int stage) {
        bf16 *queries = stages + stage * 2 * SIZE;
        next_queries.fetch_into(queries), next_grads.fetch_into(queries + SIZE);
        int i = threadIdx.x % STEP;
        const float *from = threadIdx.x < STEP ? log_sums : along;
        if (threadIdx.x < 2 * STEP)
            fetch(numbers + stage * 2 * STEP + threadIdx.x, from + first + i, first + i < positions);
    };
    Walk<DIM, OWN>(in.keys, in.row_size, start, positions).fetch_into(keys);
    Walk<DIM, OWN>(in.values, 3 * in.width, start, positions).fetch_into(values);
    fetch_stage(0, 0);
    float d_keys[M][DIM / 8][4] = {}, d_values[M][DIM / 8][4] = {};
    float norm = rsqrtf((float)DIM);
    bool works = start + own < positions;
    for (int first = 0, stage = 0; first < positions; first += STEP, stage ^= 1) {
        fetched();
        // Everybody's part of these rows is there, and nobody reads the ones before any more.
        __syncthreads();
        if (first + STEP < positions) fetch_stage(first + STEP, stage ^ 1);
        if (!works) continue;
        const bf16 *queries = stages + stage * 2 * SIZE;
        const float *sums = numbers + stage * 2 * STEP;
        keys_step<DIM, M>(d_keys, d_values, keys, values, own, queries, queries + SIZE, sums, sums + STEP);
    }
    if (!works) return;
    write_rows<DIM, M>(out, d_keys, head, start + own, KEYS, norm);
    write_rows<DIM, M>(out, d_values, head, start + own, VALUES, 1.0f);
}

// A block's 64 · M queries: their gradients. Rows of the products are queries, columns keys.
template <int DIM, int M>
__device__ void queries_backward(const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos,
                                 const float *sin, const float *log_sums, const float *along, bf16 *out, int positions,
                                 int heads) {
    constexpr int SIZE = STEP * stride<DIM>(), OWN = TILE * M;
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *grads = queries + OWN * stride<DIM>(), *stages = grads + OWN * stride<DIM>();
    int own = warp_index() * 16 * M, g = threadIdx.x % 32 / 4;
    int tiles = (positions + OWN - 1) / OWN, pair = blockIdx.x / tiles, start = blockIdx.x % tiles * OWN;
    int sequence = pair / heads, index = pair % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    Inputs in = inputs<DIM>(qk, row_size, qkv, grad, sequence, head);
    out += (long long)sequence * positions * 3 * head.width;

    Walk<DIM, STEP> next_keys(in.keys, in.row_size, 0, positions), next_values(in.values, 3 * in.width, 0, positions);
    Walk<DIM, OWN>(in.queries, in.row_size, start, positions).fetch_into(queries);
    Walk<DIM, OWN>(in.grad, in.width, start, positions).fetch_into(grads);
    next_keys.fetch_into(stages), next_values.fetch_into(stages + SIZE);
    float d_queries[M][DIM / 8][4] = {}, log_sum[M][2], dot[M][2];
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
        int position = start + own + g + 8 * i;
        bool real = position < positions;
        log_sum[i / 2][i % 2] = real ? log_sums[(long long)pair * positions + position] : 0.0f;
        dot[i / 2][i % 2] = real ? along[(long long)pair * positions + position] : 0.0f;
    }
    fetched();
    __syncthreads();
    u32 q[M][DIM / 16][4], d[M][DIM / 16][4];
    load_left<DIM, M>(q, queries, own), load_left<DIM, M>(d, grads, own);
    float norm = rsqrtf((float)DIM);
    bool works = start + own < positions;
    for (int first = 0, stage = 0; first < positions; first += STEP, stage ^= 1) {
        if (first > 0) {
            fetched();
            __syncthreads();
        }
        bf16 *keys = stages + stage * 2 * SIZE, *next = stages + (stage ^ 1) * 2 * SIZE;
        if (first + STEP < positions) next_keys.fetch_into(next), next_values.fetch_into(next + SIZE);
        if (!works) continue;
        // Whole tiles run without a branch.
        if (first + STEP <= positions)
            queries_step<DIM, M>(d_queries, q, d, keys, keys + SIZE, log_sum, dot, STEP);
        else
            queries_step<DIM, M>(d_queries, q, d, keys, keys + SIZE, log_sum, dot, positions - first);
    }
    if (!works) return;
    write_rows<DIM, M>(out, d_queries, head, start + own, QUERIES, norm);
}

// Grids B · heads · (tiles of 64 · M rows); shared memory for 2 · M tiles of 64 rows and four of 32, and for four numbers
// of each of 32 queries.
#define BACKWARD(DIM, M)                                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_keys_backward_##DIM(                               \
        const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos, const float *sin,           \
        const float *log_sums, const float *along, bf16 *out, int positions, int heads) {                              \
        keys_backward<DIM, M>(qk, row_size, qkv, grad, cos, sin, log_sums, along, out, positions, heads);              \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_queries_backward_##DIM(                            \
        const bf16 *qk, int row_size, const bf16 *qkv, const bf16 *grad, const float *cos, const float *sin,           \
        const float *log_sums, const float *along, bf16 *out, int positions, int heads) {                              \
        queries_backward<DIM, M>(qk, row_size, qkv, grad, cos, sin, log_sums, along, out, positions, heads);           \
    }

BACKWARD(16, 2)
BACKWARD(32, 2)
BACKWARD(64, 2)
BACKWARD(128, 1)
