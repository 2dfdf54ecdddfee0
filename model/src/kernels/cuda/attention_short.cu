// Attention on tensor cores for sequences of at most 96 positions, in bf16 with f32 sums: one block has all rows of a
// head in shared memory at once, sixteen for each of its warps, so that memory is waited for once.
#include "tiles.cuh"

// Most positions.
constexpr int ROWS = 96;

// Begins to copy half as many rows of DIM values as there are threads, `row_size` values from one to the next; 0 beyond
// the last position.
template <int DIM>
__device__ __forceinline__ void fetch_rows(bf16 *tile, const bf16 *from, int row_size, int positions) {
    constexpr int EIGHTS = DIM / 8;
#pragma unroll
    for (int j = 0; j < EIGHTS / 2; j++) {
        int i = threadIdx.x + j * blockDim.x, row = i / EIGHTS, column = i % EIGHTS * 8;
        fetch(tile + row * stride<DIM>() + column, from + (long long)row * row_size + column, row < positions);
    }
}

// As many rows of queries and keys, rotated where they should be; 0 beyond the last position.
template <int DIM>
__device__ __forceinline__ void read_rotated(bf16 *queries, bf16 *keys, const bf16 *qkv, const Head &head) {
    constexpr int HALF = DIM / 2, PAIRS = HALF / 8, TURNS = (PAIRS + 1) / 2;
    // With one pair of eights in a row there is work for half of the threads.
    if (PAIRS == 1 && threadIdx.x >= blockDim.x / 2) return;
    // Both halves of eight queries and of eight keys. All is on its way before any of it is used.
    uint4 read[TURNS][2][2];
#pragma unroll
    for (int j = 0; j < TURNS; j++) {
        int i = threadIdx.x + j * blockDim.x, row = min(i / PAIRS, head.positions - 1);
        const bf16 *from = qkv + place(head, row, QUERIES) + i % PAIRS * 8;
#pragma unroll
        for (int part = 0; part < 2; part++) {
            read[j][part][0] = *(const uint4 *)(from + part * head.width);
            read[j][part][1] = *(const uint4 *)(from + part * head.width + HALF);
        }
    }
#pragma unroll
    for (int j = 0; j < TURNS; j++) {
        int i = threadIdx.x + j * blockDim.x, row = i / PAIRS, column = i % PAIRS * 8;
        bool real = row < head.positions;
        float cos[8], sin[8];
        if (head.cos != nullptr && real)
            load8(head.cos + row * HALF + column, cos), load8(head.sin + row * HALF + column, sin);
#pragma unroll
        for (int part = 0; part < 2; part++) {
            uint4 *both = read[j][part], zero = {0, 0, 0, 0};
            if (head.cos != nullptr && real) {
                float a[8], b[8];
                unpack8(both[0], a), unpack8(both[1], b);
#pragma unroll
                for (int c = 0; c < 8; c++) rotate(a[c], b[c], cos[c], sin[c], 1.0f);
                both[0] = pack8(a), both[1] = pack8(b);
            }
            bf16 *to = (part == 0 ? queries : keys) + row * stride<DIM>() + column;
            *(uint4 *)to = real ? both[0] : zero, *(uint4 *)(to + HALF) = real ? both[1] : zero;
        }
    }
}

// FULL: there are keys in the last sixteen rows.
template <int DIM, bool FULL>
__device__ void forward(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums, int positions,
                        int heads) {
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *keys = queries + ROWS * stride<DIM>(), *values = keys + ROWS * stride<DIM>();
    int lane = threadIdx.x % 32, start = warp_index() * 16, g = lane / 4, t = lane % 4;
    int sequence = blockIdx.x / heads, index = blockIdx.x % heads, valid = FULL ? ROWS : positions;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    qkv += (long long)sequence * positions * 3 * head.width, out += (long long)sequence * positions * head.width;

    fetch_rows<DIM>(values, qkv + place(head, 0, VALUES), 3 * head.width, positions);
    read_rotated<DIM>(queries, keys, qkv, head);
    fetched();
    __syncthreads();
    u32 q[1][DIM / 16][4];
    load_left<DIM, 1>(q, queries, start);
    float s[1][ROWS / 8][4] = {}, highest[2] = {-INFINITY, -INFINITY}, sums[2] = {0.0f, 0.0f};
    multiply_rows<DIM, 1, ROWS>(s, q, keys, valid);

    float scale = LOG2_E * rsqrtf((float)DIM);
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            bool inside = FULL && n * 8 < ROWS - 16;
            if (!inside && n * 8 + 2 * t + i % 2 >= positions) s[0][n][i] = -INFINITY;
            highest[i / 2] = fmaxf(highest[i / 2], s[0][n][i]);
        }
    highest[0] = quad_max(highest[0]) * scale, highest[1] = quad_max(highest[1]) * scale;
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            s[0][n][i] = exp2_near(fmaf(s[0][n][i], scale, -highest[i / 2]));
            sums[i / 2] += s[0][n][i];
        }
    float o[1][DIM / 8][4] = {};
    multiply_columns<DIM, 1, ROWS>(o, s, values, valid);

    // This warp's queries are in registers: their rows take its results on the way out.
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int position = start + g + 8 * r;
        float sum = quad_sum(sums[r]), share = inverse_near(sum);
        bf16 *row = queries + position * stride<DIM>();
#pragma unroll
        for (int n = 0; n < DIM / 8; n++)
            *(u32 *)(row + n * 8 + 2 * t) = pack(o[0][n][2 * r] * share, o[0][n][2 * r + 1] * share);
        if (t == 0 && position < positions)
            log_sums[(long long)blockIdx.x * positions + position] = highest[r] + log2_near(sum);
    }
    __syncwarp();
    write_tile<DIM, 16>(out + head.first_column, head.width, queries, start, 0, positions);
}

// All gradients of one head: first of its keys and values, then of its queries; a warp has sixteen rows of each.
template <int DIM>
__device__ void backward(const bf16 *qkv, const bf16 *result, const bf16 *grad, const float *cos, const float *sin,
                         const float *log_sums, bf16 *out, int positions, int heads) {
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *keys = queries + ROWS * stride<DIM>(), *values = keys + ROWS * stride<DIM>(),
         *grads = values + ROWS * stride<DIM>();
    // Of every query: Σ grad · result, and the logarithm of its sum of exponentials.
    float *along = (float *)(grads + ROWS * stride<DIM>()), *sums = along + ROWS;
    int lane = threadIdx.x % 32, start = warp_index() * 16, g = lane / 4, rows = blockDim.x / 2;
    int sequence = blockIdx.x / heads, index = blockIdx.x % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    qkv += (long long)sequence * positions * 3 * head.width, out += (long long)sequence * positions * 3 * head.width;
    grad += (long long)sequence * positions * head.width + head.first_column;
    result += (long long)sequence * positions * head.width + head.first_column;

    fetch_rows<DIM>(values, qkv + place(head, 0, VALUES), 3 * head.width, positions);
    fetch_rows<DIM>(grads, grad, head.width, positions);
    // A lane has the row `lane / 2` of its warp's, every other eight columns of it.
    {
        int position = start + lane / 2;
        float dot = 0.0f;
        if (position < positions) {
            long long row = (long long)position * head.width;
#pragma unroll
            for (int column = lane % 2 * 8; column < DIM; column += 16) {
                float a[8], b[8];
                load8(result + row + column, a), load8(grad + row + column, b);
#pragma unroll
                for (int i = 0; i < 8; i++) dot += a[i] * b[i];
            }
        }
        dot += __shfl_xor_sync(0xffffffffu, dot, 1);
        if (lane % 2 == 0) {
            along[position] = dot;
            sums[position] = position < positions ? log_sums[(long long)blockIdx.x * positions + position] : 0.0f;
        }
    }
    read_rotated<DIM>(queries, keys, qkv, head);
    fetched();
    __syncthreads();
    float norm = rsqrtf((float)DIM);
    {
        float d_keys[1][DIM / 8][4] = {}, d_values[1][DIM / 8][4] = {};
        for (int first = 0; first < rows; first += STEP) {
            const bf16 *q = queries + first * stride<DIM>(), *d = grads + first * stride<DIM>();
            keys_step<DIM, 1>(d_keys, d_values, keys, values, start, q, d, sums + first, along + first);
        }
        write_rows<DIM, 1>(out, d_keys, head, start, KEYS, norm);
        write_rows<DIM, 1>(out, d_values, head, start, VALUES, 1.0f);
    }
    u32 q[1][DIM / 16][4], d[1][DIM / 16][4];
    load_left<DIM, 1>(q, queries, start), load_left<DIM, 1>(d, grads, start);
    float d_queries[1][DIM / 8][4] = {};
    float log_sum[1][2] = {{sums[start + g], sums[start + g + 8]}}, dot[1][2] = {{along[start + g], along[start + g + 8]}};
    for (int first = 0; first < rows; first += STEP) {
        const bf16 *k = keys + first * stride<DIM>(), *v = values + first * stride<DIM>();
        // Whole tiles run without a branch.
        if (first + STEP <= positions) queries_step<DIM, 1>(d_queries, q, d, k, v, log_sum, dot, STEP);
        else queries_step<DIM, 1>(d_queries, q, d, k, v, log_sum, dot, positions - first);
    }
    write_rows<DIM, 1>(out, d_queries, head, start, QUERIES, norm);
}

// Grid B · heads; 32 threads for every sixteen positions, backward for every step of them rounded up; shared memory for
// three tiles of 96 rows forward, and for four with two numbers a row backward. So many blocks are on a multiprocessor
// at once, at least.
#define SHORT(DIM, FORWARD, BACKWARD)                                                                                  \
    extern "C" __global__ void __launch_bounds__(2 * ROWS, FORWARD)                                                    \
        attention_short_forward_##DIM(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums, \
                                      int positions, int heads) {                                                      \
        if (positions > ROWS - 16) forward<DIM, true>(qkv, cos, sin, out, log_sums, positions, heads);                 \
        else forward<DIM, false>(qkv, cos, sin, out, log_sums, positions, heads);                                      \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(2 * ROWS, BACKWARD) attention_short_backward_##DIM(                   \
        const bf16 *qkv, const bf16 *result, const bf16 *grad, const float *cos, const float *sin,                     \
        const float *log_sums, bf16 *out, int positions, int heads) {                                                  \
        backward<DIM>(qkv, result, grad, cos, sin, log_sums, out, positions, heads);                                   \
    }

SHORT(16, 4, 4)
SHORT(32, 4, 3)
SHORT(64, 3, 2)
