//! The reference code's settings, as a fixture's JSON states them, in our terms.

use crate::{Error, Result, shape::TaskShape};
use hrm_types::experiment::{ArchConfig, ForwardDtype, Gradient, LossType, PosEncodings, TrainConfig};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// Longest file read, bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// A fixture's settings with the metrics of its training steps.
pub(crate) struct Settings {
    path: PathBuf,
    description: Description,
}

#[derive(Deserialize)]
struct Description {
    config: Config,
    loss_type: LossType,
    optimizer: Optimizer,
    puzzle_emb_optimizer: Optimizer,
    grad_scale: String,
    #[serde(default)]
    seed: u64,
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
    /// TRM's from here on.
    #[serde(default)]
    mlp_t: bool,
    #[serde(default)]
    puzzle_emb_len: usize,
    #[serde(default)]
    no_ACT_continue: bool,
}

#[derive(Deserialize)]
struct Optimizer {
    name: String,
    lr: f64,
    weight_decay: f64,
    beta1: Option<f64>,
    beta2: Option<f64>,
}

impl Settings {
    /// Reads the JSON file and refuses what our model would otherwise do differently without saying so.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::Fixture { path: path.to_owned(), problem };
        let unreadable = |source| Error::File { path: path.to_owned(), source };
        let mut text = String::new();
        File::open(path).map_err(unreadable)?.take(LONGEST_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LONGEST_FILE {
            return Err(refuse(format!("expected at most {LONGEST_FILE} bytes of JSON, found more")));
        }
        let description: Description = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        let settings = Self { path: path.to_owned(), description };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let Description { optimizer, puzzle_emb_optimizer, grad_scale, .. } = &self.description;
        let names = (optimizer.name.as_str(), puzzle_emb_optimizer.name.as_str());
        if names != ("adam_atan2", "sign_sgd") {
            return Err(self.problem(format!("expected the optimisers adam_atan2 and sign_sgd, found {names:?}")));
        }
        if grad_scale != "1/batch_size" {
            return Err(self.problem(format!("expected grad_scale 1/batch_size, found {grad_scale}")));
        }
        self.task().check().map_err(|problem| self.problem(problem))?;
        Ok(self.arch().validate()?)
    }

    fn problem(&self, problem: String) -> Error {
        Error::Fixture { path: self.path.clone(), problem }
    }

    /// Refuses settings that draw from a generator which only the reference has.
    pub(crate) fn check_replay(&self) -> Result<()> {
        if self.description.config.halt_exploration_prob == 0.0 {
            return Ok(());
        }
        Err(self.problem("expected halt_exploration_prob 0: exploration draws from another generator".to_owned()))
    }

    /// Seed of the start.
    pub(crate) fn seed(&self) -> u64 {
        self.description.seed
    }

    /// The metrics of every training step, by the reference's names.
    pub(crate) fn into_metrics(self) -> Vec<BTreeMap<String, f64>> {
        self.description.metrics
    }

    /// Sizes of the task.
    pub(crate) fn task(&self) -> TaskShape {
        let config = &self.description.config;
        TaskShape {
            seq_len: config.seq_len,
            vocab_size: config.vocab_size,
            num_puzzle_identifiers: config.num_puzzle_identifiers,
        }
    }

    /// The model.
    pub(crate) fn arch(&self) -> ArchConfig {
        let config = &self.description.config;
        ArchConfig {
            hidden_size: config.hidden_size,
            num_heads: config.num_heads,
            mlp_t: config.mlp_t,
            expansion: config.expansion,
            H_layers: config.H_layers,
            L_layers: config.L_layers,
            H_cycles: config.H_cycles,
            L_cycles: config.L_cycles,
            // The reference's single network is trained through its last cycle.
            gradient: if config.H_layers == 0 { Gradient::LastCycle } else { Gradient::OneStep },
            halt_max_steps: config.halt_max_steps,
            halt_exploration_prob: config.halt_exploration_prob,
            no_ACT_continue: config.no_ACT_continue,
            puzzle_emb_ndim: config.puzzle_emb_ndim,
            puzzle_emb_len: config.puzzle_emb_len,
            pos_encodings: config.pos_encodings,
            rope_theta: config.rope_theta,
            rms_norm_eps: config.rms_norm_eps,
            loss: self.description.loss_type,
            forward_dtype: config.forward_dtype,
        }
    }

    /// Its training.
    pub(crate) fn train(&self) -> TrainConfig {
        let Description { config, optimizer, puzzle_emb_optimizer, .. } = &self.description;
        let defaults = TrainConfig::default();
        TrainConfig {
            batch_size: config.batch_size,
            lr: optimizer.lr,
            weight_decay: optimizer.weight_decay,
            beta1: optimizer.beta1.unwrap_or(defaults.beta1),
            beta2: optimizer.beta2.unwrap_or(defaults.beta2),
            puzzle_emb_lr: puzzle_emb_optimizer.lr,
            puzzle_emb_weight_decay: puzzle_emb_optimizer.weight_decay,
            ..defaults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use hrm_types::experiment::{Gradient, PosEncodings};
    use std::path::PathBuf;

    #[test]
    fn a_single_network_is_trained_through_its_last_cycle() {
        for (name, mlp_t, positions) in
            [("trm_attention", false, PosEncodings::Rope), ("trm_mlp_t", true, PosEncodings::None)]
        {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/upstream");
            let path = path.join(name).with_extension("json");
            if !path.exists() {
                eprintln!("skipped: {} is not on this machine", path.display());
                continue;
            }
            let arch = Settings::read(&path).expect("settings").arch();
            assert_eq!((arch.H_layers, arch.gradient, arch.no_ACT_continue), (0, Gradient::LastCycle, true), "{name}");
            assert_eq!((arch.mlp_t, arch.pos_encodings), (mlp_t, positions), "{name}");
        }
    }

    #[test]
    fn what_is_no_description_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        for (text, message) in [
            (String::new(), "EOF while parsing"),
            ("[".repeat(100_000), "invalid type: sequence"),
            ("{\"config\": {}}".to_owned(), "missing field `batch_size`"),
            ("{\"config\": {\"attention_free\": true}}".to_owned(), "unknown field `attention_free`"),
            (" ".repeat(1 << 21), "expected at most 1048576 bytes of JSON, found more"),
        ] {
            std::fs::write(&path, &text).expect("a file");
            let error = Settings::read(&path).err().expect("a refusal").to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
