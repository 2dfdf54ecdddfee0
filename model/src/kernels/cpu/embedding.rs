//! Rows of a table of embeddings, and the table's gradient.

use rayon::prelude::*;

/// Rows of `width` values; ids are below their number.
pub(in crate::kernels) fn forward(table: &[f32], ids: &[u32], width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(ids.len() * width);
    for &id in ids {
        out.extend_from_slice(&table[id as usize * width..(id as usize + 1) * width]);
    }
    out
}

/// The gradient of a table of `rows` rows: those of each row's places, summed in the order of the places.
pub(in crate::kernels) fn backward(ids: &[u32], grad: &[f32], rows: usize, width: usize) -> Vec<f32> {
    let mut out = vec![0f32; rows * width];
    out.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, out)| {
        for (_, grad) in ids.iter().zip(grad.chunks_exact(width)).filter(|(id, _)| **id as usize == row) {
            out.iter_mut().zip(grad).for_each(|(sum, &g)| *sum += g);
        }
    });
    out
}
