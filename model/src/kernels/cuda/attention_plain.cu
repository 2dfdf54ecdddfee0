// Attention without tensor cores, for f32 and for heads of other sizes: a warp per query or key, scores of 32 at a time.
#include "rows.cuh"

// Columns of a head, at most.
constexpr int MOST_COLUMNS = 256;
// Columns of a head that a lane holds.
constexpr int HELD = MOST_COLUMNS / 32;

// One column of a head, rotated where it should be.
template <typename T>
__device__ __forceinline__ float column_of(const T *qkv, const Head &head, int position, int part, int column) {
    const T *row = qkv + place(head, position, part);
    float x = to_float(row[column]);
    if (head.cos == nullptr || part == VALUES) return x;
    int half = head.dim / 2, i = position * half + column % half;
    float other = to_float(row[column < half ? column + half : column - half]);
    return column < half ? x * head.cos[i] - other * head.sin[i] : x * head.cos[i] + other * head.sin[i];
}

// A warp's head and row.
struct Place {
    Head head;
    // Of all heads of all sequences.
    int pair;
    int sequence, index, position;
};

__device__ __forceinline__ Place place_of(int positions, int heads, int dim, const float *cos, const float *sin) {
    Place at;
    int groups = (positions + WARPS - 1) / WARPS;
    at.pair = blockIdx.x / groups, at.sequence = at.pair / heads, at.index = at.pair % heads;
    at.position = blockIdx.x % groups * WARPS + threadIdx.x / 32;
    Head head = {positions, heads * dim, at.index * dim, dim, cos, sin};
    at.head = head;
    return at;
}

// Writes a row of the qkv's gradient, rotated back where it was rotated; `row` is the warp's shared memory.
template <typename T>
__device__ void write_row(T *grad, const float *row, const Head &head, int position, int part) {
    int half = head.dim / 2;
    T *to = grad + place(head, position, part);
    for (int column = threadIdx.x % 32; column < head.dim; column += 32) {
        float x = row[column];
        if (head.cos != nullptr && part != VALUES) {
            int i = position * half + column % half;
            float other = row[column < half ? column + half : column - half];
            x = column < half ? x * head.cos[i] + other * head.sin[i] : x * head.cos[i] - other * head.sin[i];
        }
        store(to + column, x);
    }
}

template <typename T>
__device__ void forward(const T *qkv, const float *cos, const float *sin, T *out, float *log_sums, int positions,
                        int heads, int dim) {
    SHARED float rows[WARPS][MOST_COLUMNS];
    Place at = place_of(positions, heads, dim, cos, sin);
    if (at.position >= positions) return;
    int lane = threadIdx.x % 32;
    float *query = rows[threadIdx.x / 32];
    qkv += (long long)at.sequence * positions * 3 * at.head.width;
    for (int column = lane; column < dim; column += 32)
        query[column] = column_of(qkv, at.head, at.position, QUERIES, column) * rsqrtf((float)dim);
    __syncwarp();
    float o[HELD] = {}, highest = -INFINITY, sum = 0.0f;
    for (int first = 0; first < positions; first += 32) {
        int key = first + lane;
        float score = -INFINITY;
        if (key < positions) {
            score = 0.0f;
            for (int column = 0; column < dim; column++)
                score += query[column] * column_of(qkv, at.head, key, KEYS, column);
        }
        float previous = highest;
        highest = fmaxf(highest, warp_max(score));
        float shrink = expf(previous - highest), p = expf(score - highest);
        sum = sum * shrink + warp_sum(p);
        for (int i = 0; i < HELD; i++) o[i] *= shrink;
        for (int j = 0; j < 32 && first + j < positions; j++) {
            float weight = __shfl_sync(0xffffffffu, p, j);
            for (int i = 0; i < HELD && i * 32 + lane < dim; i++)
                o[i] += weight * column_of(qkv, at.head, first + j, VALUES, i * 32 + lane);
        }
    }
    T *to = out + ((long long)at.sequence * positions + at.position) * at.head.width + at.head.first_column;
    for (int i = 0; i < HELD && i * 32 + lane < dim; i++) store(to + i * 32 + lane, o[i] / sum);
    if (lane == 0) log_sums[(long long)at.pair * positions + at.position] = highest + logf(sum);
}

// The gradient of a query: a warp walks over all keys.
template <typename T>
__device__ void queries_backward(const T *qkv, const T *result, const T *grad, const float *cos, const float *sin,
                                 const float *log_sums, T *out, int positions, int heads, int dim) {
    SHARED float rows[2][WARPS][MOST_COLUMNS];
    Place at = place_of(positions, heads, dim, cos, sin);
    if (at.position >= positions) return;
    int lane = threadIdx.x % 32;
    float *query = rows[0][threadIdx.x / 32], *own = rows[1][threadIdx.x / 32], norm = rsqrtf((float)dim);
    qkv += (long long)at.sequence * positions * 3 * at.head.width, out += (long long)at.sequence * positions * 3 * at.head.width;
    long long start = ((long long)at.sequence * positions + at.position) * at.head.width + at.head.first_column;
    float dot = 0.0f;
    for (int column = lane; column < dim; column += 32) {
        query[column] = column_of(qkv, at.head, at.position, QUERIES, column) * norm;
        own[column] = to_float(grad[start + column]);
        dot += own[column] * to_float(result[start + column]);
    }
    dot = warp_sum(dot);
    __syncwarp();
    float log_sum = log_sums[(long long)at.pair * positions + at.position], d_query[HELD] = {};
    for (int first = 0; first < positions; first += 32) {
        int key = first + lane;
        float d_score = 0.0f;
        if (key < positions) {
            float score = 0.0f, d_p = 0.0f;
            for (int column = 0; column < dim; column++) {
                score += query[column] * column_of(qkv, at.head, key, KEYS, column);
                d_p += own[column] * column_of(qkv, at.head, key, VALUES, column);
            }
            d_score = expf(score - log_sum) * (d_p - dot) * norm;
        }
        for (int j = 0; j < 32 && first + j < positions; j++) {
            float weight = __shfl_sync(0xffffffffu, d_score, j);
            for (int i = 0; i < HELD && i * 32 + lane < dim; i++)
                d_query[i] += weight * column_of(qkv, at.head, first + j, KEYS, i * 32 + lane);
        }
    }
    __syncwarp();
    for (int i = 0; i < HELD && i * 32 + lane < dim; i++) query[i * 32 + lane] = d_query[i];
    __syncwarp();
    write_row(out, query, at.head, at.position, QUERIES);
}

// The gradients of a key and its value: a warp walks over all queries.
template <typename T>
__device__ void keys_backward(const T *qkv, const T *result, const T *grad, const float *cos, const float *sin,
                              const float *log_sums, T *out, int positions, int heads, int dim) {
    SHARED float rows[2][WARPS][MOST_COLUMNS];
    Place at = place_of(positions, heads, dim, cos, sin);
    if (at.position >= positions) return;
    int lane = threadIdx.x % 32;
    float *key = rows[0][threadIdx.x / 32], *value = rows[1][threadIdx.x / 32], norm = rsqrtf((float)dim);
    qkv += (long long)at.sequence * positions * 3 * at.head.width, out += (long long)at.sequence * positions * 3 * at.head.width;
    long long start = (long long)at.sequence * positions * at.head.width + at.head.first_column;
    result += start, grad += start;
    for (int column = lane; column < dim; column += 32) {
        key[column] = column_of(qkv, at.head, at.position, KEYS, column) * norm;
        value[column] = column_of(qkv, at.head, at.position, VALUES, column);
    }
    __syncwarp();
    float d_key[HELD] = {}, d_value[HELD] = {};
    for (int first = 0; first < positions; first += 32) {
        int query = first + lane;
        float p = 0.0f, d_score = 0.0f;
        if (query < positions) {
            float score = 0.0f, d_p = 0.0f, dot = 0.0f;
            for (int column = 0; column < dim; column++) {
                float g = to_float(grad[(long long)query * at.head.width + column]);
                score += key[column] * column_of(qkv, at.head, query, QUERIES, column);
                d_p += g * value[column];
                dot += g * to_float(result[(long long)query * at.head.width + column]);
            }
            p = expf(score - log_sums[(long long)at.pair * positions + query]);
            d_score = p * (d_p - dot) * norm;
        }
        for (int j = 0; j < 32 && first + j < positions; j++) {
            float weight = __shfl_sync(0xffffffffu, p, j), d_weight = __shfl_sync(0xffffffffu, d_score, j);
            for (int i = 0; i < HELD && i * 32 + lane < dim; i++) {
                int column = i * 32 + lane;
                d_value[i] += weight * to_float(grad[(long long)(first + j) * at.head.width + column]);
                d_key[i] += d_weight * column_of(qkv, at.head, first + j, QUERIES, column);
            }
        }
    }
    __syncwarp();
    for (int i = 0; i < HELD && i * 32 + lane < dim; i++)
        key[i * 32 + lane] = d_key[i], value[i * 32 + lane] = d_value[i];
    __syncwarp();
    write_row(out, key, at.head, at.position, KEYS);
    write_row(out, value, at.head, at.position, VALUES);
}

// Grids B · heads · (fours of rows).
#define PLAIN(NAME, T)                                                                                                 \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        attention_plain_forward_##NAME(const T *qkv, const float *cos, const float *sin, T *out, float *log_sums,      \
                                       int positions, int heads, int dim) {                                            \
        forward(qkv, cos, sin, out, log_sums, positions, heads, dim);                                                  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_queries_backward_##NAME(                     \
        const T *qkv, const T *result, const T *grad, const float *cos, const float *sin, const float *log_sums,       \
        T *out, int positions, int heads, int dim) {                                                                   \
        queries_backward(qkv, result, grad, cos, sin, log_sums, out, positions, heads, dim);                           \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_keys_backward_##NAME(                        \
        const T *qkv, const T *result, const T *grad, const float *cos, const float *sin, const float *log_sums,       \
        T *out, int positions, int heads, int dim) {                                                                   \
        keys_backward(qkv, result, grad, cos, sin, log_sums, out, positions, heads, dim);                              \
    }

PLAIN(f32, float)
PLAIN(bf16, bf16)
