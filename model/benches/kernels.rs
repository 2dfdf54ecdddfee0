//! Every kernel of a training step at reference size on Sudoku, batch 32, forward and backward:
//! `cargo bench --package hrm-model`, or with a part of a kernel's name behind `--`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hrm_model::{
    bench::{Setup, cases},
    device::DeviceChoice,
    shape::TaskShape,
};
use hrm_types::experiment::{ArchConfig, ForwardDtype};
use std::time::Duration;

fn kernels(criterion: &mut Criterion) {
    let device = DeviceChoice::Auto.open().expect("a device");
    for (name, forward_dtype) in [("bf16", ForwardDtype::Bfloat16), ("f32", ForwardDtype::Float32)] {
        let arch = ArchConfig { forward_dtype, ..ArchConfig::default() };
        let task = TaskShape { seq_len: 81, vocab_size: 11, num_puzzle_identifiers: 1 };
        let setup = Setup { arch, task, batch: 32, seconds: 0.0 };
        let mut group = criterion.benchmark_group(name);
        let mut cases = cases(&setup, &device).expect("the kernels");
        // A group's throughput, once set, stays: those without products come first.
        cases.sort_by_key(|case| case.flops > 0.0);
        for mut case in cases {
            if case.flops > 0.0 {
                group.throughput(Throughput::Elements(case.flops as u64));
            }
            group.bench_function(&case.name, |bencher| {
                bencher.iter(|| {
                    (case.run)().expect("a run");
                    device.synchronize().expect("the device");
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = kernels
}
criterion_main!(all);
