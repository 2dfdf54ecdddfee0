// Numbers of fewer than 32 bits that count in f32, as far as candle's kernels use them.
#pragma once
#include "emulated.h"
#include <cassert>

using std::isnan;

struct __nv_bfloat16 {
    uint16_t __x;
    __nv_bfloat16() = default;
    template <typename T>
    __nv_bfloat16(T from) : __x((uint16_t)emulated_pack((float)from, 0.0f)) {}
    operator float() const {
        uint32_t bits = (uint32_t)__x << 16;
        float x;
        memcpy(&x, &bits, 4);
        return x;
    }
    __nv_bfloat16 &operator+=(float other) { return *this = __nv_bfloat16((float)*this + other); }
    __nv_bfloat16 &operator*=(float other) { return *this = __nv_bfloat16((float)*this * other); }
};

// Not used by the project: only their sizes are right.
struct __half {
    _Float16 x;
    __half() = default;
    template <typename T>
    __half(T from) : x((_Float16)(float)from) {}
    operator float() const { return (float)x; }
    __half &operator+=(float other) { return *this = __half((float)*this + other); }
    __half &operator*=(float other) { return *this = __half((float)*this * other); }
};
struct __nv_fp8_e4m3 {
    uint8_t __x;
    __nv_fp8_e4m3() = default;
    template <typename T>
    __nv_fp8_e4m3(T) : __x(0) {}
    operator float() const { return 0.0f; }
};
enum { __NV_E4M3 };
inline __half __nv_cvt_fp8_to_halfraw(uint8_t, int) { return __half(0.0f); }

struct __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
inline __nv_bfloat162 __hadd2(__nv_bfloat162 a, __nv_bfloat162 b) {
    __nv_bfloat162 c;
    c.x = (float)a.x + (float)b.x, c.y = (float)a.y + (float)b.y;
    return c;
}
inline __nv_bfloat162 __hmul2(__nv_bfloat162 a, __nv_bfloat162 b) {
    __nv_bfloat162 c;
    c.x = (float)a.x * (float)b.x, c.y = (float)a.y * (float)b.y;
    return c;
}

#define SMALL(T)                                                                                                       \
    inline bool __hisnan(T a) { return std::isnan((float)a); }                                                         \
    inline T hsqrt(T a) { return sqrtf(a); }                                                                           \
    inline T hcos(T a) { return cosf(a); }                                                                             \
    inline T hsin(T a) { return sinf(a); }                                                                             \
    inline T hlog(T a) { return logf(a); }                                                                             \
    inline T hexp(T a) { return expf(a); }                                                                             \
    inline T __habs(T a) { return fabsf(a); }                                                                          \
    inline T __hmax_nan(T a, T b) { return fmaxf(a, b); }                                                              \
    inline T __hmin_nan(T a, T b) { return fminf(a, b); }
SMALL(__half)
SMALL(__nv_bfloat16)

inline __half __float2half(float x) { return x; }
inline float __half2float(__half x) { return x; }
inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
inline float __bfloat162float(__nv_bfloat16 x) { return x; }

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678f); }
inline double normcdf(double x) { return 0.5 * erfc(-x * 0.7071067811865476); }
// Only what takes turns calls these.
template <typename T>
T atomicAdd(T *to, T x) {
    T before = *to;
    *to += x;
    return before;
}
template <typename T>
T atomicMaxf(T *to, T x) {
    T before = *to;
    return *to = std::max(before, x), before;
}
template <typename T>
T atomicMinf(T *to, T x) {
    T before = *to;
    return *to = std::min(before, x), before;
}
template <typename T>
T __ldg(const T *from) {
    return *from;
}
