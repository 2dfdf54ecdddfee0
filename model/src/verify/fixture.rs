//! A fixture: numbers computed with the reference implementation, with the settings that gave them.

use crate::{
    Error, Result,
    act::{Batch, Carry},
    shape::TaskShape,
    train::Pass,
};
use candle_core::{DType, Device, Tensor};
use hrm_types::experiment::{ArchConfig, ForwardDtype, LossType, PosEncodings, TrainConfig};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

/// A fixture as it is on disk, with its settings in our terms.
pub(super) struct Fixture {
    path: PathBuf,
    tensors: HashMap<String, Tensor>,
    pub(super) arch: ArchConfig,
    pub(super) settings: TrainConfig,
    pub(super) task: TaskShape,
    pub(super) metrics: Vec<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct Description {
    config: Config,
    loss_type: LossType,
    optimizer: Optimizer,
    puzzle_emb_optimizer: Optimizer,
    grad_scale: String,
    metrics: Vec<BTreeMap<String, f64>>,
}

/// The reference's settings; one that we do not know is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(non_snake_case, reason = "the reference's names")]
struct Config {
    batch_size: usize,
    seq_len: usize,
    puzzle_emb_ndim: usize,
    num_puzzle_identifiers: usize,
    vocab_size: usize,
    H_cycles: usize,
    L_cycles: usize,
    H_layers: usize,
    L_layers: usize,
    hidden_size: usize,
    expansion: f64,
    num_heads: usize,
    pos_encodings: PosEncodings,
    rms_norm_eps: f64,
    rope_theta: f64,
    halt_max_steps: usize,
    halt_exploration_prob: f64,
    forward_dtype: ForwardDtype,
}

#[derive(Deserialize)]
struct Optimizer {
    name: String,
    lr: f64,
    weight_decay: f64,
    beta1: Option<f64>,
    beta2: Option<f64>,
}

impl Fixture {
    /// Reads `PREFIX.json` and `PREFIX.safetensors`.
    pub(super) fn read(prefix: &Path) -> Result<Self> {
        let (json, path) = (suffixed(prefix, ".json"), suffixed(prefix, ".safetensors"));
        let text = fs::read_to_string(&json).map_err(|source| Error::File { path: json.clone(), source })?;
        let description: Description = serde_json::from_str(&text)
            .map_err(|error| Error::Fixture { path: json.clone(), problem: error.to_string() })?;
        if let Err(source) = fs::metadata(&path) {
            return Err(Error::File { path, source });
        }
        description.check(&json)?;
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)?;
        Ok(Self {
            path,
            tensors,
            arch: description.arch(),
            settings: description.settings(),
            task: TaskShape {
                seq_len: description.config.seq_len,
                vocab_size: description.config.vocab_size,
                num_puzzle_identifiers: description.config.num_puzzle_identifiers,
            },
            metrics: description.metrics,
        })
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| self.problem(format!("has no tensor {name}")))
    }

    fn problem(&self, problem: String) -> Error {
        Error::Fixture { path: self.path.clone(), problem }
    }

    /// The weights below a prefix, by their names in checkpoints.
    pub(super) fn weights(&self, prefix: &str) -> Result<BTreeMap<String, Tensor>> {
        let named = self.tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
        named.map(|(name, tensor)| Ok((name.to_owned(), tensor.to_dtype(DType::F32)?))).collect()
    }

    /// A batch below a prefix.
    pub(super) fn batch(&self, prefix: &str) -> Result<Batch> {
        let integers = |name: &str| -> Result<Vec<i64>> {
            Ok(self.get(&format!("{prefix}/{name}"))?.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?)
        };
        let unsigned = |name: &str| -> Result<Vec<u32>> {
            let convert = |x: i64| u32::try_from(x).map_err(|_| self.problem(format!("{prefix}/{name} holds {x}")));
            integers(name)?.into_iter().map(convert).collect()
        };
        Ok(Batch {
            seq_len: self.task.seq_len,
            inputs: unsigned("inputs")?,
            labels: integers("labels")?,
            puzzle_identifiers: unsigned("puzzle_identifiers")?,
        })
    }

    /// max |ours − theirs| / max |theirs|
    pub(super) fn error(&self, name: &str, ours: &Tensor) -> Result<f64> {
        let theirs = self.get(name)?;
        if theirs.dims() != ours.dims() {
            return Err(Error::Weight {
                name: name.to_owned(),
                expected: format!("{:?}", theirs.dims()),
                found: format!("{:?}", ours.dims()),
            });
        }
        let values = |x: &Tensor| -> Result<Vec<f64>> { Ok(x.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?) };
        Ok(relative_error(&values(ours)?, &values(theirs)?))
    }

    /// 0 when the same sequences halted after the same numbers of steps, else infinite.
    pub(super) fn carry_error(&self, prefix: &str, carry: &Carry) -> Result<f64> {
        let theirs = |name: &str| -> Result<Vec<i64>> {
            Ok(self.get(&format!("{prefix}/{name}"))?.to_dtype(DType::I64)?.to_vec1::<i64>()?)
        };
        let steps: Vec<i64> = carry.steps.iter().map(|&steps| i64::from(steps)).collect();
        let halted: Vec<i64> = carry.halted.iter().map(|&halted| i64::from(halted)).collect();
        let same = steps == theirs("steps")? && halted == theirs("halted")?;
        Ok(if same { 0.0 } else { f64::INFINITY })
    }

    /// The largest relative error of a training step's metrics; each counts on its own scale.
    pub(super) fn metrics_error(&self, step: usize, pass: &Pass) -> f64 {
        let ours = BTreeMap::from([
            ("count", pass.halted.count),
            ("accuracy", pass.halted.accuracy),
            ("exact_accuracy", pass.halted.exact),
            ("q_halt_accuracy", pass.halted.q_halt_right),
            ("steps", pass.halted.steps),
            ("lm_loss", pass.lm_loss),
            ("q_halt_loss", pass.q_halt_loss),
            ("q_continue_loss", pass.q_continue_loss),
        ]);
        let theirs = &self.metrics[step - 1];
        theirs.iter().fold(0.0, |worst: f64, (name, &theirs)| match ours.get(name.as_str()) {
            Some(&ours) => worst.max(relative_error(&[ours], &[theirs])),
            None => f64::INFINITY,
        })
    }
}

fn relative_error(ours: &[f64], theirs: &[f64]) -> f64 {
    let scale = theirs.iter().fold(0f64, |scale, x| scale.max(x.abs()));
    let difference = ours.iter().zip(theirs).fold(0f64, |worst, (a, b)| {
        let difference = (a - b).abs();
        if difference <= worst { worst } else { difference }
    });
    if difference == 0.0 { 0.0 } else { difference / scale }
}

fn suffixed(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

impl Description {
    /// Refuses what the replay would otherwise do differently without saying so.
    fn check(&self, path: &Path) -> Result<()> {
        let refuse = |problem: String| Err(Error::Fixture { path: path.to_owned(), problem });
        let names = (self.optimizer.name.as_str(), self.puzzle_emb_optimizer.name.as_str());
        if names != ("adam_atan2", "sign_sgd") {
            return refuse(format!("expected the optimisers adam_atan2 and sign_sgd, found {names:?}"));
        }
        if self.grad_scale != "1/batch_size" {
            return refuse(format!("expected grad_scale 1/batch_size, found {}", self.grad_scale));
        }
        if self.config.halt_exploration_prob != 0.0 {
            return refuse("expected halt_exploration_prob 0: exploration draws from another generator".to_owned());
        }
        Ok(self.arch().validate()?)
    }

    fn arch(&self) -> ArchConfig {
        let config = &self.config;
        ArchConfig {
            hidden_size: config.hidden_size,
            num_heads: config.num_heads,
            expansion: config.expansion,
            H_layers: config.H_layers,
            L_layers: config.L_layers,
            H_cycles: config.H_cycles,
            L_cycles: config.L_cycles,
            halt_max_steps: config.halt_max_steps,
            halt_exploration_prob: config.halt_exploration_prob,
            puzzle_emb_ndim: config.puzzle_emb_ndim,
            pos_encodings: config.pos_encodings,
            rope_theta: config.rope_theta,
            rms_norm_eps: config.rms_norm_eps,
            loss: self.loss_type,
            forward_dtype: config.forward_dtype,
        }
    }

    fn settings(&self) -> TrainConfig {
        let defaults = TrainConfig::default();
        TrainConfig {
            batch_size: self.config.batch_size,
            lr: self.optimizer.lr,
            weight_decay: self.optimizer.weight_decay,
            beta1: self.optimizer.beta1.unwrap_or(defaults.beta1),
            beta2: self.optimizer.beta2.unwrap_or(defaults.beta2),
            puzzle_emb_lr: self.puzzle_emb_optimizer.lr,
            puzzle_emb_weight_decay: self.puzzle_emb_optimizer.weight_decay,
            ..defaults
        }
    }
}
