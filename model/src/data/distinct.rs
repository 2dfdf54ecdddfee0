//! Splits of drawn items no two of which are the same.

use std::{collections::HashSet, hash::Hash, ops::ControlFlow};

/// Stream of the first test item. Training items count from 0, so that each split stays the same however many items the
/// others have, as long as no duplicate moves them on.
const TEST_STREAMS: u64 = 1 << 63;

/// Stream of the first validation item.
const VALIDATION_STREAMS: u64 = 1 << 62;

/// Items of every split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// To train on.
    pub train: usize,
    /// To choose checkpoints by.
    pub validation: usize,
    /// Only ever evaluated on.
    pub test: usize,
}

/// The items of every split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits<T> {
    /// To train on.
    pub train: Vec<T>,
    /// To choose checkpoints by.
    pub validation: Vec<T>,
    /// Only ever evaluated on.
    pub test: Vec<T>,
}

/// Why there are no such splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// There are fewer different items than asked for.
    TooFew {
        /// Items of all splits asked for.
        wanted: usize,
        /// Different items found.
        found: usize,
    },
    /// The caller asked to stop.
    Cancelled,
}

/// How often somebody hears of the drawing, and when it is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Items in a row that may all be duplicates.
    pub(super) duplicates: u32,
    /// Items between two calls of the progress callback.
    pub(super) progress_every: usize,
}

/// Hears of (done, total) items and may stop the drawing with `Break`.
pub(super) type OnProgress<'a> = &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Makes the item of a stream with what makes it the same as others, and may ask whether to go on.
pub(super) type Draw<'a, T, K, E> = &'a mut dyn FnMut(u64, &mut dyn FnMut() -> ControlFlow<()>) -> Result<(K, T), E>;

/// Draws every split. `draw` makes the item of a stream with what makes it the same as others; it is handed a question
/// that it may ask now and then, whether to go on. A duplicate, within a split or across, is passed over.
pub(super) fn splits<T, K: Eq + Hash, E: From<Stopped>>(
    counts: Counts,
    patience: Patience,
    on_progress: OnProgress<'_>,
    draw: Draw<'_, T, K, E>,
) -> Result<Splits<T>, E> {
    let total = counts.train + counts.validation + counts.test;
    let mut seen: HashSet<K> = HashSet::new();
    let mut split = |first_stream: u64, wanted: usize| -> Result<Vec<T>, E> {
        let mut items = Vec::with_capacity(wanted);
        let (mut stream, mut duplicates) = (first_stream, 0);
        while items.len() < wanted {
            let done = seen.len();
            let (key, item) = draw(stream, &mut || on_progress(done, total))?;
            stream += 1;
            if !seen.insert(key) {
                duplicates += 1;
                if duplicates == patience.duplicates {
                    return Err(Stopped::TooFew { wanted: total, found: seen.len() }.into());
                }
                if (duplicates as usize).is_multiple_of(patience.progress_every) && on_progress(done, total).is_break()
                {
                    return Err(Stopped::Cancelled.into());
                }
                continue;
            }
            duplicates = 0;
            items.push(item);
            let done = seen.len();
            let is_due = done.is_multiple_of(patience.progress_every) || done == total;
            if is_due && on_progress(done, total).is_break() {
                return Err(Stopped::Cancelled.into());
            }
        }
        Ok(items)
    };
    let test = split(TEST_STREAMS, counts.test)?;
    let validation = split(VALIDATION_STREAMS, counts.validation)?;
    let train = split(0, counts.train)?;
    Ok(Splits { train, validation, test })
}
