//! Loops compiled for the widest vector instructions that the machine has.
//!
//! The compiler neither fuses nor reorders floating-point operations, and those that are fused by name are everywhere, so
//! the result is the same bits on every machine.

/// Declares functions whose bodies are compiled for each set of vector instructions and run with the widest that this
/// machine has. One function may have a constant parameter.
///
/// What a body calls is compiled with it only where it is inlined, so it may only call what is marked
/// `#[inline(always)]`, and closures of a line.
macro_rules! vectorised {
    ($(
        $(#[$meta:meta])*
        $visibility:vis fn $name:ident $(<const $constant:ident: usize>)? (
            $($argument:ident: $type:ty),* $(,)?
        ) $(-> $output:ty)? $body:block
    )*) => {$(
        $(#[$meta])*
        $visibility fn $name $(<const $constant: usize>)? ($($argument: $type),*) $(-> $output)? {
            #[expect(non_camel_case_types, reason = "each argument's type has the argument's name")]
            struct Loop<$($argument,)* $(const $constant: usize)?> {
                $($argument: $argument),*
            }

            impl $(<const $constant: usize>)? pulp::WithSimd for Loop<$($type,)* $($constant)?> {
                type Output = $crate::kernels::cpu::vectorised::output!($($output)?);

                // A closure would be a function of its own that the compiler inlines or not, as it sees fit.
                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }

            pulp::Arch::new().dispatch(Loop::<$($type,)* $($constant)?> { $($argument),* })
        }
    )*};
}

/// A function's type of output.
macro_rules! output {
    () => {
        ()
    };
    ($output:ty) => {
        $output
    };
}

pub(super) use {output, vectorised};

/// Σ a·b over two rows, in sixteen running sums that the compiler keeps in vector registers.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    across(lanes, |x, y| x + y) + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Folds sixteen running values into one, halves at a time.
#[inline(always)]
pub(super) fn across(mut lanes: [f32; 16], f: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
    }
    lanes[0]
}

/// The larger of two, the first if they cannot be compared: one instruction, unlike `f32::max`.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// e^x to within two units in the last place, written so that the compiler vectorises it.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 · 2^23 rounds to the nearest integer, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let p = 1.987_569_1e-4f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = (p * r).mul_add(r, r) + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "worst relative error {worst:e}");
        assert!(exp(f32::NAN).is_nan(), "not a number stays one");
    }

    vectorised! {
        fn exponentials(row: &mut [f32]) {
            for x in row {
                *x = exp(*x);
            }
        }
    }

    #[test]
    fn every_set_of_instructions_gives_the_same_bits() {
        let values: Vec<f32> = (-100..100).map(|i| i as f32 * 0.613).collect();
        let mut found = values.clone();
        exponentials(&mut found);
        assert!(found.iter().zip(&values).all(|(found, &x)| found.to_bits() == exp(x).to_bits()));
    }
}
