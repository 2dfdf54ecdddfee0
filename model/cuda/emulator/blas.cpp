// A libcublas of triple loops, of the functions that are called: matrices stored by columns, f32 sums.
#include "emulated.h"

enum { F64 = 1, F32 = 0, BF16 = 14 };

static double value(const void *from, int type, long long i) {
    if (type == F64) return ((const double *)from)[i];
    if (type == F32) return ((const float *)from)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)from)[i] << 16;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static void set(void *to, int type, long long i, double x) {
    if (type == F64) ((double *)to)[i] = x;
    else if (type == F32) ((float *)to)[i] = (float)x;
    else {
        float y = (float)x;
        uint32_t bits;
        memcpy(&bits, &y, 4);
        ((uint16_t *)to)[i] = (uint16_t)(y != y ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

static int gemm(int ta, int tb, int m, int n, int k, double alpha, const void *a, int a_type, int lda, const void *b,
                int b_type, int ldb, double beta, void *c, int c_type, int ldc) {
    // What the library refuses.
    if (m < 0 || n < 0 || k < 0 || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m) return 7;
    for (long long j = 0; j < n; j++)
        for (long long i = 0; i < m; i++) {
            double sum = 0.0;
            for (long long p = 0; p < k; p++)
                sum += value(a, a_type, ta ? p + i * lda : i + p * lda) * value(b, b_type, tb ? j + p * ldb : p + j * ldb);
            double before = beta == 0.0 ? 0.0 : beta * value(c, c_type, i + j * ldc);
            set(c, c_type, i + j * ldc, alpha * sum + before);
        }
    return 0;
}

static double scalar(const void *from, int compute) {
    // CUBLAS_COMPUTE_64F is 70; the others that are asked for count in f32.
    return compute == 70 ? *(const double *)from : *(const float *)from;
}

static int bytes(int type) { return type == F64 ? 8 : type == F32 ? 4 : 2; }

extern "C" {

int cublasCreate_v2(void **handle) { return *handle = (void *)1, 0; }
int cublasDestroy_v2(void *) { return 0; }
int cublasSetStream_v2(void *, void *) { return 0; }
int cublasGetMathMode(void *, int *mode) { return *mode = 0, 0; }
int cublasSetMathMode(void *, int) { return 0; }
int cublasSetWorkspace_v2(void *, void *, size_t) { return 0; }
const char *cublasGetStatusString(int) { return "an error of the emulated cuBLAS"; }

int cublasGemmEx(void *, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda,
                 const void *b, int b_type, int ldb, const void *beta, void *c, int c_type, int ldc, int compute, int) {
    return gemm(ta, tb, m, n, k, scalar(alpha, compute), a, a_type, lda, b, b_type, ldb, scalar(beta, compute), c,
                c_type, ldc);
}

int cublasGemmStridedBatchedEx(void *, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type,
                               int lda, long long sa, const void *b, int b_type, int ldb, long long sb, const void *beta,
                               void *c, int c_type, int ldc, long long sc, int count, int compute, int) {
    for (long long i = 0; i < count; i++) {
        int status = gemm(ta, tb, m, n, k, scalar(alpha, compute), (const char *)a + i * sa * bytes(a_type), a_type, lda,
                          (const char *)b + i * sb * bytes(b_type), b_type, ldb, scalar(beta, compute),
                          (char *)c + i * sc * bytes(c_type), c_type, ldc);
        if (status) return status;
    }
    return 0;
}

int cublasSgemmStridedBatched(void *handle, int ta, int tb, int m, int n, int k, const float *alpha, const float *a,
                              int lda, long long sa, const float *b, int ldb, long long sb, const float *beta, float *c,
                              int ldc, long long sc, int count) {
    return cublasGemmStridedBatchedEx(handle, ta, tb, m, n, k, alpha, a, F32, lda, sa, b, F32, ldb, sb, beta, c, F32, ldc,
                                      sc, count, 68, 0);
}

int cublasDgemmStridedBatched(void *handle, int ta, int tb, int m, int n, int k, const double *alpha, const double *a,
                              int lda, long long sa, const double *b, int ldb, long long sb, const double *beta,
                              double *c, int ldc, long long sc, int count) {
    return cublasGemmStridedBatchedEx(handle, ta, tb, m, n, k, alpha, a, F64, lda, sa, b, F64, ldb, sb, beta, c, F64, ldc,
                                      sc, count, 70, 0);
}
}
