//! A training on several devices: a thread for each, which share every batch.

use super::{Origin, Trained, Training, ranks::Ranks};
use crate::{Error, Result, data::Corpus};
use candle_core::Device;
use hrm_types::{experiment::Experiment, run::MetricPoint};
use std::{ops::ControlFlow, path::Path, thread};

/// What is to be done after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next step.
    GoOn,
    /// The training's state is written, then the next step.
    Save,
    /// The training's state is written, then it ends as [`Error::Cancelled`].
    Stop,
}

impl Next {
    const ALL: [Self; 3] = [Self::GoOn, Self::Save, Self::Stop];

    fn number(self) -> f64 {
        f64::from(self as u8)
    }

    fn of(number: f64) -> Self {
        Self::ALL.into_iter().find(|next| (next.number() - number).abs() < 0.5).unwrap_or(Self::Stop)
    }
}

/// What the first device tells.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// A step or a part of a look at the validation split is done; where it belongs to the curve, with its point.
    Step(Option<&'a MetricPoint>),
    /// The state that was to be saved could not be written: the one before it stands, and the training goes on whatever is
    /// answered.
    Unsaved(&'a Error),
}

/// Hears of every step on the first device, and says what is to be done.
type OnStep<'a> = dyn FnMut(&Training<'_>, Told<'_>) -> Next + 'a;

/// What every rank begins with.
struct Start<'a> {
    experiment: &'a Experiment,
    corpus: &'a Corpus,
    origin: Origin<'a>,
    state: &'a Path,
}

/// Trains on several devices: batches, their order and every draw are those of a training on one, and sums are taken in
/// the order of the devices. A state to go on from may be one that any number of devices wrote; its own goes to `state`.
///
/// # Errors
/// [`Error::Device`] when the batch cannot be shared evenly; otherwise as a training on one device.
pub fn train_on(
    devices: &[Device],
    experiment: &Experiment,
    corpus: &Corpus,
    origin: Origin<'_>,
    state: &Path,
    on_step: &mut OnStep<'_>,
) -> Result<Trained> {
    let start = Start { experiment, corpus, origin, state };
    let mut ranks = Ranks::of(devices.len()).into_iter().zip(devices);
    let first = ranks.next().ok_or_else(|| Error::Device("expected at least one device".to_owned()))?;
    #[cfg(feature = "nccl")]
    let several = devices.len() > 1 && devices.iter().all(Device::is_cuda);
    #[cfg(feature = "nccl")]
    let link = several.then(crate::kernels::cuda::nccl::new_id).transpose()?;
    thread::scope(|scope| {
        let start = &start;
        let others: Vec<_> = ranks
            .map(|(ranks, device)| {
                scope.spawn(move || {
                    #[cfg(feature = "nccl")]
                    let ranks = connected(ranks, link, device)?;
                    run(start, ranks, device, None)
                })
            })
            .collect();
        let (ranks, device) = first;
        #[cfg(feature = "nccl")]
        let led = connected(ranks, link, device).and_then(|ranks| run(start, ranks, device, Some(on_step)));
        #[cfg(not(feature = "nccl"))]
        let led = run(start, ranks, device, Some(on_step));
        // Whoever failed first knows why; the others know only that somebody did.
        let panicked = || Err(Error::Device("the thread of a device panicked".to_owned()));
        let mut ended = vec![led];
        ended.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| panicked())));
        match ended.iter().position(|end| matches!(end, Err(error) if !is_of_another(error))) {
            Some(failed) => ended.swap_remove(failed),
            None => ended.swap_remove(0),
        }
    })
}

#[cfg(feature = "nccl")]
fn connected(mut ranks: Ranks, link: Option<crate::kernels::cuda::nccl::Id>, device: &Device) -> Result<Ranks> {
    if let Some(id) = link {
        ranks.connect(id, device)?;
    }
    Ok(ranks)
}

/// Whether an error says no more than that another rank had one.
fn is_of_another(error: &Error) -> bool {
    matches!(error, Error::Device(words) if words.starts_with("another of the training's devices"))
}

/// One rank's training from start to end.
fn run(start: &Start<'_>, ranks: Ranks, device: &Device, mut on_step: Option<&mut OnStep<'_>>) -> Result<Trained> {
    let corpus = start.corpus.clone();
    let mut training = Training::open(start.experiment, corpus, start.origin, device)?.join(ranks)?;
    while !training.is_done() || training.is_validation_due() {
        let point = if training.is_validation_due() {
            let Some(point) = look(&mut training, on_step.as_deref_mut())? else {
                training.write(start.state)?;
                return Err(Error::Cancelled);
            };
            Some(point)
        } else {
            training.advance()?
        };
        let wish = on_step.as_mut().map_or(Next::GoOn, |on_step| on_step(&training, Told::Step(point.as_ref())));
        let next = Next::of(training.agree(wish.number())?);
        match next {
            Next::GoOn => {}
            Next::Save => {
                if let (Err(error), Some(on_step)) = (training.write(start.state), on_step.as_mut()) {
                    on_step(&training, Told::Unsaved(&error));
                }
            }
            Next::Stop => {
                training.write(start.state)?;
                return Err(Error::Cancelled);
            }
        }
    }
    training.finish()
}

/// A look of all ranks, which `on_step` of the first may stop; a state that is to be saved meanwhile is saved after it.
fn look(training: &mut Training<'_>, on_step: Option<&mut OnStep<'_>>) -> Result<Option<MetricPoint>> {
    match on_step {
        None => training.look_together(None),
        Some(on_step) => training.look_together(Some(&mut |training| match on_step(training, Told::Step(None)) {
            Next::Stop => ControlFlow::Break(()),
            Next::GoOn | Next::Save => ControlFlow::Continue(()),
        })),
    }
}

#[cfg(test)]
mod tests;
