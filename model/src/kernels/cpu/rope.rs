//! The rotary embedding, a head's vector at a time.

use crate::kernels::rope::Rope;

impl Rope {
    /// Rotates one head's vector at position `t`; `direction` −1 rotates back.
    #[inline(always)]
    pub(super) fn rotate(&self, t: usize, x: &mut [f32], direction: f32) {
        let table = t * self.half..(t + 1) * self.half;
        let (first, second) = x.split_at_mut(self.half);
        let tables = self.cos[table.clone()].iter().zip(&self.sin[table]);
        for ((x1, x2), (&cos, &sin)) in first.iter_mut().zip(second).zip(tables) {
            let (a, b, sin) = (*x1, *x2, sin * direction);
            *x1 = a * cos - b * sin;
            *x2 = b * cos + a * sin;
        }
    }
}
