// Tiles of rows in shared memory and the products of one warp with them: what attention is made of.
#pragma once
#include "rows.cuh"

// Queries of a block, or keys of a block, sixteen for each warp.
constexpr int TILE = 64;
// Rows of the other side that the backward passes walk over at a time.
constexpr int STEP = 32;
constexpr float LOG2_E = 1.4426950408889634f;
constexpr float LN_2 = 0.6931471805599453f;

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

// `rows` rows of the qkv from position `start`, rotated where they should be; 0 beyond the last position. All threads
// of the block call it.
template <int DIM>
__device__ __forceinline__ void read_tile(bf16 *tile, const bf16 *qkv, const Head &head, int start, int rows,
                                          int part) {
    constexpr int HALF = DIM / 2, PAIRS = HALF / 8;
    bool rotated = head.cos != nullptr && part != VALUES;
    for (int i = threadIdx.x; i < rows * PAIRS; i += blockDim.x) {
        int row = i / PAIRS, column = i % PAIRS * 8, position = start + row;
        uint4 first = {0, 0, 0, 0}, second = {0, 0, 0, 0};
        if (position < head.positions) {
            const bf16 *from = qkv + place(head, position, part) + column;
            first = *(const uint4 *)from, second = *(const uint4 *)(from + HALF);
            if (rotated) {
                float a[8], b[8], cos[8], sin[8];
                unpack8(first, a), unpack8(second, b);
                load8(head.cos + position * HALF + column, cos), load8(head.sin + position * HALF + column, sin);
#pragma unroll
                for (int j = 0; j < 8; j++) rotate(a[j], b[j], cos[j], sin[j], 1.0f);
                first = pack8(a), second = pack8(b);
            }
        }
        bf16 *to = tile + row * stride<DIM>() + column;
        *(uint4 *)to = first, *(uint4 *)(to + HALF) = second;
    }
}

// `rows` rows of a (T, D) tensor from position `start`; 0 beyond the last position.
template <int DIM>
__device__ __forceinline__ void read_plain_tile(bf16 *tile, const bf16 *from, const Head &head, int start, int rows) {
    constexpr int EIGHTS = DIM / 8;
    for (int i = threadIdx.x; i < rows * EIGHTS; i += blockDim.x) {
        int row = i / EIGHTS, column = i % EIGHTS * 8, position = start + row;
        uint4 values = {0, 0, 0, 0};
        if (position < head.positions)
            values = *(const uint4 *)(from + (long long)position * head.width + head.first_column + column);
        *(uint4 *)(tile + row * stride<DIM>() + column) = values;
    }
}

// Begins to copy `rows` rows of DIM values from position `start`, `row_size` values from one to the next; 0 beyond the
// last position.
template <int DIM>
__device__ __forceinline__ void fetch_tile(bf16 *tile, const bf16 *from, int row_size, int start, int rows,
                                           int positions) {
    constexpr int EIGHTS = DIM / 8;
    for (int i = threadIdx.x; i < rows * EIGHTS; i += THREADS) {
        int row = i / EIGHTS, column = i % EIGHTS * 8, position = start + row;
        bool real = position < positions;
        fetch(tile + row * stride<DIM>() + column, real ? from + (long long)position * row_size + column : from, real);
    }
}

// A warp's `rows` rows of a tile from `first`, to position `start` + row of rows of `row_size` values.
template <int DIM>
__device__ __forceinline__ void write_tile(bf16 *to, int row_size, const bf16 *tile, int first, int rows, int start,
                                           int positions) {
    constexpr int EIGHTS = DIM / 8;
    for (int i = threadIdx.x % 32; i < rows * EIGHTS; i += 32) {
        int row = first + i / EIGHTS, column = i % EIGHTS * 8;
        if (start + row < positions)
            *(uint4 *)(to + (long long)(start + row) * row_size + column) =
                *(const uint4 *)(tile + row * stride<DIM>() + column);
    }
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

// s (16, ROWS) += left (16, DIM) · tileᵀ, for the tile's first `valid` rows.
template <int DIM, int ROWS>
__device__ __forceinline__ void multiply_rows(float s[ROWS / 8][4], const u32 left[DIM / 16][4], const bf16 *tile,
                                              int valid) {
#pragma unroll
    for (int n = 0; n < ROWS / 16; n++) {
        if (n * 16 >= valid) break;
#pragma unroll
        for (int k = 0; k < DIM / 16; k++) {
            u32 b[4];
            load_rows<DIM>(b, tile, n, k);
            mma(s[2 * n], left[k], b[0], b[1]);
            mma(s[2 * n + 1], left[k], b[2], b[3]);
        }
    }
}

// The same with the left operand in a tile, rows `row`..+16.
template <int DIM, int ROWS>
__device__ __forceinline__ void multiply_tiles(float s[ROWS / 8][4], const bf16 *left_tile, int row, const bf16 *tile,
                                               int valid) {
#pragma unroll
    for (int k = 0; k < DIM / 16; k++) {
        u32 left[4];
        rows_fragment<DIM>(left, left_tile, row, k * 16);
#pragma unroll
        for (int n = 0; n < ROWS / 16; n++) {
            if (n * 16 >= valid) break;
            u32 b[4];
            load_rows<DIM>(b, tile, n, k);
            mma(s[2 * n], left, b[0], b[1]);
            mma(s[2 * n + 1], left, b[2], b[3]);
        }
    }
}

// o (16, DIM) += p (16, ROWS) · tile (ROWS, DIM), for the tile's first `valid` rows, with p rounded to bf16.
template <int DIM, int ROWS>
__device__ __forceinline__ void multiply_columns(float o[DIM / 8][4], const float p[ROWS / 8][4], const bf16 *tile,
                                                 int valid) {
#pragma unroll
    for (int k = 0; k < ROWS / 16; k++) {
        if (k * 16 >= valid) break;
        u32 left[4];
        left_fragment(left, p[2 * k], p[2 * k + 1]);
#pragma unroll
        for (int n = 0; n < DIM / 16; n++) {
            u32 b[4];
            load_columns<DIM>(b, tile, k, n);
            mma(o[2 * n], left, b[0], b[1]);
            mma(o[2 * n + 1], left, b[2], b[3]);
        }
    }
}

// Backward, for sixteen keys from `row` of their tiles: what up to STEP queries add to the gradients of keys (times
// √DIM) and values. Of each query: the logarithm (base 2) of its sum of exponentials, and Σ grad · result.
template <int DIM>
__device__ __forceinline__ void keys_step(float d_keys[DIM / 8][4], float d_values[DIM / 8][4], const bf16 *keys,
                                          const bf16 *values, int row, const bf16 *queries, const bf16 *grads,
                                          const float *log_sums, const float *along, int valid) {
    int t = threadIdx.x % 4;
    float scale = LOG2_E * rsqrtf((float)DIM), p[STEP / 8][4] = {}, d_p[STEP / 8][4] = {};
    multiply_tiles<DIM, STEP>(p, keys, row, queries, valid);
    multiply_tiles<DIM, STEP>(d_p, values, row, grads, valid);
#pragma unroll
    for (int n = 0; n < STEP / 8; n++)
#pragma unroll
        for (int c = 0; c < 2; c++) {
            int column = n * 8 + 2 * t + c;
            bool real = column < valid;
            float log_sum = real ? log_sums[column] : 0.0f, dot = real ? along[column] : 0.0f;
#pragma unroll
            for (int r = 0; r < 2; r++) {
                int i = 2 * r + c;
                p[n][i] = real ? exp2_near(p[n][i] * scale - log_sum) : 0.0f;
                d_p[n][i] = p[n][i] * (d_p[n][i] - dot);
            }
        }
    multiply_columns<DIM, STEP>(d_values, p, grads, valid);
    multiply_columns<DIM, STEP>(d_keys, d_p, queries, valid);
}

// Backward, for sixteen queries from `row` of their tiles: what up to STEP keys add to their gradients (times √DIM).
// The same two numbers of each of a lane's two queries.
template <int DIM>
__device__ __forceinline__ void queries_step(float d_queries[DIM / 8][4], const bf16 *queries, const bf16 *grads, int row,
                                             const bf16 *keys, const bf16 *values, const float log_sum[2],
                                             const float dot[2], int valid) {
    int t = threadIdx.x % 4;
    float scale = LOG2_E * rsqrtf((float)DIM), p[STEP / 8][4] = {}, d_p[STEP / 8][4] = {};
    multiply_tiles<DIM, STEP>(p, queries, row, keys, valid);
    multiply_tiles<DIM, STEP>(d_p, grads, row, values, valid);
#pragma unroll
    for (int n = 0; n < STEP / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float probability = n * 8 + 2 * t + i % 2 < valid ? exp2_near(p[n][i] * scale - log_sum[i / 2]) : 0.0f;
            d_p[n][i] = probability * (d_p[n][i] - dot[i / 2]);
        }
    multiply_columns<DIM, STEP>(d_queries, d_p, keys, valid);
}

// Writes sixteen rows of the qkv's gradient, rotated back where they were rotated, times `factor`.
template <int DIM>
__device__ __forceinline__ void write_rows(bf16 *grad, float x[DIM / 8][4], const Head &head, int start, int part,
                                           float factor) {
    constexpr int HALF = DIM / 2;
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int position = start + g + 8 * r;
        if (position >= head.positions) continue;
        bf16 *row = grad + place(head, position, part);
#pragma unroll
        for (int n = 0; n < HALF / 8; n++) {
            int column = n * 8 + 2 * t;
            float a[2], b[2];
#pragma unroll
            for (int c = 0; c < 2; c++) {
                a[c] = x[n][2 * r + c] * factor, b[c] = x[n + HALF / 8][2 * r + c] * factor;
                if (head.cos != nullptr && part != VALUES)
                    rotate(a[c], b[c], head.cos[position * HALF + column + c], head.sin[position * HALF + column + c],
                           -1.0f);
            }
            *(u32 *)(row + column) = pack(a[0], a[1]);
            *(u32 *)(row + column + HALF) = pack(b[0], b[1]);
        }
    }
}
