// Rows of the fused qkv, (B, T, 3·D), with the rotary embedding applied as they are read and taken back as gradients
// are written.
#pragma once
#include "device.cuh"

// One head of one sequence.
struct Head {
    int positions;
    // D, of all heads together.
    int width;
    // Of this head.
    int first_column;
    // Columns of a head.
    int dim;
    // (T, dim / 2) each; null where nothing is rotated.
    const float *cos, *sin;
};

// Queries, keys and values within a row.
enum Part { QUERIES = 0, KEYS = 1, VALUES = 2 };

__device__ __forceinline__ long long place(const Head &head, int position, int part) {
    return ((long long)position * 3 + part) * head.width + head.first_column;
}

// Rotates a pair of columns that lie dim / 2 apart; `direction` −1 rotates back.
__device__ __forceinline__ void rotate(float &first, float &second, float cos, float sin, float direction) {
    float a = first, b = second;
    sin *= direction;
    first = a * cos - b * sin;
    second = b * cos + a * sin;
}
