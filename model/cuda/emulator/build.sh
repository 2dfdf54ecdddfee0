#!/bin/sh
# Compiles a libcuda, libcublas and libcurand whose GPU is this machine's processor into target/cuda/emulated:
# LD_LIBRARY_PATH=target/cuda/emulated runs a program that was built for GPUs. Slow, and exact where a GPU is: the same
# kernels, launched with the same arguments, with memory that is never zeroed for them.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/target/cuda/emulated
own=$root/model/src/kernels/cuda
flags="-std=c++17 -O2 -fPIC -w -fno-strict-aliasing -I$here -I$here/headers"
mkdir -p "$out/candle"

# The sources of candle's kernels, as cargo has fetched them.
manifest=$(cargo metadata --format-version 1 --manifest-path "$root/Cargo.toml" --features hrm-model/cuda |
    grep -o '"[^"]*candle-kernels-[^"/]*/Cargo.toml"' | head -n 1 | tr -d '"')
candle=$(dirname "$manifest")/src

for name in affine binary cast fill indexing reduce ternary unary; do
    cp "$candle/$name.cu" "$out/candle"
    cp "$candle"/cuda_utils.cuh "$candle"/binary_op_macros.cuh "$out/candle"
    source=$out/candle/$name.cpp
    {
        echo '#include "small_floats.h"'
        echo '#include "kernels.h"'
        echo '#define __shared__ static'
        echo '#define __CUDA_ARCH__ 800'
        # Names of its own for each source, and nothing of the system's inside.
        printf '#include <cuda/std/limits>\n#include <math.h>\n#include "cuda.h"\n'
        printf 'namespace %s {\n#include "%s.cu"\n}\nusing namespace %s;\n' $name $name $name
    } > "$source"
    names=$(c++ $flags -E -P -I"$out/candle" "$source" | grep -o 'extern "C" *void *[a-z0-9_]*' | sed 's/.* //' | sort -u)
    {
        echo "extern const Kernel candle_$name[] = {"
        for kernel in $names; do echo "KERNEL($kernel),"; done
        echo '{nullptr, nullptr}};'
    } >> "$source"
    c++ $flags -c -I"$out/candle" "$source" -o "$out/candle/$name.o"
done

# What no test calls, so that the program can be loaded.
stubs() {
    grep -oh "\b$1[A-Z][A-Za-z0-9_]*" $2 | sort -u |
        sed 's/.*/__attribute__((weak)) int &(void) { return 100; }/' > "$out/$3.c"
    cc -fPIC -w -c "$out/$3.c" -o "$out/$3.o"
}
stubs cu "$CUDA_HOME/include/cuda.h" cuda
stubs cublas "$CUDA_HOME/include/cublas_v2.h $CUDA_HOME/include/cublas_api.h" cublas
stubs curand "$CUDA_HOME/include/curand.h" curand

# A library whose functions have the version that programs were linked against.
library() {
    file=$out/$1
    echo "$1 { *; };" > "$file.version"
    shift
    c++ $flags -shared -Wl,-soname,"$(basename "$file")" -Wl,--version-script="$file.version" -o "$file" "$@"
}

c++ $flags -I"$own" -c "$here/own_kernels.cpp" -o "$out/own_kernels.o"
c++ $flags -shared -Wl,-soname,libcuda.so.1 -o "$out/libcuda.so.1" "$here/driver.cpp" "$here/threads.cpp" \
    "$out/own_kernels.o" "$out"/candle/*.o "$out/cuda.o"
library libcublas.so.13 "$here/blas.cpp" "$out/cublas.o"
library libcurand.so.10 "$here/random.cpp" "$out/curand.o"
