#!/bin/sh
# Unpacks a CUDA toolkit from PyPI's wheels under target/cuda, where none is installed, and prints the settings that
# cargo needs to build with the features `cuda` and `nccl`: eval "$(model/cuda/toolkit.sh)".
#
# CUDA_HOME names an installed toolkit instead. Nothing here needs a GPU or its driver: programs are linked against a
# stand-in for libcuda, which the driver's own takes the place of when they run.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/target/cuda
stubs=$folder/stubs
version=13.0

# The wheels of one toolkit; nvidia-cuda-cuobjdump (of any later toolkit) only tells what was compiled.
wheels="nvidia-cuda-nvcc==$version.* nvidia-cuda-crt==$version.* nvidia-nvvm==$version.* nvidia-cuda-runtime==$version.*
nvidia-cuda-cccl==$version.* nvidia-cuda-nvrtc==$version.* nvidia-cublas==$version.* nvidia-curand==10.4.0.*
nvidia-nccl-cu13==2.* nvidia-cuda-cuobjdump==13.*"

unpack() {
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder/wheels" $wheels >&2
    rm -rf "$folder/unpacked"
    for wheel in "$folder"/wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$folder/unpacked"
    done
    home=$folder/unpacked/nvidia/cu13
    # NCCL's wheel has a folder of its own.
    cp -r "$folder"/unpacked/nvidia/nccl/include "$folder"/unpacked/nvidia/nccl/lib "$home"
    # A wheel keeps no permissions; the linker asks for names without versions.
    chmod -R u+x "$home/bin" "$home/nvvm/bin"
    for library in "$home"/lib/lib*.so.*; do
        name=$(basename "$library")
        ln -sf "$name" "$home/lib/${name%%.so.*}.so"
    done
    ln -sfn lib "$home/lib64"
    touch "$folder/unpacked/whole"
}

# A libcuda to link against. Called, it answers CUDA_ERROR_NO_DEVICE, so that a program can say what it lacks.
stub() {
    mkdir -p "$stubs"
    grep -ho '\bcu[A-Z][A-Za-z0-9_]*' "$1"/include/cuda.h | sort -u |
        sed 's/.*/int &(void) { return 100; }/' > "$stubs/cuda.c"
    cc -shared -fPIC -w -Wl,-soname,libcuda.so.1 -o "$stubs/libcuda.so.1" "$stubs/cuda.c"
    ln -sf libcuda.so.1 "$stubs/libcuda.so"
}

if [ -z "${CUDA_HOME:-}" ]; then
    [ -e "$folder/unpacked/whole" ] || unpack
    CUDA_HOME=$folder/unpacked/nvidia/cu13
fi
[ -e "$stubs/libcuda.so" ] || stub "$CUDA_HOME"

echo "export CUDA_HOME='$CUDA_HOME' CUDA_PATH='$CUDA_HOME' PATH='$CUDA_HOME/bin:$PATH'"
# The oldest GPUs with bf16; their PTX is compiled for newer ones when it is loaded.
echo "export CUDA_COMPUTE_CAP=\${CUDA_COMPUTE_CAP:-80} NVCC_CCBIN=\${NVCC_CCBIN:-c++}"
echo "export CARGO_TARGET_DIR='$folder/target'"
echo "export RUSTFLAGS='-L native=$CUDA_HOME/lib -L native=$stubs -C link-arg=-Wl,-rpath,$CUDA_HOME/lib -C link-arg=-Wl,--allow-shlib-undefined'"
