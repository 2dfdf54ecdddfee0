//! Products of bf16 pairs: tiles of up to 32 rows by 32 columns, their sums in four registers.

use super::{
    super::{Left, Out, Right},
    Registers, SIDE, fetch_next, idle,
};
use std::arch::asm;

/// For tiles of `rows` (1 to 32) rows: registers 0 and 1 hold the sums of the first 16, 2 and 3 of the others, 4 and 5 the
/// rows themselves, 6 and 7 columns.
pub(in super::super) fn registers(rows: usize) -> Registers {
    let (upper, lower) = (rows.min(SIDE), rows.saturating_sub(SIDE));
    Registers::set([upper, upper, lower, lower, upper, lower, SIDE, SIDE])
}

/// Pairs of bf16.
///
/// # Safety
/// As for [`super::tile`]; the registers must be set to this number of rows, and words of a row be neighbours.
pub(in super::super) unsafe fn tile(left: Left, right: Right, depth: usize, (rows, vectors): (usize, usize), out: Out) {
    debug_assert!(left.step == 1 && rows <= 2 * SIDE && vectors <= 2, "a tile of its geometry");
    let (steps, rest) = (depth / SIDE, depth % SIDE);
    if steps > 0 || rest == 0 {
        // SAFETY: as the caller promises.
        unsafe { sums(left, right, steps, (rows, vectors), out) };
    }
    if rest == 0 {
        return;
    }
    // What is missing to a whole step is zero.
    let (mut a, mut b) = ([[0u32; SIDE]; 2 * SIDE], [[[0u32; SIDE]; SIDE]; 2]);
    // SAFETY: as the caller promises.
    unsafe {
        for (r, row) in a.iter_mut().enumerate().take(rows) {
            let words = left.words.add(r * left.row + steps * SIDE);
            row[..rest].copy_from_slice(std::slice::from_raw_parts(words, rest));
        }
        for (v, strip) in b.iter_mut().enumerate().take(vectors) {
            let words = right.words.add(v * right.strip + steps * SIDE * SIDE);
            strip.as_flattened_mut()[..rest * SIDE].copy_from_slice(std::slice::from_raw_parts(words, rest * SIDE));
        }
        let left = Left::new(a.as_flattened(), SIDE, 1);
        let right = Right { words: b.as_ptr().cast(), strip: SIDE * SIDE, fetch: 0, ..right };
        sums(left, right, 1, (rows, vectors), Out { add: out.add || steps > 0, ..out });
    }
}

/// Lines of assembly for the rows after the first 16, for the second strip of columns, and for where these meet.
macro_rules! lower {
    ($($line:expr),*) => { concat!(".if {lower}\n", $($line, "\n",)* ".endif") };
}
macro_rules! second {
    ($($line:expr),*) => { concat!(".if {second}\n", $($line, "\n",)* ".endif") };
}
macro_rules! both {
    ($($line:expr),*) => { concat!(".if {lower} && {second}\n", $($line, "\n",)* ".endif") };
}

/// In place of [`idle`]: fetches half of a register's columns of the step after the next to the first cache; they need not be there.
macro_rules! fetch {
    ($strip:literal, first half) => {
        fetch!($strip, "0, 64, 128, 192, 256, 320, 384, 448")
    };
    ($strip:literal, second half) => {
        fetch!($strip, "512, 576, 640, 704, 768, 832, 896, 960")
    };
    ($strip:literal, $places:literal) => {
        concat!(".irp line, ", $places, "\nprefetcht0 [{", $strip, "} + 2048 + \\line]\n.endr")
    };
}

/// Sums over `steps` whole steps.
///
/// # Safety
/// As for [`tile`].
unsafe fn sums(left: Left, right: Right, steps: usize, (rows, vectors): (usize, usize), out: Out) {
    // SAFETY: as the caller promises; a register without rows is not used.
    unsafe {
        match (rows > SIDE, vectors > 1) {
            (true, true) => sized::<true, true>(left, right, steps, out),
            (true, false) => sized::<true, false>(left, right, steps, out),
            (false, true) => sized::<false, true>(left, right, steps, out),
            (false, false) => sized::<false, false>(left, right, steps, out),
        }
    }
}

/// The same for tiles with or without lower rows and a second strip: the result loaded or zero, the first operands, for each
/// further step of 16 words the products of the one before while its own operands arrive, the last products, and the
/// result; `x` is where its second half begins. A load overwrites an operand as soon as its last product has begun.
///
/// # Safety
/// As for [`tile`].
unsafe fn sized<const LOWER: bool, const SECOND: bool>(left: Left, right: Right, steps: usize, out: Out) {
    // SAFETY: as the caller promises.
    unsafe {
        asm!(
            "lea {x}, [{c0} + 8 * {c}]",
            "lea {x}, [{x} + 8 * {c}]",
            "test {add}, {add}",
            "jz 2f",
            "tileloadd tmm0, [{c0} + {c}]",
            idle!(),
            second!("tileloadd tmm1, [{c0} + {c} + 64]", idle!()),
            lower!("tileloadd tmm2, [{x} + {c}]", idle!()),
            both!("tileloadd tmm3, [{x} + {c} + 64]", idle!()),
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            second!("tilezero tmm1"),
            lower!("tilezero tmm2"),
            both!("tilezero tmm3"),
            "3:",
            "test {steps}, {steps}",
            "jz 8f",
            "tileloadd tmm6, [{b0} + {b}]",
            idle!(),
            "tileloadd tmm4, [{a0} + {a}]",
            idle!(),
            lower!("tileloadd tmm5, [{a1} + {a}]", idle!()),
            second!("tileloadd tmm7, [{b1} + {b}]", idle!()),
            "jmp 7f",
            "4:",
            "add {a0}, 64",
            "add {a1}, 64",
            "add {b0}, 1024",
            "add {b1}, 1024",
            "tdpbf16ps tmm0, tmm4, tmm6",
            fetch!("b0", first half),
            lower!("tdpbf16ps tmm2, tmm5, tmm6", idle!()),
            "tileloadd tmm6, [{b0} + {b}]",
            fetch!("b0", second half),
            second!("tdpbf16ps tmm1, tmm4, tmm7", fetch!("b1", first half)),
            "tileloadd tmm4, [{a0} + {a}]",
            idle!(),
            both!("tdpbf16ps tmm3, tmm5, tmm7", idle!()),
            lower!("tileloadd tmm5, [{a1} + {a}]", idle!()),
            second!("tileloadd tmm7, [{b1} + {b}]", fetch!("b1", second half)),
            "7:",
            fetch_next!(),
            "dec {steps}",
            "jnz 4b",
            "tdpbf16ps tmm0, tmm4, tmm6",
            idle!(),
            lower!("tdpbf16ps tmm2, tmm5, tmm6", idle!()),
            second!("tdpbf16ps tmm1, tmm4, tmm7", idle!()),
            both!("tdpbf16ps tmm3, tmm5, tmm7", idle!()),
            "8:",
            "lea {x}, [{c0} + 8 * {c}]",
            "lea {x}, [{x} + 8 * {c}]",
            "tilestored [{c0} + {c}], tmm0",
            idle!(),
            second!("tilestored [{c0} + {c} + 64], tmm1", idle!()),
            lower!("tilestored [{x} + {c}], tmm2", idle!()),
            both!("tilestored [{x} + {c} + 64], tmm3", idle!()),
            a0 = inout(reg) left.words => _,
            a1 = inout(reg) left.words.wrapping_add(SIDE * left.row) => _,
            b0 = inout(reg) right.words => _,
            b1 = inout(reg) right.words.wrapping_add(right.strip) => _,
            steps = inout(reg) steps => _,
            a = in(reg) 4 * left.row,
            b = in(reg) 4 * SIDE,
            c0 = in(reg) out.values,
            c = in(reg) 4 * out.stride,
            add = in(reg) usize::from(out.add),
            fetch = inout(reg) right.next => _,
            lines = in(reg) (2 * right.fetch).div_ceil(steps.max(1)),
            x = out(reg) _,
            lower = const LOWER as u8,
            second = const SECOND as u8,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
