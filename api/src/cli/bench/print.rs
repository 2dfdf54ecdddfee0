//! What a benchmark measured, in words and as JSON.

use crate::cli::report::thousands;
use hrm_api::environment::device_name;
use hrm_model::{
    bench::{OpSpeed, ProductSpeed, Setup, SolveSpeed, TrainSpeed},
    device::Device,
    threads::Threads,
};
use serde_json::{Value, json};

/// Where it was measured.
pub(super) struct Place {
    pub(super) device: Device,
    /// Of the processors; a GPU is given its work by one of them.
    pub(super) threads: Threads,
}

impl Place {
    fn name(&self) -> String {
        device_name(&self.device)
    }

    fn words(&self) -> String {
        if self.device.is_cpu() { format!("threads: {}", self.threads.count()) } else { self.name() }
    }
}

/// The same figures twice.
pub(super) struct Measured {
    pub(super) words: String,
    pub(super) json: Value,
}

impl Measured {
    pub(super) fn train(setup: &Setup, place: &Place, speed: &TrainSpeed) -> Self {
        let words = format!(
            "{}, {} weights\n\
             sequences/s      {:.2} ({:.3} s per step of {}, the middle of {}; {:.3} s at best)\n\
             {}\n\
             peak memory      {}",
            sizes(setup, place),
            thousands(speed.parameters),
            speed.sequences_per_second,
            speed.seconds_per_step,
            setup.batch,
            speed.steps,
            speed.best_seconds_per_step,
            rates(speed.gflops, &speed.product, speed.share_of_matmul),
            memory(speed.peak_memory)
        );
        let figures = json!({
            "parameters": speed.parameters,
            "steps": speed.steps,
            "seconds_per_step": speed.seconds_per_step,
            "best_seconds_per_step": speed.best_seconds_per_step,
            "sequences_per_second": speed.sequences_per_second,
            "gflops": speed.gflops,
            "matmul": product(&speed.product),
            "share_of_matmul": speed.share_of_matmul,
            "peak_memory_bytes": speed.peak_memory,
        });
        Self { words, json: with_setup("train", setup, place, figures) }
    }

    pub(super) fn solve(setup: &Setup, place: &Place, speed: &SolveSpeed) -> Self {
        let words = format!(
            "{}\n\
             ms per ACT step  {:.2} (the middle of {}; {:.2} at best)\n\
             sequence-steps/s {:.2}\n\
             {}\n\
             peak memory      {}",
            sizes(setup, place),
            speed.milliseconds_per_step,
            speed.steps,
            speed.best_milliseconds_per_step,
            speed.sequence_steps_per_second,
            rates(speed.gflops, &speed.product, speed.share_of_matmul),
            memory(speed.peak_memory)
        );
        let figures = json!({
            "steps": speed.steps,
            "milliseconds_per_act_step": speed.milliseconds_per_step,
            "best_milliseconds_per_act_step": speed.best_milliseconds_per_step,
            "sequence_steps_per_second": speed.sequence_steps_per_second,
            "gflops": speed.gflops,
            "matmul": product(&speed.product),
            "share_of_matmul": speed.share_of_matmul,
            "peak_memory_bytes": speed.peak_memory,
        });
        Self { words, json: with_setup("solve", setup, place, figures) }
    }

    pub(super) fn ops(setup: &Setup, place: &Place, speeds: &[OpSpeed]) -> Self {
        let width = speeds.iter().map(|op| op.name.len()).max().unwrap_or(0);
        let line = |op: &OpSpeed| {
            let rate = op.gflops.map(|gflops| format!("  {gflops:7.1} GFLOP/s")).unwrap_or_default();
            format!("{:width$}  {:9.3} ms{rate}", op.name, op.milliseconds)
        };
        let lines: Vec<String> = speeds.iter().map(line).collect();
        let figure = |op: &OpSpeed| json!({"name": op.name, "milliseconds": op.milliseconds, "gflops": op.gflops});
        let figures = json!({"ops": speeds.iter().map(figure).collect::<Vec<_>>()});
        Self {
            words: format!("{}\n{}", sizes(setup, place), lines.join("\n")),
            json: with_setup("ops", setup, place, figures),
        }
    }
}

fn sizes(setup: &Setup, place: &Place) -> String {
    let (arch, task) = (&setup.arch, &setup.task);
    format!(
        "D {}, {}, {} blocks, {} tokens, batch {}, {}, {}",
        arch.hidden_size,
        if arch.mlp_t { "an MLP over positions".to_owned() } else { format!("{} heads", arch.num_heads) },
        match arch.H_layers {
            0 => format!("one network of {}", arch.L_layers),
            layers => format!("{layers} + {}", arch.L_layers),
        },
        task.seq_len,
        setup.batch,
        dtype(setup),
        place.words()
    )
}

fn dtype(setup: &Setup) -> String {
    format!("{:?}", setup.arch.forward_dtype).to_lowercase()
}

fn rates(gflops: f64, product: &ProductSpeed, share: f64) -> String {
    let [m, k, n] = product.shape;
    format!(
        "GFLOP/s          {gflops:.1}\n\
         share_of_matmul  {share:.3} of {:.1} GFLOP/s, ({m}, {k}) ({k}, {n})",
        product.gflops
    )
}

fn product(product: &ProductSpeed) -> Value {
    json!({"shape": product.shape, "gflops": product.gflops})
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "not told by this system".to_owned(), |bytes| format!("{} MiB", bytes >> 20))
}

/// The figures behind what was measured.
fn with_setup(bench: &str, setup: &Setup, place: &Place, figures: Value) -> Value {
    let (arch, task) = (&setup.arch, &setup.task);
    let mut all = json!({
        "bench": bench,
        "hidden_size": arch.hidden_size,
        "num_heads": arch.num_heads,
        "layers": arch.L_layers,
        "arch": arch,
        "tokens": task.seq_len,
        "vocabulary": task.vocab_size,
        "batch": setup.batch,
        "dtype": dtype(setup),
        "device": place.name(),
        "threads": place.threads.count(),
    });
    if let (Value::Object(all), Value::Object(figures)) = (&mut all, figures) {
        all.extend(figures);
    }
    all
}
