// Attention on tensor cores, in bf16 with f32 sums: forward.
//
// A block takes 64 or 128 queries of one head, a warp 16 or 32 of them, and walks over tiles of 64 keys, the next of
// which is on its way from memory meanwhile. Scores and probabilities stay in registers; of each query only the
// logarithm (base 2) of its sum of exponentials is kept for the backward pass. Queries and keys are rotated beforehand,
// because each is read by many blocks.
#include "tiles.cuh"

// Rotates queries and keys of (B, T, 3·D) into (B, T, 2·D): a thread for eight columns of each half of a head.
extern "C" __global__ void __launch_bounds__(THREADS)
    attention_rotate(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, long long count, int positions,
                     int heads, int dim) {
    long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) return;
    int half = dim / 2, eights = half / 8, column = i % eights * 8;
    long long head = i / eights, row = head / (2 * heads);
    int position = row % positions;
    const bf16 *from = qkv + (row * 3 * heads + head % (2 * heads)) * dim + column;
    bf16 *to = out + head * dim + column;
    float a[8], b[8], c[8], s[8];
    load8(from, a), load8(from + half, b);
    load8(cos + position * half + column, c), load8(sin + position * half + column, s);
#pragma unroll
    for (int j = 0; j < 8; j++) rotate(a[j], b[j], c[j], s[j], 1.0f);
    store8(to, a), store8(to + half, b);
}

// A block's queries: 64 · M. `qk` has queries in its first D columns and keys in the next, `row_size` values a row.
template <int DIM, int M>
__device__ void forward(const bf16 *qk, int row_size, const bf16 *qkv, bf16 *out, float *log_sums, int positions,
                        int heads) {
    constexpr int SIZE = TILE * stride<DIM>();
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *stages = queries + M * SIZE;
    int lane = threadIdx.x % 32, own = threadIdx.x / 32 * 16 * M, g = lane / 4, t = lane % 4;
    int tiles = (positions + TILE * M - 1) / (TILE * M), pair = blockIdx.x / tiles, start = blockIdx.x % tiles * TILE * M;
    int sequence = pair / heads, first_column = pair % heads * DIM, width = heads * DIM;
    qk += (long long)sequence * positions * row_size + first_column;
    const bf16 *values_from = qkv + ((long long)sequence * positions * 3 + 2) * width + first_column;
    out += (long long)sequence * positions * width + first_column;

    fetch_tile<DIM>(queries, qk, row_size, start, TILE * M, positions);
    fetch_tile<DIM>(stages, qk + width, row_size, 0, TILE, positions);
    fetch_tile<DIM>(stages + SIZE, values_from, 3 * width, 0, TILE, positions);
    fetched();
    __syncthreads();
    u32 q[M][DIM / 16][4];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int k = 0; k < DIM / 16; k++) rows_fragment<DIM>(q[m][k], queries, own + 16 * m, k * 16);

    // Two rows of every lane: g and g + 8 of each sixteen.
    float o[M][DIM / 8][4] = {}, highest[M][2], sums[M][2] = {};
#pragma unroll
    for (int m = 0; m < M; m++) highest[m][0] = highest[m][1] = -INFINITY;
    float scale = LOG2_E * rsqrtf((float)DIM);
    bool works = start + own < positions;
    for (int first = 0, stage = 0; first < positions; first += TILE, stage ^= 1) {
        if (first > 0) {
            fetched();
            // Everybody's part of this tile is there, and nobody reads the one before any more.
            __syncthreads();
        }
        bf16 *keys = stages + stage * 2 * SIZE, *values = keys + SIZE;
        if (first + TILE < positions) {
            bf16 *next = stages + (stage ^ 1) * 2 * SIZE;
            fetch_tile<DIM>(next, qk + width, row_size, first + TILE, TILE, positions);
            fetch_tile<DIM>(next + SIZE, values_from, 3 * width, first + TILE, TILE, positions);
        }
        if (!works) continue;
        int valid = min(TILE, positions - first);
        float s[M][TILE / 8][4] = {};
#pragma unroll
        for (int n = 0; n < TILE / 16; n++) {
            if (n * 16 >= valid) break;
#pragma unroll
            for (int k = 0; k < DIM / 16; k++) {
                u32 b[4];
                load_rows<DIM>(b, keys, n, k);
#pragma unroll
                for (int m = 0; m < M; m++) mma(s[m][2 * n], q[m][k], b[0], b[1]), mma(s[m][2 * n + 1], q[m][k], b[2], b[3]);
            }
        }
        if (valid < TILE) {
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                    for (int i = 0; i < 4; i++)
                        if (n * 8 + 2 * t + i % 2 >= valid) s[m][n][i] = -INFINITY;
        }
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int r = 0; r < 2; r++) {
                float most = highest[m][r];
#pragma unroll
                for (int n = 0; n < TILE / 8; n++) most = fmaxf(most, fmaxf(s[m][n][2 * r], s[m][n][2 * r + 1]));
                // Every tile has a valid key, so that the highest is a number.
                most = quad_max(most);
                float shrink = exp2_near((highest[m][r] - most) * scale), shift = most * scale, sum = 0.0f;
                highest[m][r] = most;
#pragma unroll
                for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                    for (int c = 2 * r; c < 2 * r + 2; c++) {
                        s[m][n][c] = exp2_near(fmaf(s[m][n][c], scale, -shift));
                        sum += s[m][n][c];
                    }
                sums[m][r] = sums[m][r] * shrink + sum;
#pragma unroll
                for (int n = 0; n < DIM / 8; n++) o[m][n][2 * r] *= shrink, o[m][n][2 * r + 1] *= shrink;
            }
#pragma unroll
        for (int k = 0; k < TILE / 16; k++) {
            if (k * 16 >= valid) break;
            u32 p[M][4];
#pragma unroll
            for (int m = 0; m < M; m++) left_fragment(p[m], s[m][2 * k], s[m][2 * k + 1]);
#pragma unroll
            for (int n = 0; n < DIM / 16; n++) {
                u32 b[4];
                load_columns<DIM>(b, values, k, n);
#pragma unroll
                for (int m = 0; m < M; m++) mma(o[m][2 * n], p[m], b[0], b[1]), mma(o[m][2 * n + 1], p[m], b[2], b[3]);
            }
        }
    }
    if (!works) return;
    // This warp's queries are in registers: their rows take its results on the way out.
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
            int row = own + 16 * m + g + 8 * r, position = start + row;
            float sum = quad_sum(sums[m][r]);
#pragma unroll
            for (int n = 0; n < DIM / 8; n++)
                *(u32 *)(queries + row * stride<DIM>() + n * 8 + 2 * t) =
                    pack(o[m][n][2 * r] / sum, o[m][n][2 * r + 1] / sum);
            if (t == 0 && position < positions)
                log_sums[(long long)pair * positions + position] = highest[m][r] * scale + log2f(sum);
        }
    __syncwarp();
    write_tile<DIM>(out, width, queries, own, 16 * M, start, positions);
}

// Grid B · heads · (tiles of 64 · M queries); shared memory for M tiles of queries and four of keys and values.
#define FORWARD(DIM, M)                                                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        attention_forward_##DIM(const bf16 *qk, int row_size, const bf16 *qkv, bf16 *out, float *log_sums,             \
                                int positions, int heads) {                                                            \
        forward<DIM, M>(qk, row_size, qkv, out, log_sums, positions, heads);                                           \
    }

FORWARD(16, 2)
FORWARD(32, 2)
FORWARD(64, 2)
FORWARD(128, 1)
