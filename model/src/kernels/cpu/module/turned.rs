//! Positions mixed by a gated half over them: rows of a feature each (T), where everything else has rows of a position each (D).

use super::{
    Sizes,
    gated::{Gated, GatedRows, Normed, NormedRows},
    sized,
};
use crate::kernels::cpu::{panels::RightPanels, shared::Shared, vectorised::vectorised};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};

/// What the backward pass needs of the half, with its argument; rows of T, one for each feature of each sequence.
#[derive(Default)]
pub(super) struct Turned {
    /// The half's argument, which was not normed and has no scale.
    pub(super) first: NormedRows,
    pub(super) rows: GatedRows,
}

/// Gradients on their way through it.
#[derive(Default)]
pub(super) struct TurnedFlow {
    grad: Vec<f32>,
    pub(super) down: Vec<u32>,
    pub(super) gate_up: Vec<u32>,
}

/// The two weights, packed for one direction.
type Weights = [Arc<RightPanels>; 2];

fn gated<'a>(sizes: &Sizes<'a>, [gate_up_proj, down_proj]: &'a Weights) -> Gated<'a> {
    Gated { sizes: sizes.turned(), gate_up_proj, down_proj }
}

/// norm(x + mixed(x)) over positions, for x (B, T, D), left in rows of positions.
pub(super) fn forward(sizes: &Sizes<'_>, weights: &Weights, x: &[f32], saved: &mut Turned, record: bool) {
    let (turned, half) = (sizes.turned(), gated(sizes, weights));
    let Turned { first, rows } = saved;
    let (first, places) = (first.places(&turned, turned.rows()), rows.places(&turned, turned.rows(), record));
    turned.chunks(turned.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
        write_turned(x, &turned, &(0..turned.positions), &chunk, &first);
        half.gate(&chunk, 0..half.gate_up_proj.len(), &first, &places);
        half.down_and_norm(&chunk, &first, &places);
    });
}

/// The rows of a chunk, positions of each sequence in `read`, from their places in rows of features.
pub(super) fn turn_back(
    sizes: &Sizes<'_>,
    turned: &Turned,
    read: &Range<usize>,
    chunk: &Range<usize>,
    first: &Normed<'_>,
) {
    write_turned(&turned.rows.out.values, sizes, read, chunk, first);
}

/// [`turn_rows`] as values and as operands.
#[expect(unsafe_code, reason = "every chunk writes its own rows")]
fn write_turned(from: &[f32], to: &Sizes<'_>, read: &Range<usize>, chunk: &Range<usize>, rows: &Normed<'_>) {
    let row_words = to.words(to.width);
    // SAFETY: this chunk's rows, each once.
    let (values, words) = unsafe { (rows.values.rows(chunk, to.width), rows.words.rows(chunk, row_words)) };
    turn_rows(from, to, read, chunk, values);
    for (row, words) in values.chunks_exact(to.width).zip(words.chunks_exact_mut(row_words)) {
        to.arithmetic.store(row, words);
    }
}

/// From the half's result to its argument, both (B, T, D), in place.
#[expect(unsafe_code, reason = "every chunk writes its own rows")]
pub(super) fn backward(sizes: &Sizes<'_>, weights: &Weights, saved: &Turned, grad: &mut [f32], flow: &mut TurnedFlow) {
    let (turned, half) = (sizes.turned(), gated(sizes, weights));
    let (rows, width, row_words, both) =
        (turned.rows(), turned.width, turned.words(turned.width), turned.words(2 * turned.inner));
    let TurnedFlow { grad: turned_grad, down, gate_up } = flow;
    let turned_grad = sized(turned_grad, rows * width);
    let (down, gate_up) = (Shared::new(sized(down, rows * row_words)), Shared::new(sized(gate_up, rows * both)));
    let shared = Shared::new(turned_grad);
    let from = &*grad;
    turned.chunks(turned.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
        // SAFETY: this chunk's rows, each once.
        let (grad, down, gate_up) =
            unsafe { (shared.rows(&chunk, width), down.rows(&chunk, row_words), gate_up.rows(&chunk, both)) };
        turn_rows(from, &turned, &(0..turned.positions), &chunk, grad);
        half.backward(&saved.rows, &chunk, grad, down, gate_up);
    });
    let (from, out) = (&*flow.grad, Shared::new(grad));
    sizes.chunks(sizes.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
        // SAFETY: this chunk's rows.
        turn_rows(from, sizes, &(0..sizes.positions), &chunk, unsafe { out.rows(&chunk, sizes.width) });
    });
}

/// A chunk of the rows of `to` that are read, of each sequence those in `read`, from rows of the other direction: where `to` has
/// `positions` rows of `width` for each sequence, `from` has `width` rows of `positions`.
fn turn_rows(from: &[f32], to: &Sizes<'_>, read: &Range<usize>, chunk: &Range<usize>, values: &mut [f32]) {
    let (width, size) = (to.width, to.positions * to.width);
    let mut row = chunk.start;
    while row < chunk.end {
        let (sequence, within) = (row / read.len(), row % read.len());
        let count = (read.len() - within).min(chunk.end - row);
        let place = (row - chunk.start) * width;
        let from = &from[sequence * size + read.start + within..(sequence + 1) * size];
        turn(from, to.positions, width, count, &mut values[place..place + count * width]);
        row += count;
    }
}

/// Rows and columns that are turned at a time.
const BLOCK: usize = 8;

vectorised! {
    /// The first `columns` of `rows` rows, `stride` apart, as rows of `rows` values.
    fn turn(from: &[f32], stride: usize, rows: usize, columns: usize, to: &mut [f32]) {
        let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for column in (0..whole_columns).step_by(BLOCK) {
            for row in (0..whole_rows).step_by(BLOCK) {
                let mut block = [[0f32; BLOCK]; BLOCK];
                for i in 0..BLOCK {
                    let values = &from[(row + i) * stride + column..][..BLOCK];
                    for j in 0..BLOCK {
                        block[j][i] = values[j];
                    }
                }
                for (j, values) in block.iter().enumerate() {
                    to[(column + j) * rows + row..][..BLOCK].copy_from_slice(values);
                }
            }
            for j in column..column + BLOCK {
                for row in whole_rows..rows {
                    to[j * rows + row] = from[row * stride + j];
                }
            }
        }
        for j in whole_columns..columns {
            for row in 0..rows {
                to[j * rows + row] = from[row * stride + j];
            }
        }
    }
}
