//! Tiles on AMX, whose products are of eight registers of up to sixteen rows of 64 bytes.
#![expect(unsafe_code, reason = "instructions found at run time, which the compiler has no names for")]

pub(super) mod digits;
pub(super) mod pairs;

use std::{arch::asm, sync::OnceLock};

/// Rows of a tile register, its 32-bit columns, and the words along the inner dimension of one product of two.
const SIDE: usize = 16;

/// Whether this machine has the instructions and the system lets this process use them.
pub(in crate::kernels::cpu) fn permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(|| has_instructions() && has_permission())
}

fn has_instructions() -> bool {
    const BF16_TILES_AND_INT8: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    let leaf = |leaf| std::arch::x86_64::__cpuid_count(leaf, 0);
    leaf(0).eax >= 7 && leaf(7).edx & BF16_TILES_AND_INT8 == BF16_TILES_AND_INT8
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

/// This thread's tile registers, set to numbers of rows until this is dropped.
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
    /// Each register with so many rows, 0 for one that is not used.
    fn set(rows: [usize; 8]) -> Self {
        assert!(rows.iter().all(|&rows| rows <= SIDE) && permitted(), "rows of registers: {rows:?}");
        let mut shape = Shape { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for (register, rows) in rows.into_iter().enumerate() {
            shape.rows[register] = rows as u8;
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

/// Eight instructions without effect, for behind one on tile registers. Where another thread is busy on the same core, one
/// that has several of the latter among few others gets less than half of what the tile unit can do: products take 14 ns
/// and not 8.5, loads beside them another 11 and not 7. A core of its own does both as fast as without.
macro_rules! idle {
    () => {
        ".rept 8\nnop\n.endr"
    };
}

/// Fetches `lines` lines of the next tile's columns, from `fetch` on, to the second cache; `x` is changed.
macro_rules! fetch_next {
    () => {
        concat!(
            "mov {x}, {lines}\n",
            "test {x}, {x}\n",
            "jz 99f\n",
            "98:\n",
            "prefetcht1 [{fetch}]\n",
            "add {fetch}, 64\n",
            "dec {x}\n",
            "jnz 98b\n",
            "99:"
        )
    };
}

use {fetch_next, idle};
