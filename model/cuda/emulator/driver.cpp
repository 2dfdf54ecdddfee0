// A libcuda whose one GPU is this processor: memory is the host's, a stream does everything at once, and a kernel is
// found by its name among those compiled into this library.
#include "kernels.h"
#include "threads.h"
#include <string>

// A table for every source.
extern const Kernel own_kernels[], candle_affine[], candle_binary[], candle_cast[], candle_fill[], candle_indexing[],
    candle_reduce[], candle_ternary[], candle_unary[];

typedef int Result;
constexpr Result SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500;

// Memory in use, its peak, what the pool has kept of it and how much there is. HRM_EMULATED_MEMORY sets the last, in bytes.
static size_t used, peak, reserved;
static size_t total() {
    const char *setting = getenv("HRM_EMULATED_MEMORY");
    return setting ? strtoull(setting, nullptr, 10) : (size_t)8 << 30;
}

// The size of an allocation stands before it.
static void *allocate(size_t size) {
    if (used + size > total()) return nullptr;
    char *memory = (char *)aligned_alloc(256, (size + 511) / 256 * 256);
    if (!memory) return nullptr;
    // What is not written before it is read shows.
    memset(memory, 0x7f, (size + 511) / 256 * 256);
    *(size_t *)memory = size;
    used += size, peak = std::max(peak, used), reserved = std::max(reserved, used);
    return memory + 256;
}

static void release(void *memory) {
    if (!memory) return;
    char *start = (char *)memory - 256;
    used -= *(size_t *)start;
    free(start);
}

static const Kernel *find(const char *name) {
    for (const Kernel *table : {own_kernels, candle_affine, candle_binary, candle_cast, candle_fill, candle_indexing,
                                candle_reduce, candle_ternary, candle_unary})
        for (; table->name; table++)
            if (!strcmp(table->name, name)) return table;
    fprintf(stderr, "the emulator has no kernel %s\n", name);
    return nullptr;
}

// HRM_EMULATED_LOG names a file that gets a line for every launch, copy, clearing and allocation.
static void log(const char *what) {
    static FILE *file = getenv("HRM_EMULATED_LOG") ? fopen(getenv("HRM_EMULATED_LOG"), "w") : nullptr;
    if (file) fprintf(file, "%s\n", what);
}

extern "C" {

Result cuInit(unsigned) { return SUCCESS; }
Result cuDriverGetVersion(int *version) { return *version = 13000, SUCCESS; }
Result cuDeviceGet(int *device, int ordinal) { return ordinal == 0 ? (*device = 0, SUCCESS) : 101; }
Result cuDeviceGetCount(int *count) { return *count = 1, SUCCESS; }
Result cuDeviceGetName(char *name, int size, int) { return snprintf(name, size, "emulated GPU"), SUCCESS; }
Result cuDeviceGetUuid(char *uuid, int) { return memset(uuid, 0xab, 16), SUCCESS; }
Result cuDeviceGetUuid_v2(char *uuid, int) { return memset(uuid, 0xab, 16), SUCCESS; }
Result cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = total(), SUCCESS; }
Result cuDeviceGetAttribute(int *value, int attribute, int) {
    // Memory pools, and compute capability 9.0.
    *value = attribute == 115 ? 1 : attribute == 75 ? 9 : 0;
    return SUCCESS;
}
Result cuDevicePrimaryCtxRetain(void **context, int) { return *context = (void *)1, SUCCESS; }
Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
Result cuCtxSetCurrent(void *) { return SUCCESS; }
Result cuCtxGetCurrent(void **context) { return *context = (void *)1, SUCCESS; }
Result cuCtxSynchronize() { return SUCCESS; }
Result cuMemGetInfo_v2(size_t *free, size_t *all) { return *all = total(), *free = total() - reserved, SUCCESS; }

Result cuStreamCreate(void **stream, unsigned) { return *stream = (void *)1, SUCCESS; }
Result cuStreamDestroy_v2(void *) { return SUCCESS; }
Result cuStreamSynchronize(void *) { return SUCCESS; }
Result cuStreamWaitEvent(void *, void *, unsigned) { return SUCCESS; }
Result cuStreamIsCapturing(void *, int *status) { return *status = 0, SUCCESS; }
Result cuEventCreate(void **event, unsigned) { return *event = (void *)1, SUCCESS; }
Result cuEventRecord(void *, void *) { return SUCCESS; }
Result cuEventSynchronize(void *) { return SUCCESS; }
Result cuEventDestroy_v2(void *) { return SUCCESS; }

Result cuDeviceGetDefaultMemPool(void **pool, int) { return *pool = (void *)1, SUCCESS; }
Result cuMemPoolSetAttribute(void *, int, void *) { return SUCCESS; }
Result cuMemPoolGetAttribute(void *, int attribute, void *value) {
    // Kept now, used now, used at most.
    *(uint64_t *)value = attribute == 5 ? reserved : attribute == 7 ? used : attribute == 8 ? peak : total();
    return SUCCESS;
}
Result cuMemPoolTrimTo(void *, size_t keep) { return reserved = std::max(used, std::min(reserved, keep)), SUCCESS; }
Result cuMemAllocAsync(void **memory, size_t size, void *) {
    log("allocate");
    return (*memory = allocate(size)) ? SUCCESS : OUT_OF_MEMORY;
}
Result cuMemAlloc_v2(void **memory, size_t size) { return (*memory = allocate(size)) ? SUCCESS : OUT_OF_MEMORY; }
Result cuMemFreeAsync(void *memory, void *) { return release(memory), SUCCESS; }
Result cuMemFree_v2(void *memory) { return release(memory), SUCCESS; }
Result cuMemsetD8Async(void *to, unsigned char value, size_t count, void *) {
    log("clear");
    return memset(to, value, count), SUCCESS;
}
Result cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t size, void *) {
    log("copy to the device");
    return memcpy(to, from, size), SUCCESS;
}
Result cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t size, void *) {
    log("copy to the host");
    return memcpy(to, from, size), SUCCESS;
}
Result cuMemcpyDtoDAsync_v2(void *to, const void *from, size_t size, void *) {
    log("copy");
    return memmove(to, from, size), SUCCESS;
}

Result cuModuleLoadData(void **module, const void *) { return *module = (void *)1, SUCCESS; }
Result cuModuleUnload(void *) { return SUCCESS; }
Result cuModuleGetFunction(const Kernel **function, void *, const char *name) {
    return (*function = find(name)) ? SUCCESS : NOT_FOUND;
}
Result cuFuncSetAttribute(const Kernel *, int attribute, int value) {
    // Shared memory of a block: 99 KiB is the most on the GPUs that have the least.
    return attribute == 8 && value > 99 << 10 ? INVALID_VALUE : SUCCESS;
}
Result cuFuncGetAttribute(int *value, int, const Kernel *) { return *value = 0, SUCCESS; }
Result cuLaunchKernel(const Kernel *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *, void **arguments, void **) {
    log(kernel->name);
    // What a real driver refuses.
    if (!gx || !gy || !gz || gy > 65535 || gz > 65535 || bx * by * bz > 1024) return INVALID_VALUE;
    emulated_run({gx, gy, gz}, {bx, by, bz}, shared, [=] { kernel->call(arguments); });
    return SUCCESS;
}

Result cuGetErrorName(Result, const char **text) { return *text = "CUDA_ERROR", SUCCESS; }
Result cuGetErrorString(Result error, const char **text) {
    static thread_local std::string message;
    message = error == OUT_OF_MEMORY ? "out of memory" : "error " + std::to_string(error);
    return *text = message.c_str(), SUCCESS;
}
}
