// Attention on tensor cores for sequences of at most 96 positions, in bf16 with f32 sums: one block has all rows of a
// head in shared memory at once, sixteen for each of its warps, so that memory is waited for once.
#include "tiles.cuh"

// Most positions.
constexpr int ROWS = 96;

template <int DIM>
__device__ void forward(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums, int positions,
                        int heads) {
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *keys = queries + ROWS * stride<DIM>(), *values = keys + ROWS * stride<DIM>();
    int lane = threadIdx.x % 32, start = threadIdx.x / 32 * 16, g = lane / 4, t = lane % 4, rows = blockDim.x / 2;
    int sequence = blockIdx.x / heads, index = blockIdx.x % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    qkv += (long long)sequence * positions * 3 * head.width, out += (long long)sequence * positions * head.width;

    read_tile<DIM>(queries, qkv, head, 0, rows, QUERIES);
    read_tile<DIM>(keys, qkv, head, 0, rows, KEYS);
    read_tile<DIM>(values, qkv, head, 0, rows, VALUES);
    __syncthreads();
    u32 q[DIM / 16][4];
#pragma unroll
    for (int k = 0; k < DIM / 16; k++) rows_fragment<DIM>(q[k], queries, start, k * 16);
    float s[ROWS / 8][4] = {}, highest[2] = {-INFINITY, -INFINITY}, sums[2] = {0.0f, 0.0f};
    multiply_rows<DIM, ROWS>(s, q, keys, positions);

    float scale = LOG2_E * rsqrtf((float)DIM);
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (n * 8 + 2 * t + i % 2 >= positions) s[n][i] = -INFINITY;
            highest[i / 2] = fmaxf(highest[i / 2], s[n][i]);
        }
    highest[0] = quad_max(highest[0]), highest[1] = quad_max(highest[1]);
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            s[n][i] = exp2_near(fmaf(s[n][i], scale, -highest[i / 2] * scale));
            sums[i / 2] += s[n][i];
        }
    float o[DIM / 8][4] = {};
    multiply_columns<DIM, ROWS>(o, s, values, positions);

    // This warp's queries are in registers: their rows take its results on the way out.
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int position = start + g + 8 * r;
        float sum = quad_sum(sums[r]);
        bf16 *row = queries + position * stride<DIM>();
#pragma unroll
        for (int n = 0; n < DIM / 8; n++)
            *(u32 *)(row + n * 8 + 2 * t) = pack(o[n][2 * r] / sum, o[n][2 * r + 1] / sum);
        if (t == 0 && position < positions)
            log_sums[(long long)blockIdx.x * positions + position] = highest[r] * scale + log2f(sum);
    }
    __syncwarp();
    write_tile<DIM>(out + head.first_column, head.width, queries, start, 16, 0, positions);
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
    int lane = threadIdx.x % 32, start = threadIdx.x / 32 * 16, g = lane / 4, rows = blockDim.x / 2;
    int sequence = blockIdx.x / heads, index = blockIdx.x % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    qkv += (long long)sequence * positions * 3 * head.width, out += (long long)sequence * positions * 3 * head.width;
    grad += (long long)sequence * positions * head.width, result += (long long)sequence * positions * head.width;

    read_tile<DIM>(queries, qkv, head, 0, rows, QUERIES);
    read_tile<DIM>(keys, qkv, head, 0, rows, KEYS);
    read_tile<DIM>(values, qkv, head, 0, rows, VALUES);
    read_plain_tile<DIM>(grads, grad, head, 0, rows);
    // A lane has the row `lane / 2` of its warp's, every other eight columns of it.
    {
        int position = start + lane / 2;
        float dot = 0.0f;
        if (position < positions) {
            long long row = (long long)position * head.width + head.first_column;
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
    __syncthreads();
    float norm = rsqrtf((float)DIM);
    {
        float d_keys[DIM / 8][4] = {}, d_values[DIM / 8][4] = {};
        for (int first = 0; first < positions; first += STEP) {
            int valid = min(STEP, positions - first);
            const bf16 *q = queries + first * stride<DIM>(), *d = grads + first * stride<DIM>();
            keys_step<DIM>(d_keys, d_values, keys, values, start, q, d, sums + first, along + first, valid);
        }
        write_rows<DIM>(out, d_keys, head, start, KEYS, norm);
        write_rows<DIM>(out, d_values, head, start, VALUES, 1.0f);
    }
    float d_queries[DIM / 8][4] = {};
    float log_sum[2] = {sums[start + g], sums[start + g + 8]}, dot[2] = {along[start + g], along[start + g + 8]};
    for (int first = 0; first < positions; first += STEP) {
        int valid = min(STEP, positions - first);
        const bf16 *k = keys + first * stride<DIM>(), *v = values + first * stride<DIM>();
        queries_step<DIM>(d_queries, queries, grads, start, k, v, log_sum, dot, valid);
    }
    write_rows<DIM>(out, d_queries, head, start, QUERIES, norm);
}

// Grid B · heads, 32 threads for every sixteen positions; shared memory for three tiles of 96 rows forward, and for four
// with two numbers a row backward. So many blocks are on a multiprocessor at once, at least.
#define SHORT(DIM, FORWARD, BACKWARD)                                                                                            \
    extern "C" __global__ void __launch_bounds__(2 * ROWS, FORWARD)                                                    \
        attention_short_forward_##DIM(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums, \
                                      int positions, int heads) {                                                      \
        forward<DIM>(qkv, cos, sin, out, log_sums, positions, heads);                                                  \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(2 * ROWS, BACKWARD) attention_short_backward_##DIM(                   \
        const bf16 *qkv, const bf16 *result, const bf16 *grad, const float *cos, const float *sin,                     \
        const float *log_sums, bf16 *out, int positions, int heads) {                                                  \
        backward<DIM>(qkv, result, grad, cos, sin, log_sums, out, positions, heads);                                   \
    }

SHORT(16, 4, 4)
SHORT(32, 4, 3)
SHORT(64, 3, 2)
SHORT(128, 2, 1)
