//! What a training needs to go on as if it had never stopped: one safetensors file.
//!
//! Everything drawn at random is a function of (seed, step), so the step stands for every generator, the place in
//! the data and the learning rate.

use super::{
    progress::Progress,
    step::Trainer,
    validation::{Looks, Seen},
};
use crate::{
    Error, Result,
    act::{Batch, Carry},
    hrm::Hidden,
    kernels, params,
    shape::Dims,
    tensor_file,
};
use candle_core::{DType, Device, Tensor};
use hrm_types::experiment::{ArchConfig, Experiment};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// Key of the header's entry that holds [`StateInfo`] as JSON.
const INFO_KEY: &str = "hrm_lab_training";

/// What a training state belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateInfo {
    /// The experiment.
    pub experiment: Experiment,
    /// Content hash of its dataset.
    pub dataset_hash: String,
    /// Steps done.
    pub step: u64,
    /// Sequences seen.
    pub examples: u64,
    /// What was seen of the validation split.
    #[serde(default)]
    pub(super) seen: Seen,
}

/// A training that was written to a file.
pub struct TrainState {
    info: StateInfo,
    tensors: BTreeMap<String, Tensor>,
}

impl TrainState {
    /// Reads a file; whether it fits a training is checked where it is resumed.
    pub fn read(path: &Path) -> Result<Self> {
        let (info, tensors) = tensor_file::read(path, INFO_KEY)?;
        let info = serde_json::from_str(&info).map_err(|error| Error::State(error.to_string()))?;
        Ok(Self { info, tensors })
    }

    /// What it belongs to.
    pub fn info(&self) -> &StateInfo {
        &self.info
    }

    /// The weights.
    pub(super) fn weights(&self) -> BTreeMap<String, Tensor> {
        self.part("weights")
    }

    /// Checks that it was written by a training of this experiment on this dataset.
    pub(super) fn check(&self, experiment: &Experiment, dataset_hash: &str) -> Result<()> {
        let differs = |what: &str, expected: &str, found: &str| {
            Err(Error::State(format!("it belongs to another {what}: expected {expected}, found {found}")))
        };
        if self.info.dataset_hash != dataset_hash {
            return differs("dataset", dataset_hash, &self.info.dataset_hash);
        }
        if let Some(difference) = experiment.difference(&self.info.experiment) {
            return Err(Error::State(format!("it belongs to another experiment: {difference}")));
        }
        Ok(())
    }

    /// Puts everything but the weights into a trainer that has these weights already.
    pub(super) fn restore(&self, trainer: &mut Trainer, arch: &ArchConfig, dims: &Dims) -> Result<()> {
        let (first, second) = (self.part("moments/first"), self.part("moments/second"));
        let (first, second) = (on_device(first, trainer.device())?, on_device(second, trainer.device())?);
        let averages = on_device(self.part("averages"), trainer.device())?;
        trainer.adam.restore(&trainer.params, first, second, averages, self.info.step)?;
        trainer.restore(self.carry(arch, dims, trainer.device())?, self.info.step);
        Ok(())
    }

    /// Puts what was seen of the validation split where it was, and the best weights on the device.
    pub(super) fn restore_looks(
        &self,
        looks: &mut Looks,
        arch: &ArchConfig,
        dims: &Dims,
        device: &Device,
    ) -> Result<()> {
        looks.seen = self.info.seen.clone();
        looks.best_weights = on_device(self.part("best"), device)?;
        if looks.chosen().is_some() { params::check(arch, dims, &looks.best_weights) } else { Ok(()) }
    }

    /// The sums since the last metric point and the clock.
    pub(super) fn progress(&self, batch_size: usize) -> Result<Progress> {
        let values = self.get("progress", DType::F64, &[Progress::VALUES])?.to_vec1::<f64>()?;
        let values = values.try_into().map_err(|_| Error::State("progress: unexpected length".to_owned()))?;
        Ok(Progress::resume(batch_size, self.info.examples, values))
    }

    fn carry(&self, arch: &ArchConfig, dims: &Dims, device: &Device) -> Result<Carry> {
        let (batch, seq_len) = (self.info.experiment.train.batch_size, dims.task.seq_len);
        let (hidden, activations) =
            ([batch, dims.positions, arch.hidden_size], kernels::activations(arch.forward_dtype, device));
        let state = |name: &str| -> Result<Tensor> {
            Ok(self.get(name, DType::F32, &hidden)?.to_device(device)?.to_dtype(activations)?)
        };
        let tokens =
            |name: &str, dtype| -> Result<Tensor> { Ok(self.get(name, dtype, &[batch, seq_len])?.flatten_all()?) };
        let row = |name: &str| -> Result<Vec<u32>> { Ok(self.get(name, DType::U32, &[batch])?.to_vec1()?) };
        let inputs = tokens("carry/inputs", DType::U32)?.to_vec1::<u32>()?;
        let (puzzle_identifiers, steps) = (row("carry/puzzle_identifiers")?, row("carry/steps")?);
        let below = |name: &str, values: &[u32], bound: usize| match values.iter().find(|&&x| x as usize >= bound) {
            Some(found) => Err(Error::State(format!("{name}: expected values below {bound}, found {found}"))),
            None => Ok(()),
        };
        below("carry/inputs", &inputs, dims.task.vocab_size)?;
        below("carry/puzzle_identifiers", &puzzle_identifiers, dims.task.num_puzzle_identifiers)?;
        below("carry/steps", &steps, arch.halt_max_steps + 1)?;
        let halted = self.get("carry/halted", DType::U8, &[batch])?.to_vec1::<u8>()?;
        let labels = tokens("carry/labels", DType::I64)?.to_vec1()?;
        Ok(Carry {
            hidden: Hidden { z_H: state("carry/z_H")?, z_L: state("carry/z_L")? },
            steps,
            halted: halted.into_iter().map(|halted| halted != 0).collect(),
            current: Batch { seq_len, inputs, labels, puzzle_identifiers },
        })
    }

    fn get(&self, name: &str, dtype: DType, shape: &[usize]) -> Result<&Tensor> {
        let expected = || format!("{dtype:?} {shape:?}");
        match self.tensors.get(name) {
            Some(tensor) if tensor.dtype() == dtype && tensor.dims() == shape => Ok(tensor),
            Some(found) => {
                let found = format!("{:?} {:?}", found.dtype(), found.dims());
                Err(Error::State(format!("{name}: expected {}, found {found}", expected())))
            }
            None => Err(Error::State(format!("{name}: expected {}, found nothing", expected()))),
        }
    }

    fn part(&self, folder: &str) -> BTreeMap<String, Tensor> {
        let inside = |(name, tensor): (&String, &Tensor)| {
            let name = name.strip_prefix(folder)?.strip_prefix('/')?;
            Some((name.to_owned(), tensor.clone()))
        };
        self.tensors.iter().filter_map(inside).collect()
    }
}

/// Writes a trainer and its progress to a file that is either whole or absent.
///
/// Of several ranks all call it, and the first writes.
pub(super) fn write(
    path: &Path,
    info: &StateInfo,
    trainer: &Trainer,
    progress: &Progress,
    looks: &Looks,
) -> Result<()> {
    let carry = trainer.whole_carry()?.ok_or_else(|| Error::State("no step has been made yet".to_owned()))?;
    if !trainer.ranks().is_first() {
        return Ok(());
    }
    let mut tensors = BTreeMap::new();
    let mut put = |folder: &str, name: &str, tensor: Tensor| tensors.insert(format!("{folder}/{name}"), tensor);
    for (name, tensor) in trainer.params.detached() {
        put("weights", &name, tensor);
    }
    for (name, (first, second)) in trainer.adam.moments() {
        put("moments/first", name, first.clone());
        put("moments/second", name, second.clone());
    }
    for (name, average) in trainer.adam.averages() {
        put("averages", name, average.clone());
    }
    for (name, tensor) in &looks.best_weights {
        put("best", name, tensor.clone());
    }
    let values = Tensor::from_vec(progress.values().to_vec(), Progress::VALUES, &Device::Cpu)?;
    tensors.insert("progress".to_owned(), values);
    tensors.extend(carry_tensors(&carry)?);
    let info = serde_json::to_string(info).map_err(|error| Error::State(error.to_string()))?;
    tensor_file::write(path, INFO_KEY, info, &tensors)
}

fn carry_tensors(carry: &Carry) -> Result<[(String, Tensor); 7]> {
    let (batch, current) = (carry.steps.len(), &carry.current);
    let halted = carry.halted.iter().map(|&halted| u8::from(halted)).collect();
    let tokens = (batch, current.seq_len);
    Ok([
        // In f32 wherever they were: any device may go on from them.
        ("z_H", carry.hidden.z_H.to_dtype(DType::F32)?),
        ("z_L", carry.hidden.z_L.to_dtype(DType::F32)?),
        ("steps", Tensor::from_slice(&carry.steps, batch, &Device::Cpu)?),
        ("halted", Tensor::from_vec(halted, batch, &Device::Cpu)?),
        ("inputs", Tensor::from_slice(&current.inputs, tokens, &Device::Cpu)?),
        ("labels", Tensor::from_slice(&current.labels, tokens, &Device::Cpu)?),
        ("puzzle_identifiers", Tensor::from_slice(&current.puzzle_identifiers, batch, &Device::Cpu)?),
    ]
    .map(|(name, tensor)| (format!("carry/{name}"), tensor)))
}

/// Checks the weights of a state against the settings before a trainer is made of them.
pub(super) fn checked_weights(
    state: &TrainState,
    arch: &ArchConfig,
    dims: &Dims,
    device: &Device,
) -> Result<BTreeMap<String, Tensor>> {
    let weights = state.weights();
    params::check(arch, dims, &weights)?;
    on_device(weights, device)
}

fn on_device(tensors: BTreeMap<String, Tensor>, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_device(device)?))).collect()
}

#[cfg(test)]
mod tests;
