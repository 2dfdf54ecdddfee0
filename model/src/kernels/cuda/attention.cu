// Attention on tensor cores, in bf16 with f32 sums: forward.
//
// A block takes 64 queries of one head, a warp 16 of them, and walks over tiles of 64 keys. Scores and probabilities
// stay in registers; of each query only the logarithm (base 2) of its sum of exponentials is kept for the backward
// pass.
#include "tiles.cuh"

template <int DIM>
__device__ void forward(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums, int positions,
                        int heads) {
    DYNAMIC_SHARED(uint4, shared);
    bf16 *queries = (bf16 *)shared, *keys = queries + TILE * stride<DIM>(), *values = keys + TILE * stride<DIM>();
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, t = lane % 4;
    int tiles = (positions + TILE - 1) / TILE, pair = blockIdx.x / tiles, start = blockIdx.x % tiles * TILE;
    int sequence = pair / heads, index = pair % heads;
    Head head = {positions, heads * DIM, index * DIM, DIM, cos, sin};
    qkv += (long long)sequence * positions * 3 * head.width;

    read_tile<DIM>(queries, qkv, head, start, TILE, QUERIES);
    __syncthreads();
    u32 q[DIM / 16][4];
#pragma unroll
    for (int k = 0; k < DIM / 16; k++) rows_fragment<DIM>(q[k], queries, warp * 16, k * 16);

    // Two rows of every lane: g and g + 8 of the warp's sixteen.
    float o[DIM / 8][4] = {}, highest[2] = {-INFINITY, -INFINITY}, sums[2] = {0.0f, 0.0f};
    float scale = LOG2_E * rsqrtf((float)DIM);
    bool works = start + warp * 16 < positions;
    for (int first = 0; first < positions; first += TILE) {
        __syncthreads();
        read_tile<DIM>(keys, qkv, head, first, TILE, KEYS);
        read_tile<DIM>(values, qkv, head, first, TILE, VALUES);
        __syncthreads();
        if (!works) continue;
        int valid = min(TILE, positions - first);
        float s[TILE / 8][4] = {};
        multiply_rows<DIM, TILE>(s, q, keys, valid);

        float previous[2] = {highest[0], highest[1]};
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                s[n][i] = n * 8 + 2 * t + i % 2 < valid ? s[n][i] * scale : -INFINITY;
                highest[i / 2] = fmaxf(highest[i / 2], s[n][i]);
            }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            highest[r] = quad_max(highest[r]);
            // Every tile has a valid key, so that the highest is a number.
            float shrink = exp2f(previous[r] - highest[r]);
            sums[r] *= shrink;
#pragma unroll
            for (int n = 0; n < DIM / 8; n++) o[n][2 * r] *= shrink, o[n][2 * r + 1] *= shrink;
        }
#pragma unroll
        for (int n = 0; n < TILE / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                s[n][i] = exp2f(s[n][i] - highest[i / 2]);
                sums[i / 2] += s[n][i];
            }
        multiply_columns<DIM, TILE>(o, s, values, valid);
    }
    if (!works) return;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int position = start + warp * 16 + g + 8 * r;
        float sum = quad_sum(sums[r]);
        if (position >= positions) continue;
        bf16 *row = out + ((long long)sequence * positions + position) * head.width + head.first_column;
#pragma unroll
        for (int n = 0; n < DIM / 8; n++)
            *(u32 *)(row + n * 8 + 2 * t) = pack(o[n][2 * r] / sum, o[n][2 * r + 1] / sum);
        if (t == 0) log_sums[(long long)pair * positions + position] = highest[r] + log2f(sum);
    }
}

// Grid B · heads · (tiles of 64 queries); shared memory for three tiles.
#define FORWARD(DIM)                                                                                                   \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                              \
        attention_forward_##DIM(const bf16 *qkv, const float *cos, const float *sin, bf16 *out, float *log_sums,       \
                                int positions, int heads) {                                                            \
        forward<DIM>(qkv, cos, sin, out, log_sums, positions, heads);                                                  \
    }

FORWARD(32)
FORWARD(64)
FORWARD(128)
