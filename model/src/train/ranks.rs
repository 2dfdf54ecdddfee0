//! Training on several devices at once: every rank, a thread with a device of its own, works on its part of each batch,
//! and all of them add up what they found, in the order of the ranks. The batches, their order and every random draw are
//! those of one device.

use crate::{
    Error, Result,
    act::{Batch, Carry},
    hrm::Hidden,
};
use candle_core::{Device, Tensor};
use std::{
    ops::Range,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// What one rank tells the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) numbers: Vec<f64>,
    pub(super) ids: Vec<u32>,
    pub(super) tensors: Vec<Tensor>,
}

/// Where the ranks of one training meet.
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What each has given in this round.
    given: Vec<Option<Message>>,
    /// Ranks that have read this round's messages.
    taken: usize,
    /// Whether a rank has left: what it was to give will never come.
    broken: bool,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready`, or until a rank has left.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        ready: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'a, State>> {
        while !ready(&state) {
            if state.broken {
                return Err(Error::Device("another of the training's devices has failed".to_owned()));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state)
    }

    fn exchange(&self, rank: usize, message: Message) -> Result<Vec<Message>> {
        // The last round's messages are gone once all have read them.
        let mut state = self.wait(self.lock(), |state| state.given[rank].is_none())?;
        state.given[rank] = Some(message);
        self.changed.notify_all();
        let mut state = self.wait(state, |state| state.given.iter().all(Option::is_some))?;
        let messages = state.given.iter().flatten().cloned().collect();
        state.taken += 1;
        if state.taken == state.given.len() {
            state.taken = 0;
            state.given.fill(None);
            self.changed.notify_all();
        }
        Ok(messages)
    }
}

/// One rank's place among all of a training.
pub(super) struct Ranks {
    rank: usize,
    count: usize,
    /// None for a training on one device.
    meeting: Option<Arc<Meeting>>,
    /// How tensors travel between GPUs; without it they travel as messages do.
    #[cfg(feature = "nccl")]
    link: Option<crate::kernels::cuda::nccl::Link>,
}

impl Drop for Ranks {
    fn drop(&mut self) {
        if let Some(meeting) = &self.meeting {
            meeting.lock().broken = true;
            meeting.changed.notify_all();
        }
    }
}

impl Ranks {
    /// The only rank.
    pub(super) fn one() -> Self {
        Self {
            rank: 0,
            count: 1,
            meeting: None,
            #[cfg(feature = "nccl")]
            link: None,
        }
    }

    /// `count` ranks that know each other.
    pub(super) fn of(count: usize) -> Vec<Self> {
        let state = State { given: vec![None; count], taken: 0, broken: false };
        let meeting = Arc::new(Meeting { state: Mutex::new(state), changed: Condvar::new() });
        let rank = |rank| Self {
            rank,
            count,
            meeting: Some(Arc::clone(&meeting)),
            #[cfg(feature = "nccl")]
            link: None,
        };
        (0..count).map(rank).collect()
    }

    /// Lets tensors travel by NCCL. Every rank calls it, each with its own GPU.
    #[cfg(feature = "nccl")]
    pub(super) fn connect(&mut self, id: crate::kernels::cuda::nccl::Id, device: &Device) -> Result<()> {
        self.link = Some(crate::kernels::cuda::nccl::Link::new(id, device, self.rank, self.count)?);
        Ok(())
    }

    pub(super) fn is_one(&self) -> bool {
        self.count == 1
    }

    pub(super) fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// This rank's sequences of a batch.
    ///
    /// # Errors
    /// [`Error::Device`] when the batch cannot be divided evenly.
    pub(super) fn part(&self, batch_size: usize) -> Result<Range<usize>> {
        if !batch_size.is_multiple_of(self.count) {
            return Err(Error::Device(format!(
                "expected a batch size that {} devices can share evenly, found {batch_size}",
                self.count
            )));
        }
        let size = batch_size / self.count;
        Ok(self.rank * size..(self.rank + 1) * size)
    }

    /// What every rank says, in the order of the ranks; all call it, and none goes on before all have.
    pub(super) fn exchange(&self, message: Message) -> Result<Vec<Message>> {
        match &self.meeting {
            None => Ok(vec![message]),
            Some(meeting) => meeting.exchange(self.rank, message),
        }
    }

    /// Every rank's tensor of one shape, on this rank's device, in the order of the ranks. The ranks' numbers and ids
    /// are exchanged first, so that a rank that has failed is noticed before a device waits for it.
    pub(super) fn gather(&self, message: Message) -> Result<Vec<Message>> {
        if self.is_one() {
            return self.exchange(message);
        }
        #[cfg(feature = "nccl")]
        if let Some(link) = &self.link {
            let Message { numbers, ids, tensors } = message;
            // Before the ranks meet: who finds no room for it then must not be waited for.
            let rooms = tensors.iter().map(|tensor| link.room(tensor)).collect::<candle_core::Result<Vec<_>>>()?;
            let mut messages = self.exchange(Message { numbers, ids, tensors: Vec::new() })?;
            for room in rooms {
                for (message, tensor) in messages.iter_mut().zip(link.gather(&room)?) {
                    message.tensors.push(tensor);
                }
            }
            return Ok(messages);
        }
        let Message { numbers, ids, tensors } = message;
        let device = tensors.first().map(|tensor| tensor.device().clone());
        // By way of the host: nothing would keep one GPU from using memory again that another one still reads.
        let on_host = tensors.iter().map(|tensor| tensor.to_device(&Device::Cpu));
        let message = Message { numbers, ids, tensors: on_host.collect::<candle_core::Result<_>>()? };
        let mut messages = self.exchange(message)?;
        if let Some(device) = device {
            for message in &mut messages {
                for tensor in &mut message.tensors {
                    *tensor = tensor.to_device(&device)?;
                }
            }
        }
        Ok(messages)
    }
}

impl Carry {
    /// Some of its sequences.
    pub(super) fn part(&self, sequences: Range<usize>) -> Result<Self> {
        let rows =
            |x: &Tensor| -> Result<Tensor> { Ok(x.narrow(0, sequences.start, sequences.len())?.force_contiguous()?) };
        Ok(Self {
            hidden: Hidden { z_H: rows(&self.hidden.z_H)?, z_L: rows(&self.hidden.z_L)? },
            steps: self.steps[sequences.clone()].to_vec(),
            halted: self.halted[sequences.clone()].to_vec(),
            current: self.current.part(sequences),
        })
    }

    /// What all ranks carry, on the host, from this rank's part; all ranks call it.
    pub(super) fn whole(&self, ranks: &Ranks) -> Result<Self> {
        let count = self.steps.len();
        let flags = self.halted.iter().map(|&halted| f64::from(u8::from(halted)));
        let labels = self.current.labels.iter().map(|&label| label as f64);
        let state = |x: &Tensor| -> Result<Tensor> { Ok(x.to_device(&Device::Cpu)?) };
        let own = Message {
            numbers: flags.chain(labels).collect(),
            ids: [&self.steps[..], &self.current.puzzle_identifiers, &self.current.inputs].concat(),
            tensors: vec![state(&self.hidden.z_H)?, state(&self.hidden.z_L)?],
        };
        let messages = ranks.exchange(own)?;
        let joined = |i: usize| -> Result<Tensor> {
            let parts: Vec<&Tensor> = messages.iter().map(|message| &message.tensors[i]).collect();
            Ok(Tensor::cat(&parts, 0)?)
        };
        let ids = |range: Range<usize>| messages.iter().flat_map(move |message| message.ids[range.clone()].to_vec());
        let batches: Vec<Batch> = messages
            .iter()
            .map(|message| Batch {
                seq_len: self.current.seq_len,
                inputs: message.ids[2 * count..].to_vec(),
                labels: message.numbers[count..].iter().map(|&label| label as i64).collect(),
                puzzle_identifiers: message.ids[count..2 * count].to_vec(),
            })
            .collect();
        Ok(Self {
            hidden: Hidden { z_H: joined(0)?, z_L: joined(1)? },
            steps: ids(0..count).collect(),
            halted: messages.iter().flat_map(|message| &message.numbers[..count]).map(|&flag| flag != 0.0).collect(),
            current: Batch::joined(&batches),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Ranks};
    use std::thread;

    #[test]
    fn every_rank_hears_all_in_their_order_round_after_round() {
        let heard: Vec<Vec<Vec<u32>>> = thread::scope(|scope| {
            let ranks = Ranks::of(3).into_iter().enumerate().map(|(rank, ranks)| {
                scope.spawn(move || {
                    let say = |round: u32| Message { ids: vec![10 * round + rank as u32], ..Message::default() };
                    let round = |round| {
                        let all = ranks.exchange(say(round)).expect("an exchange");
                        all.into_iter().flat_map(|message| message.ids).collect()
                    };
                    (0..50).map(round).collect()
                })
            });
            let ranks: Vec<_> = ranks.collect();
            ranks.into_iter().map(|rank| rank.join().expect("a rank")).collect()
        });
        for heard in heard {
            let expected: Vec<Vec<u32>> = (0..50).map(|round| (0..3).map(|rank| 10 * round + rank).collect()).collect();
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn nobody_waits_for_a_rank_that_has_left() {
        let mut ranks = Ranks::of(2);
        drop(ranks.pop());
        let error = ranks[0].exchange(Message::default()).expect_err("an error");
        assert!(error.to_string().contains("another of the training's devices has failed"), "{error}");
    }

    #[test]
    fn a_batch_is_shared_evenly_or_not_at_all() {
        let ranks = Ranks::of(3);
        let parts: Vec<_> = ranks.iter().map(|ranks| ranks.part(12).expect("a part")).collect();
        assert_eq!(parts, [0..4, 4..8, 8..12]);
        assert!(ranks[0].part(13).is_err_and(|error| error.to_string().contains("found 13")));
    }
}
