//! The linear map: x (M, K) · Wᵀ for W (N, K), and its gradients. Sizes are (M, N, K); a weight's are (N, K).

use super::{
    arithmetic::Arithmetic,
    panels::{LeftPanels, RightPanels, Source},
    product::{Rows, multiply_all, multiply_into},
    shared::Shared,
};
use crate::kernels::PackedWeight;
use std::sync::Arc;

/// A packed weight, shared by all that multiply it.
pub(in crate::kernels) type Packed = Arc<RightPanels>;

/// A weight's operands, one for each pass that reads it.
#[derive(Default)]
pub(in crate::kernels) struct Operands {
    /// Wᵀ (K, N), for the map itself.
    forward: Operand,
    /// The same with panels of gate and of up in turn.
    gate_up: Operand,
    /// W (N, K), for its input's gradient.
    backward: Operand,
}

impl Operands {
    /// Says that the weight has changed.
    pub(in crate::kernels) fn renew(&mut self) {
        for operand in [&mut self.forward, &mut self.gate_up, &mut self.backward] {
            operand.renew();
        }
    }
}

/// An operand as the weight is now, or the space of what it was.
#[derive(Default)]
struct Operand {
    packed: Option<Packed>,
    space: RightPanels,
}

impl Operand {
    fn renew(&mut self) {
        // Whoever still multiplies the old one keeps it.
        if let Some(space) = self.packed.take().and_then(Arc::into_inner) {
            self.space = space;
        }
    }

    fn get(&mut self, pack: impl FnOnce(&mut RightPanels)) -> Packed {
        let space = &mut self.space;
        let new = || {
            let mut panels = std::mem::take(space);
            pack(&mut panels);
            Arc::new(panels)
        };
        Arc::clone(self.packed.get_or_insert_with(new))
    }
}

/// Wᵀ as a right operand.
pub(in crate::kernels) fn forward_panels(
    arithmetic: Arithmetic,
    weight: &[f32],
    (n, k): (usize, usize),
    packed: &PackedWeight,
) -> Packed {
    let pack = |panels: &mut RightPanels| panels.repack_all(arithmetic, Source::Along(weight), n, k);
    packed.current(|operands| operands.cpu.forward.get(pack))
}

/// The fused gate and up projection of W (2·`inner`, K) as a right operand.
pub(in crate::kernels) fn gate_up_panels(
    arithmetic: Arithmetic,
    weight: &[f32],
    (inner, k): (usize, usize),
    packed: &PackedWeight,
) -> Packed {
    let pack = |panels: &mut RightPanels| panels.repack_gate_up(arithmetic, weight, inner, k);
    packed.current(|operands| operands.cpu.gate_up.get(pack))
}

/// W as a right operand.
pub(in crate::kernels) fn backward_panels(
    arithmetic: Arithmetic,
    weight: &[f32],
    (n, k): (usize, usize),
    packed: &PackedWeight,
) -> Packed {
    let pack = |panels: &mut RightPanels| panels.repack_all(arithmetic, Source::Across(weight), k, n);
    packed.current(|operands| operands.cpu.backward.get(pack))
}

/// Rows (M, `width`) times a packed operand.
fn product(arithmetic: Arithmetic, rows: &[f32], (m, width): (usize, usize), panels: &RightPanels) -> Vec<f32> {
    let rows = LeftPanels::pack(arithmetic, Source::Along(rows), m, width);
    multiply_all(arithmetic, Rows::Packed(&rows), m, panels)
}

/// The product of x (M, K) with Wᵀ alone, of operands that are packed beforehand, to be run again and again.
pub(in crate::kernels) fn prepared(
    arithmetic: Arithmetic,
    x: &[f32],
    weight: &[f32],
    (m, n, k): (usize, usize, usize),
) -> impl FnMut() + Send + use<> {
    let rows = LeftPanels::pack(arithmetic, Source::Along(x), m, k);
    let (panels, mut out) = (RightPanels::pack(arithmetic, Source::Along(weight), n, k), vec![0f32; m * n]);
    move || multiply_into(arithmetic, Rows::Packed(&rows), m, &panels, &Shared::new(&mut out))
}

/// x (M, K) · Wᵀ → (M, N).
pub(in crate::kernels) fn forward(
    arithmetic: Arithmetic,
    x: &[f32],
    weight: &[f32],
    (m, n, k): (usize, usize, usize),
    packed: &PackedWeight,
) -> Vec<f32> {
    product(arithmetic, x, (m, k), &forward_panels(arithmetic, weight, (n, k), packed))
}

/// The result's gradient (M, N) · W → x's gradient (M, K).
pub(in crate::kernels) fn input_gradient(
    arithmetic: Arithmetic,
    grad: &[f32],
    weight: &[f32],
    (m, n, k): (usize, usize, usize),
    packed: &PackedWeight,
) -> Vec<f32> {
    product(arithmetic, grad, (m, n), &backward_panels(arithmetic, weight, (n, k), packed))
}

/// The result's gradient (M, N), transposed, · x (M, K) → W's gradient (N, K).
pub(in crate::kernels) fn weight_gradient(
    arithmetic: Arithmetic,
    grad: &[f32],
    x: &[f32],
    (m, n, k): (usize, usize, usize),
) -> Vec<f32> {
    let arithmetic = arithmetic.without_digits();
    let left = LeftPanels::pack(arithmetic, Source::Across(grad), n, m);
    let right = RightPanels::pack(arithmetic, Source::Across(x), k, m);
    multiply_all(arithmetic, Rows::Packed(&left), n, &right)
}
