//! A fixture: numbers computed with the reference implementation, with the settings that gave them.

use super::larger;
use crate::{
    Error, Result,
    act::{Batch, Carry},
    shape::TaskShape,
    train::Pass,
    upstream::Settings,
};
use candle_core::{DType, Device, Tensor};
use hrm_types::experiment::{ArchConfig, TrainConfig};
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

impl Fixture {
    /// Reads `PREFIX.json` and `PREFIX.safetensors`.
    pub(super) fn read(prefix: &Path) -> Result<Self> {
        let (json, path) = (suffixed(prefix, ".json"), suffixed(prefix, ".safetensors"));
        let settings = Settings::read(&json)?;
        settings.check_replay()?;
        if let Err(source) = fs::metadata(&path) {
            return Err(Error::File { path, source });
        }
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu).map_err(|error| Error::Fixture {
            path: path.clone(),
            problem: format!("it is no safetensors file: {error}"),
        })?;
        Ok(Self {
            path,
            tensors,
            arch: settings.arch(),
            settings: settings.train(),
            task: settings.task(),
            metrics: settings.into_metrics(),
        })
    }

    /// Whether it holds a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor in f32.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        Ok(self.get(name)?.to_dtype(DType::F32)?)
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
            Some(&ours) => larger(worst, relative_error(&[ours], &[theirs])),
            None => f64::INFINITY,
        })
    }
}

fn relative_error(ours: &[f64], theirs: &[f64]) -> f64 {
    let scale = theirs.iter().fold(0f64, |scale, x| scale.max(x.abs()));
    let difference = ours.iter().zip(theirs).fold(0f64, |worst, (a, b)| larger(worst, (a - b).abs()));
    if difference == 0.0 { 0.0 } else { difference / scale }
}

fn suffixed(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::relative_error;

    #[test]
    fn what_is_not_a_number_is_no_small_error_wherever_it_stands() {
        assert!((relative_error(&[1.0, 2.5], &[1.0, 2.0]) - 0.25).abs() < 1e-12);
        assert!(relative_error(&[0.0], &[0.0]).abs() < 1e-12);
        for ours in [[f64::NAN, 2.0, 3.0], [1.0, f64::NAN, 3.0], [1.0, 2.0, f64::NAN], [1.0, f64::INFINITY, 3.0]] {
            assert!(relative_error(&ours, &[1.0, 2.0, 3.0]).is_infinite(), "{ours:?}");
        }
    }
}
