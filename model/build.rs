//! Compiles the kernels for GPUs, where the program is built for them.

use std::{env, path::PathBuf, process::Command};

/// The sources, each with everything it includes.
const SOURCES: [&str; 11] = [
    "attention",
    "attention_backward",
    "attention_plain",
    "attention_short",
    "cross_entropy",
    "elementwise",
    "embedding",
    "halting",
    "optim",
    "rms_norm",
    "swiglu",
];

/// Machine code for the GPUs of data centres and desks, and code that the driver compiles for newer ones.
const ARCHITECTURES: [&str; 5] = [
    "arch=compute_80,code=sm_80",
    "arch=compute_86,code=sm_86",
    "arch=compute_89,code=sm_89",
    "arch=compute_90,code=sm_90",
    "arch=compute_90,code=compute_90",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=src/kernels/cuda");
    println!("cargo::rerun-if-env-changed=CUDA_HOME");
    let nvcc = env::var_os("CUDA_HOME").map_or_else(|| "nvcc".into(), |home| PathBuf::from(home).join("bin/nvcc"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for name in SOURCES {
        let mut compile = Command::new(&nvcc);
        compile.args(["-std=c++17", "-O3", "-fatbin", "-o"]).arg(out.join(name).with_extension("fatbin"));
        compile.args(ARCHITECTURES.iter().flat_map(|architecture| ["-gencode", architecture]));
        compile.arg(PathBuf::from("src/kernels/cuda").join(name).with_extension("cu"));
        let status = compile.status();
        assert!(
            status.as_ref().is_ok_and(std::process::ExitStatus::success),
            "{} could not compile {name}.cu: {status:?}; `make cuda` unpacks a toolkit that has it",
            nvcc.display()
        );
    }
}
