// Attention on tensor cores, in bf16 with f32 sums: forward.
//
// A block takes 64 or 128 queries of one head, a warp 16 or 32 of them, and walks over tiles of 64 keys, the next of
// which is on its way from memory meanwhile. Scores and probabilities stay in registers; of each query only the
// logarithm (base 2) of its sum of exponentials is kept for the backward pass. Queries and keys are rotated beforehand,
// because each is read by many blocks.
#include "tiles.cuh"

// Rotates queries and keys of (B, T, 3·D) into (B, T, 2·D): a block a row, a thread eight columns of each half of a head
// at a time.
extern "C" __global__ void __launch_bounds__(ROW_THREADS)
    attention_rotate(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, int positions, int heads, int dim) {
    int half = dim / 2, eights = half / 8, position = blockIdx.x % positions;
    qkv += (long long)blockIdx.x * 3 * heads * dim, out += (long long)blockIdx.x * 2 * heads * dim;
    cos += (long long)position * half, sin += (long long)position * half;
    for (int i = threadIdx.x; i < 2 * heads * eights; i += blockDim.x) {
        int column = i % eights * 8, first = i / eights * dim + column;
        float a[8], b[8], c[8], s[8];
        load8(qkv + first, a), load8(qkv + first + half, b);
        load8(cos + column, c), load8(sin + column, s);
#pragma unroll
        for (int j = 0; j < 8; j++) rotate(a[j], b[j], c[j], s[j], 1.0f);
        store8(out + first, a), store8(out + first + half, b);
    }
}

// What a warp has seen of its 16 · M queries' keys: of every lane two rows, g and g + 8, of each sixteen.
template <int DIM, int M>
struct Seen {
    // Σ of values by exponentials, not yet divided by their sum.
    float o[M][DIM / 8][4];
    // The highest score so far, and each lane's part of the sum.
    float highest[M][2], sums[M][2];
};

// Looks at the first `valid` of TILE keys.
template <int DIM, int M>
__device__ __forceinline__ void look(Seen<DIM, M> &seen, const u32 q[M][DIM / 16][4], const bf16 *keys,
                                     const bf16 *values, float scale, int valid) {
    int t = threadIdx.x % 4;
    float s[M][TILE / 8][4] = {}, most[M][2], shrink[M][2];
    multiply_rows<DIM, M, TILE>(s, q, keys, valid);
    if (valid < TILE) {
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    if (n * 8 + 2 * t + i % 2 >= valid) s[m][n][i] = -INFINITY;
    }
    // Rows side by side, so that none waits for another.
#pragma unroll
    for (int m = 0; m < M; m++) most[m][0] = seen.highest[m][0], most[m][1] = seen.highest[m][1];
#pragma unroll
    for (int n = 0; n < TILE / 8; n++)
#pragma unroll
        for (int i = 0; i < 2 * M; i++)
            most[i / 2][i % 2] = fmaxf(most[i / 2][i % 2], fmaxf(s[i / 2][n][i % 2 * 2], s[i / 2][n][i % 2 * 2 + 1]));
#pragma unroll
    for (int i = 0; i < 2 * M; i++) most[i / 2][i % 2] = quad_max(most[i / 2][i % 2]);
    // Every tile has a valid key, so that the highest is a number.
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
        int m = i / 2, r = i % 2;
        shrink[m][r] = exp2_near((seen.highest[m][r] - most[m][r]) * scale);
        seen.highest[m][r] = most[m][r], seen.sums[m][r] *= shrink[m][r], most[m][r] *= scale;
    }
#pragma unroll
    for (int n = 0; n < TILE / 8; n++)
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                s[m][n][i] = exp2_near(fmaf(s[m][n][i], scale, -most[m][i / 2]));
                seen.sums[m][i / 2] += s[m][n][i];
            }
#pragma unroll
    for (int n = 0; n < DIM / 8; n++)
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int i = 0; i < 4; i++) seen.o[m][n][i] *= shrink[m][i / 2];
    multiply_columns<DIM, M, TILE>(seen.o, s, values, valid);
}

// A block's queries: 64 · M. `qk` has queries in its first D columns and keys in the next, `row_size` values a row.
template <int DIM, int M>
__device__ void forward(const bf16 *qk, int row_size, const bf16 *qkv, bf16 *out, float *log_sums, int positions,
                        int heads) {
    constexpr int SIZE = TILE * stride<DIM>();
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *stages = queries + M * SIZE;
    int lane = threadIdx.x % 32, own = warp_index() * 16 * M, g = lane / 4, t = lane % 4;
    int tiles = (positions + TILE * M - 1) / (TILE * M), pair = blockIdx.x / tiles, start = blockIdx.x % tiles * TILE * M;
    int sequence = pair / heads, first_column = pair % heads * DIM, width = heads * DIM;
    qk += (long long)sequence * positions * row_size + first_column;
    out += (long long)sequence * positions * width + first_column;
    const bf16 *values_from = qkv + ((long long)sequence * positions * 3 + 2) * width + first_column;

    Walk<DIM, TILE> next_keys(qk + width, row_size, 0, positions), next_values(values_from, 3 * width, 0, positions);
    Walk<DIM, TILE * M>(qk, row_size, start, positions).fetch_into(queries);
    next_keys.fetch_into(stages), next_values.fetch_into(stages + SIZE);
    fetched();
    __syncthreads();
    u32 q[M][DIM / 16][4];
    load_left<DIM, M>(q, queries, own);

    Seen<DIM, M> seen = {};
#pragma unroll
    for (int m = 0; m < M; m++) seen.highest[m][0] = seen.highest[m][1] = -INFINITY;
    float scale = LOG2_E * rsqrtf((float)DIM);
    bool works = start + own < positions;
    for (int first = 0, stage = 0; first < positions; first += TILE, stage ^= 1) {
        if (first > 0) {
            fetched();
            // Everybody's part of this tile is there, and nobody reads the one before any more.
            __syncthreads();
        }
        bf16 *keys = stages + stage * 2 * SIZE, *next = stages + (stage ^ 1) * 2 * SIZE;
        if (first + TILE < positions) next_keys.fetch_into(next), next_values.fetch_into(next + SIZE);
        if (!works) continue;
        // Whole tiles run without a branch.
        if (first + TILE <= positions) look<DIM, M>(seen, q, keys, keys + SIZE, scale, TILE);
        else look<DIM, M>(seen, q, keys, keys + SIZE, scale, positions - first);
    }
    if (!works) return;
    // This warp's queries are in registers: their rows take its results on the way out.
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
            int row = own + 16 * m + g + 8 * r, position = start + row;
            float sum = quad_sum(seen.sums[m][r]), share = inverse_near(sum);
#pragma unroll
            for (int n = 0; n < DIM / 8; n++)
                *(u32 *)(queries + row * stride<DIM>() + n * 8 + 2 * t) =
                    pack(seen.o[m][n][2 * r] * share, seen.o[m][n][2 * r + 1] * share);
            if (t == 0 && position < positions)
                log_sums[(long long)pair * positions + position] = seen.highest[m][r] * scale + log2_near(sum);
        }
    __syncwarp();
    write_tile<DIM, 16 * M>(out, width, queries, own, start, positions);
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
