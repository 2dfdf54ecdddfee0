// Tiles of rows in shared memory and the products of one warp with them: what attention is made of.
#pragma once
#include "rows.cuh"

// Rows of a block, sixteen for each warp; and keys that the forward pass walks over at a time.
constexpr int TILE = 64;
// Rows of the other side that the backward passes walk over at a time.
constexpr int STEP = 32;

// bf16 from one row of a tile to the next: eight more than a row has, so that eight rows lie in different banks.
template <int DIM>
__device__ constexpr int stride() {
    return DIM + 8;
}

// The largest of the four lanes that share two rows.
__device__ __forceinline__ float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

__device__ __forceinline__ float quad_sum(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// A thread's part of copying rows of DIM values, `row_size` values from one to the next, ROWS of them at a time; 0 beyond
// the last position. All threads of the block take part.
template <int DIM, int ROWS>
struct Walk {
    static constexpr int EIGHTS = DIM / 8, APART = THREADS / EIGHTS;
    // This thread's first eight values of the next rows, and which row that is.
    const bf16 *from;
    int row, row_size, positions;

    __device__ __forceinline__ Walk(const bf16 *first, int row_size, int start, int positions)
        : row(start + threadIdx.x / EIGHTS), row_size(row_size), positions(positions) {
        from = first + (long long)row * row_size + threadIdx.x % EIGHTS * 8;
    }

    // Begins to copy the next rows.
    __device__ __forceinline__ void fetch_into(bf16 *tile) {
        int first = threadIdx.x / EIGHTS;
        tile += first * stride<DIM>() + threadIdx.x % EIGHTS * 8;
#pragma unroll
        for (int j = 0; j < ROWS; j += APART)
            if (ROWS >= APART || first < ROWS)
                fetch(tile + j * stride<DIM>(), from + (long long)j * row_size, row + j < positions);
        from += (long long)ROWS * row_size, row += ROWS;
    }
};

// A warp's ROWS rows of a tile from `first`, to position `start` + row of rows of `row_size` values.
template <int DIM, int ROWS>
__device__ __forceinline__ void write_tile(bf16 *to, int row_size, const bf16 *tile, int first, int start,
                                           int positions) {
    constexpr int EIGHTS = DIM / 8;
    int lane = threadIdx.x % 32, row = first + lane / EIGHTS, column = lane % EIGHTS * 8;
    to += (long long)(start + row) * row_size + column, tile += row * stride<DIM>() + column;
#pragma unroll
    for (int j = 0; j < ROWS; j += 32 / EIGHTS)
        if (start + row + j < positions)
            *(uint4 *)(to + (long long)j * row_size) = *(const uint4 *)(tile + j * stride<DIM>());
}

// The right operand of s += left · tileᵀ: rows 16·n..+16 at columns 16·k..+16, for two products of eight rows each.
template <int DIM>
__device__ __forceinline__ void load_rows(u32 b[4], const bf16 *tile, int n, int k) {
    int lane = threadIdx.x % 32;
    load_matrices(b, tile + (n * 16 + lane / 16 * 8 + lane % 8) * stride<DIM>() + k * 16 + lane / 8 % 2 * 8);
}

// The right operand of o += p · tile: rows 16·k..+16 at columns 16·n..+16, for two products of eight columns each.
template <int DIM>
__device__ __forceinline__ void load_columns(u32 b[4], const bf16 *tile, int k, int n) {
    int lane = threadIdx.x % 32;
    load_matrices_transposed(b, tile + (k * 16 + lane % 16) * stride<DIM>() + n * 16 + lane / 16 * 8);
}

// What two products left in a lane, as a left operand.
__device__ __forceinline__ void left_fragment(u32 left[4], const float first[4], const float second[4]) {
    left[0] = pack(first[0], first[1]), left[1] = pack(first[2], first[3]);
    left[2] = pack(second[0], second[1]), left[3] = pack(second[2], second[3]);
}

// The left operand of a product: rows `row`..+16, columns `column`..+16 of a tile.
template <int DIM>
__device__ __forceinline__ void rows_fragment(u32 out[4], const bf16 *tile, int row, int column) {
    int lane = threadIdx.x % 32;
    // Matrices in the order of the fragment: upper left, lower left, upper right, lower right.
    load_matrices(out, tile + (row + lane % 16) * stride<DIM>() + column + lane / 16 * 8);
}

// s (16 · M, ROWS) += left (16 · M, DIM) · tileᵀ, for the tile's first `valid` rows.
template <int DIM, int M, int ROWS>
__device__ __forceinline__ void multiply_rows(float s[M][ROWS / 8][4], const u32 left[M][DIM / 16][4], const bf16 *tile,
                                              int valid) {
#pragma unroll
    for (int n = 0; n < ROWS / 16; n++) {
        if (n * 16 >= valid) break;
#pragma unroll
        for (int k = 0; k < DIM / 16; k++) {
            u32 b[4];
            load_rows<DIM>(b, tile, n, k);
#pragma unroll
            for (int m = 0; m < M; m++) mma(s[m][2 * n], left[m][k], b[0], b[1]), mma(s[m][2 * n + 1], left[m][k], b[2], b[3]);
        }
    }
}

// The same with the left operand in a tile, rows `row`..+16 · M, and all of the right one.
template <int DIM, int M, int ROWS>
__device__ __forceinline__ void multiply_tiles(float s[M][ROWS / 8][4], const bf16 *left_tile, int row,
                                               const bf16 *tile) {
#pragma unroll
    for (int k = 0; k < DIM / 16; k++) {
        u32 left[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) rows_fragment<DIM>(left[m], left_tile, row + 16 * m, k * 16);
#pragma unroll
        for (int n = 0; n < ROWS / 16; n++) {
            u32 b[4];
            load_rows<DIM>(b, tile, n, k);
#pragma unroll
            for (int m = 0; m < M; m++) mma(s[m][2 * n], left[m], b[0], b[1]), mma(s[m][2 * n + 1], left[m], b[2], b[3]);
        }
    }
}

// o (16 · M, DIM) += p (16 · M, ROWS) · tile (ROWS, DIM), for the tile's first `valid` rows, with p rounded to bf16.
template <int DIM, int M, int ROWS>
__device__ __forceinline__ void multiply_columns(float o[M][DIM / 8][4], const float p[M][ROWS / 8][4],
                                                 const bf16 *tile, int valid) {
#pragma unroll
    for (int k = 0; k < ROWS / 16; k++) {
        if (k * 16 >= valid) break;
        u32 left[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) left_fragment(left[m], p[m][2 * k], p[m][2 * k + 1]);
#pragma unroll
        for (int n = 0; n < DIM / 16; n++) {
            u32 b[4];
            load_columns<DIM>(b, tile, k, n);
#pragma unroll
            for (int m = 0; m < M; m++) mma(o[m][2 * n], left[m], b[0], b[1]), mma(o[m][2 * n + 1], left[m], b[2], b[3]);
        }
    }
}

// The left operands of products over all columns: rows `row`..+16 · M of a tile.
template <int DIM, int M>
__device__ __forceinline__ void load_left(u32 left[M][DIM / 16][4], const bf16 *tile, int row) {
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int k = 0; k < DIM / 16; k++) rows_fragment<DIM>(left[m][k], tile, row + 16 * m, k * 16);
}

// Backward, for 16 · M keys from `row` of their tiles: what STEP queries add to the gradients of keys (times √DIM) and
// values. Of each query: the logarithm (base 2) of its sum of exponentials, and Σ grad · result. Where all of these and
// its rows are 0, a query adds nothing.
template <int DIM, int M>
__device__ __forceinline__ void keys_step(float d_keys[M][DIM / 8][4], float d_values[M][DIM / 8][4], const bf16 *keys,
                                          const bf16 *values, int row, const bf16 *queries, const bf16 *grads,
                                          const float *log_sums, const float *along) {
    int t = threadIdx.x % 4;
    float scale = LOG2_E * rsqrtf((float)DIM), p[M][STEP / 8][4] = {}, d_p[M][STEP / 8][4] = {};
    multiply_tiles<DIM, M, STEP>(p, keys, row, queries);
    multiply_tiles<DIM, M, STEP>(d_p, values, row, grads);
#pragma unroll
    for (int n = 0; n < STEP / 8; n++) {
        const float *log_sum = log_sums + n * 8 + 2 * t, *dot = along + n * 8 + 2 * t;
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                p[m][n][i] = exp2_near(fmaf(p[m][n][i], scale, -log_sum[i % 2]));
                d_p[m][n][i] = p[m][n][i] * (d_p[m][n][i] - dot[i % 2]);
            }
    }
    multiply_columns<DIM, M, STEP>(d_values, p, grads, STEP);
    multiply_columns<DIM, M, STEP>(d_keys, d_p, queries, STEP);
}

// Backward, for 16 · M queries and their results' gradients: what the first `valid` of STEP keys add to the queries'
// gradients (times √DIM). The same two numbers of each of a lane's queries.
template <int DIM, int M>
__device__ __forceinline__ void queries_step(float d_queries[M][DIM / 8][4], const u32 queries[M][DIM / 16][4],
                                             const u32 grads[M][DIM / 16][4], const bf16 *keys, const bf16 *values,
                                             const float log_sum[M][2], const float dot[M][2], int valid) {
    int t = threadIdx.x % 4;
    float scale = LOG2_E * rsqrtf((float)DIM), p[M][STEP / 8][4] = {}, d_p[M][STEP / 8][4] = {};
    multiply_rows<DIM, M, STEP>(p, queries, keys, STEP);
    multiply_rows<DIM, M, STEP>(d_p, grads, values, STEP);
#pragma unroll
    for (int n = 0; n < STEP / 8; n++)
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float probability = exp2_near(fmaf(p[m][n][i], scale, -log_sum[m][i / 2]));
                // A key that is not there scores 0, which may be far above all others.
                if (valid < STEP && n * 8 + 2 * t + i % 2 >= valid) probability = 0.0f;
                d_p[m][n][i] = probability * (d_p[m][n][i] - dot[m][i / 2]);
            }
    multiply_columns<DIM, M, STEP>(d_queries, d_p, keys, STEP);
}

// Writes 16 · M rows of the qkv's gradient, rotated back where they were rotated, times `factor`.
template <int DIM, int M>
__device__ __forceinline__ void write_rows(bf16 *grad, const float x[M][DIM / 8][4], const Head &head, int start,
                                           int part, float factor) {
    constexpr int HALF = DIM / 2;
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    bool rotated = head.cos != nullptr && part != VALUES;
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
        int m = i / 2, r = i % 2, position = start + g + 8 * i;
        if (position >= head.positions) continue;
        bf16 *row = grad + place(head, position, part);
#pragma unroll
        for (int n = 0; n < HALF / 8; n++) {
            int column = n * 8 + 2 * t;
            float a[2], b[2], cos[2] = {1.0f, 1.0f}, sin[2] = {0.0f, 0.0f};
            if (rotated) load2(head.cos + position * HALF + column, cos), load2(head.sin + position * HALF + column, sin);
#pragma unroll
            for (int c = 0; c < 2; c++) {
                a[c] = x[m][n][2 * r + c] * factor, b[c] = x[m][n + HALF / 8][2 * r + c] * factor;
                if (rotated) rotate(a[c], b[c], cos[c], sin[c], -1.0f);
            }
            *(u32 *)(row + column) = pack(a[0], a[1]);
            *(u32 *)(row + column + HALF) = pack(b[0], b[1]);
        }
    }
}
