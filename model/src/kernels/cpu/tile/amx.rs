//! Tiles of bf16 pairs on AMX: up to 32 rows by 32 columns, their sums in four of the machine's eight tile registers.
#![expect(unsafe_code, reason = "instructions found at run time, which the compiler has no names for")]

use super::{Left, Out, Right};
use std::{arch::asm, sync::OnceLock};

/// Rows of a tile register, its 32-bit columns, and the words along the inner dimension of one product of two.
const SIDE: usize = 16;

/// Whether this machine has the instructions and the system lets this process use them.
pub(in crate::kernels::cpu) fn permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(|| has_instructions() && has_permission())
}

fn has_instructions() -> bool {
    const BF16_AND_TILES: u32 = 1 << 22 | 1 << 24;
    let leaf = |leaf| std::arch::x86_64::__cpuid_count(leaf, 0);
    leaf(0).eax >= 7 && leaf(7).edx & BF16_AND_TILES == BF16_AND_TILES
}

/// Linux keeps the registers' 8 KiB for no process that has not asked for it.
#[cfg(target_os = "linux")]
fn has_permission() -> bool {
    const REQUEST_STATE: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // SAFETY: asks for a part of the processor's state; nothing of the process changes but that it may be used.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_STATE, TILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn has_permission() -> bool {
    false
}

/// This thread's tile registers, set to a number of rows until this is dropped.
pub(in crate::kernels::cpu) struct Registers(());

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Registers {
    /// For tiles of `rows` (1 to 32) rows: registers 0 and 1 hold the sums of the first 16, 2 and 3 of the others, 4
    /// and 5 the rows themselves, 6 and 7 columns.
    pub(super) fn set(rows: usize) -> Self {
        assert!((1..=2 * SIDE).contains(&rows) && permitted(), "rows of a tile");
        let [upper, lower] = [rows.min(SIDE), rows.saturating_sub(SIDE)].map(|rows| rows as u8);
        let mut shape = Shape { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for (register, rows) in [upper, upper, lower, lower, upper, lower, 16, 16].into_iter().enumerate() {
            shape.rows[register] = rows;
            shape.row_bytes[register] = if rows == 0 { 0 } else { 64 };
        }
        // SAFETY: a valid shape, and the machine has the instruction.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const shape, options(nostack, readonly)) };
        Self(())
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: the machine has the instruction, as the registers were set.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Pairs of bf16.
///
/// # Safety
/// As for [`super::tile`]; the registers must be set to this number of rows, and words of a row be neighbours.
pub(super) unsafe fn pairs(left: Left, right: Right, depth: usize, (rows, vectors): (usize, usize), out: Out) {
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
        let left = Left { words: a.as_ptr().cast(), row: SIDE, step: 1 };
        let right = Right { words: b.as_ptr().cast(), strip: SIDE * SIDE, fetch: 0, ..right };
        sums(left, right, 1, (rows, vectors), Out { add: out.add || steps > 0, ..out });
    }
}

/// Fetches a register's columns of the step after the next to the first cache; they need not be there.
macro_rules! ahead {
    ($columns:literal) => {
        concat!(
            ".irp line, 0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960\n",
            "prefetcht0 [{",
            $columns,
            "} + 2048 + \\line]\n",
            ".endr"
        )
    };
}

/// The code of a tile: its result loaded or zero, the first operands, for each further step of 16 words products while the
/// next operands arrive, the last products, and the result; `x` is where the second half of the result begins. Loads
/// overwrite an operand as soon as its last product has begun, since the machine rarely does both at once otherwise.
macro_rules! code {
    ($left:ident, $right:ident, $steps:ident, $out:ident,
        load: $load:expr, zero: $zero:expr, first: $first:expr, ahead: $ahead:expr, next: $next:expr, last: $last:expr, store: $store:expr) => {
        asm!(
            "lea {x}, [{c0} + 8 * {c}]",
            "lea {x}, [{x} + 8 * {c}]",
            "test {add}, {add}",
            "jz 2f",
            $load,
            "jmp 3f",
            "2:",
            $zero,
            "3:",
            "test {steps}, {steps}",
            "jz 8f",
            $first,
            "jmp 7f",
            "4:",
            "add {a0}, 64",
            "add {a1}, 64",
            "add {b0}, 1024",
            "add {b1}, 1024",
            $ahead,
            $next,
            "7:",
            // Part of the next tile's columns.
            "mov {x}, {lines}",
            "test {x}, {x}",
            "jz 6f",
            "5:",
            "prefetcht1 [{fetch}]",
            "add {fetch}, 64",
            "dec {x}",
            "jnz 5b",
            "6:",
            "dec {steps}",
            "jnz 4b",
            $last,
            "8:",
            "lea {x}, [{c0} + 8 * {c}]",
            "lea {x}, [{x} + 8 * {c}]",
            $store,
            a0 = inout(reg) $left.words => _,
            a1 = inout(reg) $left.words.wrapping_add(SIDE * $left.row) => _,
            b0 = inout(reg) $right.words => _,
            b1 = inout(reg) $right.words.wrapping_add($right.strip) => _,
            steps = inout(reg) $steps => _,
            a = in(reg) 4 * $left.row,
            b = in(reg) 4 * SIDE,
            c0 = in(reg) $out.values,
            c = in(reg) 4 * $out.stride,
            add = in(reg) usize::from($out.add),
            fetch = inout(reg) $right.next => _,
            lines = in(reg) (2 * $right.fetch).div_ceil($steps.max(1)),
            x = out(reg) _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        )
    };
}

/// Sums over `steps` whole steps.
///
/// # Safety
/// As for [`pairs`].
unsafe fn sums(left: Left, right: Right, steps: usize, (rows, vectors): (usize, usize), out: Out) {
    // SAFETY: as the caller promises; a register without rows is not used.
    unsafe {
        match (rows > SIDE, vectors > 1) {
            (true, true) => code!(left, right, steps, out,
                load: "tileloadd tmm0, [{c0} + {c}]
                    tileloadd tmm1, [{c0} + {c} + 64]
                    tileloadd tmm2, [{x} + {c}]
                    tileloadd tmm3, [{x} + {c} + 64]",
                zero: "tilezero tmm0
                    tilezero tmm1
                    tilezero tmm2
                    tilezero tmm3",
                first: "tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm4, [{a0} + {a}]
                    tileloadd tmm5, [{a1} + {a}]
                    tileloadd tmm7, [{b1} + {b}]",
                ahead: concat!(ahead!("b0"), "\n", ahead!("b1")),
                next: "tdpbf16ps tmm0, tmm4, tmm6
                    tdpbf16ps tmm2, tmm5, tmm6
                    tileloadd tmm6, [{b0} + {b}]
                    tdpbf16ps tmm1, tmm4, tmm7
                    tileloadd tmm4, [{a0} + {a}]
                    tdpbf16ps tmm3, tmm5, tmm7
                    tileloadd tmm5, [{a1} + {a}]
                    tileloadd tmm7, [{b1} + {b}]",
                last: "tdpbf16ps tmm0, tmm4, tmm6
                    tdpbf16ps tmm2, tmm5, tmm6
                    tdpbf16ps tmm1, tmm4, tmm7
                    tdpbf16ps tmm3, tmm5, tmm7",
                store: "tilestored [{c0} + {c}], tmm0
                    tilestored [{c0} + {c} + 64], tmm1
                    tilestored [{x} + {c}], tmm2
                    tilestored [{x} + {c} + 64], tmm3"
            ),
            (true, false) => code!(left, right, steps, out,
                load: "tileloadd tmm0, [{c0} + {c}]
                    tileloadd tmm2, [{x} + {c}]",
                zero: "tilezero tmm0
                    tilezero tmm2",
                first: "tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm4, [{a0} + {a}]
                    tileloadd tmm5, [{a1} + {a}]",
                ahead: ahead!("b0"),
                next: "tdpbf16ps tmm0, tmm4, tmm6
                    tileloadd tmm4, [{a0} + {a}]
                    tdpbf16ps tmm2, tmm5, tmm6
                    tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm5, [{a1} + {a}]",
                last: "tdpbf16ps tmm0, tmm4, tmm6
                    tdpbf16ps tmm2, tmm5, tmm6",
                store: "tilestored [{c0} + {c}], tmm0
                    tilestored [{x} + {c}], tmm2"
            ),
            (false, true) => code!(left, right, steps, out,
                load: "tileloadd tmm0, [{c0} + {c}]
                    tileloadd tmm1, [{c0} + {c} + 64]",
                zero: "tilezero tmm0
                    tilezero tmm1",
                first: "tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm4, [{a0} + {a}]
                    tileloadd tmm7, [{b1} + {b}]",
                ahead: concat!(ahead!("b0"), "\n", ahead!("b1")),
                next: "tdpbf16ps tmm0, tmm4, tmm6
                    tileloadd tmm6, [{b0} + {b}]
                    tdpbf16ps tmm1, tmm4, tmm7
                    tileloadd tmm4, [{a0} + {a}]
                    tileloadd tmm7, [{b1} + {b}]",
                last: "tdpbf16ps tmm0, tmm4, tmm6
                    tdpbf16ps tmm1, tmm4, tmm7",
                store: "tilestored [{c0} + {c}], tmm0
                    tilestored [{c0} + {c} + 64], tmm1"
            ),
            (false, false) => code!(left, right, steps, out,
                load: "tileloadd tmm0, [{c0} + {c}]",
                zero: "tilezero tmm0",
                first: "tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm4, [{a0} + {a}]",
                ahead: ahead!("b0"),
                next: "tdpbf16ps tmm0, tmm4, tmm6
                    tileloadd tmm6, [{b0} + {b}]
                    tileloadd tmm4, [{a0} + {a}]",
                last: "tdpbf16ps tmm0, tmm4, tmm6",
                store: "tilestored [{c0} + {c}], tmm0"
            ),
        }
    }
}
