//! The optimisers: `AdamATan2` on the dense weights, sign SGD on the rows of the puzzle embedding that a batch used,
//! and the learning rate's schedule.

use crate::{
    Error, Result,
    kernels::{self, AdamATan2Step, Trained},
    params::Params,
};
use candle_core::{Tensor, Var};
use hrm_types::experiment::TrainConfig;
use std::collections::BTreeMap;

/// Learning-rate factor at `step` (from 1): linear warm-up, then cosine down to `min_ratio` at `total`.
pub fn schedule(step: u64, warmup: u64, total: u64, min_ratio: f64) -> f64 {
    if step < warmup {
        return step as f64 / warmup as f64;
    }
    let progress = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
    min_ratio + (1.0 - min_ratio) * 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
}

/// Settings of [`AdamATan2`] that do not change during a run.
#[derive(Debug, Clone, Copy)]
pub struct AdamSettings {
    /// Momentum.
    pub beta1: f64,
    /// Second-moment decay.
    pub beta2: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Rate of the weights' running averages, if there are any.
    pub ema_rate: Option<f64>,
}

impl From<&TrainConfig> for AdamSettings {
    fn from(config: &TrainConfig) -> Self {
        Self { beta1: config.beta1, beta2: config.beta2, weight_decay: config.weight_decay, ema_rate: config.ema_rate }
    }
}

/// Adam whose update is atan2(m̂, √v̂): no epsilon, and invariant to the gradient's scale (arXiv 2407.05872). It keeps the
/// weights' running averages, too, because it has each weight at hand when that changes.
pub struct AdamATan2 {
    settings: AdamSettings,
    moments: BTreeMap<String, (Tensor, Tensor)>,
    /// Of every dense weight, or of none.
    averages: BTreeMap<String, Tensor>,
    steps: i32,
}

impl AdamATan2 {
    /// Zero moments for every dense weight, and averages that begin as the weights do.
    pub fn new(settings: AdamSettings, params: &Params) -> Result<Self> {
        let zeros =
            |var: &Var| -> Result<(Tensor, Tensor)> { Ok((var.zeros_like()?.detach(), var.zeros_like()?.detach())) };
        let moments = params.dense().map(|(name, var)| Ok((name.to_owned(), zeros(var)?)));
        let averaged = params.dense().filter(|_| settings.ema_rate.is_some());
        let averages = averaged.map(|(name, var)| Ok((name.to_owned(), var.as_detached_tensor().copy()?)));
        Ok(Self {
            settings,
            moments: moments.collect::<Result<_>>()?,
            averages: averages.collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// Running averages of every dense weight; none if none are kept.
    pub fn averages(&self) -> &BTreeMap<String, Tensor> {
        &self.averages
    }

    /// Running first and second moments of every dense weight.
    pub fn moments(&self) -> &BTreeMap<String, (Tensor, Tensor)> {
        &self.moments
    }

    /// Goes on with these moments, and with these averages if any are kept, after `steps` updates.
    ///
    /// # Errors
    /// [`Error::Weight`] when one of a dense weight is missing or of another shape or type.
    pub fn restore(
        &mut self,
        params: &Params,
        mut first: BTreeMap<String, Tensor>,
        mut second: BTreeMap<String, Tensor>,
        mut averages: BTreeMap<String, Tensor>,
        steps: u64,
    ) -> Result<()> {
        for (name, var) in params.dense() {
            // Copies, since they are updated in place and others may go on from the same state.
            let take = |what: &str, tensors: &mut BTreeMap<String, Tensor>| match tensors.remove(name) {
                Some(tensor) if tensor.dims() == var.dims() && tensor.dtype() == var.dtype() => Ok(tensor.copy()?),
                found => Err(Error::Weight {
                    name: name.to_owned(),
                    expected: format!("{what} {:?}", var.dims()),
                    found: found.map_or_else(|| "nothing".to_owned(), |tensor| format!("{:?}", tensor.dims())),
                }),
            };
            let moments = (take("a moment", &mut first)?, take("a moment", &mut second)?);
            self.moments.insert(name.to_owned(), moments);
            if self.settings.ema_rate.is_some() {
                self.averages.insert(name.to_owned(), take("an average", &mut averages)?);
            }
        }
        self.steps = i32::try_from(steps).unwrap_or(i32::MAX);
        Ok(())
    }

    /// Updates every dense weight from its gradient; a weight without one counts as having gradient 0.
    pub fn update(
        &mut self,
        params: &Params,
        lr: f64,
        gradient: impl Fn(&str, &Tensor) -> Option<Tensor>,
    ) -> Result<()> {
        self.steps += 1;
        let AdamSettings { beta1, beta2, weight_decay, ema_rate } = self.settings;
        let step = AdamATan2Step {
            first_weight: (1.0 - beta1) as f32,
            second_weight: (1.0 - beta2) as f32,
            decay: (1.0 - lr * weight_decay) as f32,
            lr: lr as f32,
            first_correction: (1.0 / (1.0 - beta1.powi(self.steps))) as f32,
            second_correction: (1.0 / (1.0 - beta2.powi(self.steps))) as f32,
            average_weight: (1.0 - ema_rate.unwrap_or_default()) as f32,
        };
        let weights = params.dense().map(|(name, var)| -> Result<Trained<'_>> {
            let (first, second) = &self.moments[name];
            let gradient = match gradient(name, var) {
                Some(gradient) => gradient.contiguous()?,
                None => var.zeros_like()?,
            };
            Ok(Trained { weight: var, first, second, gradient, average: self.averages.get(name) })
        });
        Ok(step.apply(&weights.collect::<Result<Vec<_>>>()?)?)
    }
}

/// Updates the rows of `table` that a batch used: row ← row·(1 − lr·wd) − lr·sign(g), with g summed over equal
/// identifiers. `gradient` is (B, N) for `identifiers` (B).
pub fn sign_sgd(table: &Var, identifiers: &[u32], gradient: &Tensor, lr: f64, weight_decay: f64) -> Result<()> {
    Ok(kernels::sign_sgd(table, identifiers, gradient, (1.0 - lr * weight_decay) as f32, lr as f32)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_rate_warms_up_and_falls_along_a_cosine() {
        for (step, factor) in [(0, 0.0), (5, 0.5), (10, 1.0), (60, 0.55), (110, 0.1), (200, 0.1)] {
            let found = schedule(step, 10, 110, 0.1);
            assert!((found - factor).abs() < 1e-12, "step {step}: expected {factor}, found {found}");
        }
        assert!((schedule(7, 0, 100, 1.0) - 1.0).abs() < 1e-12, "a ratio of 1 keeps the rate constant");
    }

    #[test]
    fn sign_sgd_sums_the_gradients_of_equal_rows_and_leaves_the_others() {
        let table = Var::from_slice(&[1f32, 1.0, 2.0, 2.0, 3.0, 3.0], (3, 2), &Device::Cpu).expect("a table");
        // Row 2 gets 1 − 3 = −2 and 0 in its two columns, row 0 gets 5 and −5.
        let gradient =
            Tensor::from_slice(&[1f32, 0.0, 5.0, -5.0, -3.0, 0.0], (3, 2), &Device::Cpu).expect("a gradient");
        sign_sgd(&table, &[2, 0, 2], &gradient, 0.1, 1.0).expect("an update");
        let rows = table.to_vec2::<f32>().expect("rows");
        let expected = [[0.8, 1.0], [2.0, 2.0], [2.8, 2.7]];
        for (row, expected) in rows.iter().flatten().zip(expected.iter().flatten()) {
            assert!((row - expected).abs() < 1e-6, "{rows:?}");
        }
    }
}
