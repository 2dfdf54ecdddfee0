//! Uniform draws from a counter-based generator, fixed here so that no library update changes a dataset.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The generator of one stream of a seed; streams of one seed are independent of each other.
pub fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A number below `bound`, every one equally likely (Lemire's multiplication with rejection).
///
/// # Panics
/// When `bound` is 0.
pub fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    assert!(bound > 0, "a draw needs at least one possible result");
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(bound);
        if product as u32 >= threshold {
            return (product >> 32) as u32;
        }
    }
}

/// Puts `items` into a uniformly drawn order (Fisher–Yates).
pub fn shuffle<T>(rng: &mut impl Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let chosen = below(rng, last as u32 + 1) as usize;
        items.swap(last, chosen);
    }
}

/// The numbers 0 to `N` − 1 in a uniformly drawn order.
pub fn permutation<const N: usize>(rng: &mut impl Rng) -> [u8; N] {
    let mut order = std::array::from_fn(|i| i as u8);
    shuffle(rng, &mut order);
    order
}
