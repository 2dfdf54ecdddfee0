//! The program `hrm`.

mod cli;

use std::process::ExitCode;

/// Keeps what a training step frees for the next one, where the system's allocator gives it back page by page.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hrm_model::kernels::keep_candle_on_one_thread();
    cli::main()
}
