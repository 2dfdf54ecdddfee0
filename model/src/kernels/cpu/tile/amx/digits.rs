//! Products of f32 as digits: tiles of up to 16 rows by 16 columns, the sums of each weight in a register of their own.

use super::{
    super::{Left, Out, Right},
    Registers, SIDE, fetch_next, idle,
};
use crate::kernels::cpu::digits::{self, Sums, WORDS};
use std::{
    arch::{
        asm,
        x86_64::{
            _mm512_add_ps, _mm512_cvtepi32_ps, _mm512_fmadd_ps, _mm512_load_si512, _mm512_loadu_ps, _mm512_mul_ps,
            _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
        },
    },
    mem::MaybeUninit,
};

/// For tiles of `rows` (1 to 16) rows: registers 0 to 3 hold the sums, 4 to 6 the rows' digits, 7 one digit of columns.
pub(in super::super) fn registers(rows: usize) -> Registers {
    Registers::set([rows, rows, rows, rows, rows, rows, rows, SIDE])
}

/// In place of [`idle`]: fetches eight lines to the first cache; they need not be there.
macro_rules! fetch {
    ($operand:literal, $step:literal, $eighth:literal) => {
        concat!(
            ".irp line, 0, 64, 128, 192, 256, 320, 384, 448\n",
            "prefetcht0 [{",
            $operand,
            "} + 3072 * ",
            $step,
            " + 512 * ",
            $eighth,
            " + \\line]\n",
            ".endr"
        )
    };
}

/// A tile's sums as the registers are stored: a row in a line of the cache.
#[repr(align(64))]
struct Aligned(Sums);

/// Sums of `depth` words along the inner dimension, whole steps.
///
/// # Safety
/// As for [`super::super::tile`]; the registers must be set to this number of rows.
pub(in super::super) unsafe fn tile(left: Left, right: Right, depth: usize, rows: usize, out: Out) {
    let (steps, mut sums) = (depth / WORDS, MaybeUninit::<Aligned>::uninit());
    debug_assert!(depth.is_multiple_of(WORDS) && rows <= SIDE, "a tile of its geometry");
    // SAFETY: as the caller promises; the rows' digits of the step after next and the columns' of the next are fetched only.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "test {steps}, {steps}",
            "jz 8f",
            "tileloadd tmm7, [{b} + {line}]",
            idle!(),
            "tileloadd tmm6, [{a} + {line} + 2048]",
            idle!(),
            "tileloadd tmm4, [{a} + {line}]",
            idle!(),
            "tileloadd tmm5, [{a} + {line} + 1024]",
            idle!(),
            "jmp 5f",
            // What is left of the step before, while this one's operands arrive: each is overwritten as soon as its last
            // product has begun.
            "4:",
            "add {a}, 3072",
            "add {b}, 3072",
            "tdpbssd tmm2, tmm4, tmm7",
            fetch!("a", 2, 0),
            "tileloadd tmm4, [{a} + {line}]",
            fetch!("a", 2, 1),
            "tdpbssd tmm3, tmm5, tmm7",
            fetch!("a", 2, 2),
            "tileloadd tmm5, [{a} + {line} + 1024]",
            fetch!("a", 2, 3),
            "tileloadd tmm7, [{b} + {line}]",
            fetch!("a", 2, 4),
            "5:",
            "tdpbssd tmm2, tmm6, tmm7",
            fetch!("a", 2, 5),
            "tdpbssd tmm0, tmm4, tmm7",
            fetch!("b", 1, 0),
            "tdpbssd tmm1, tmm5, tmm7",
            fetch!("b", 1, 1),
            "tileloadd tmm7, [{b} + {line} + 1024]",
            fetch!("b", 1, 2),
            "tdpbssd tmm3, tmm6, tmm7",
            fetch!("b", 1, 3),
            "cmp {steps}, 1",
            "je 6f",
            "tileloadd tmm6, [{a} + {line} + 3072 + 2048]",
            "6:",
            fetch!("b", 1, 4),
            "tdpbssd tmm2, tmm5, tmm7",
            fetch!("b", 1, 5),
            "tdpbssd tmm1, tmm4, tmm7",
            idle!(),
            "tileloadd tmm7, [{b} + {line} + 2048]",
            idle!(),
            fetch_next!(),
            "dec {steps}",
            "jnz 4b",
            "tdpbssd tmm2, tmm4, tmm7",
            idle!(),
            "tdpbssd tmm3, tmm5, tmm7",
            idle!(),
            "8:",
            "tilestored [{sums} + {line}], tmm0",
            idle!(),
            "tilestored [{sums} + {line} + 1024], tmm1",
            idle!(),
            "tilestored [{sums} + {line} + 2048], tmm2",
            idle!(),
            "tilestored [{sums} + {line} + 3072], tmm3",
            a = inout(reg) left.words => _,
            b = inout(reg) right.words => _,
            line = in(reg) 64usize,
            steps = inout(reg) steps => _,
            sums = in(reg) sums.as_mut_ptr(),
            fetch = inout(reg) right.next => _,
            lines = in(reg) right.fetch.div_ceil(steps.max(1)),
            x = out(reg) _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
        finish(&raw const (*sums.as_ptr()).0, rows, left.factors, right.factors, out);
    }
}

/// The first `rows` rows of a tile's sums to their places, by the factors of its rows and columns.
///
/// # Safety
/// As for [`tile`]; the sums of these rows are there.
#[target_feature(enable = "avx512f")]
unsafe fn finish(sums: *const Sums, rows: usize, left: *const f32, right: *const f32, out: Out) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns = _mm512_loadu_ps(right);
        for r in 0..rows {
            let mut value = _mm512_setzero_ps();
            for (i, weight) in digits::FACTORS.into_iter().enumerate().rev() {
                let sums = _mm512_cvtepi32_ps(_mm512_load_si512((&raw const (*sums)[i][r]).cast()));
                value = _mm512_fmadd_ps(sums, _mm512_set1_ps(weight), value);
            }
            value = _mm512_mul_ps(_mm512_mul_ps(value, _mm512_set1_ps(left.add(r).read())), columns);
            let place = out.values.add(r * out.stride);
            if out.add {
                value = _mm512_add_ps(value, _mm512_loadu_ps(place));
            }
            _mm512_storeu_ps(place, value);
        }
    }
}
