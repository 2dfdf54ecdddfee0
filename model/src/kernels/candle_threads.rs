//! How candle's own operations on the CPU use threads.

use std::{env, fs};

/// Read by candle before the first operation that would use its threads.
const THREADS: &str = "CANDLE_NUM_THREADS";

/// Has candle's own operations run on the thread that asks for them, unless `CANDLE_NUM_THREADS` says otherwise. Does
/// nothing in a program that has started another thread already.
///
/// They are a few additions between the operations of this crate. Candle's threads take as long to wake as such an
/// addition takes, and then spin for a third of a millisecond on the processors that this crate's threads need.
pub fn keep_candle_on_one_thread() {
    if env::var_os(THREADS).is_none() && threads_of_this_process() == Some(1) {
        #[expect(unsafe_code, reason = "a variable of the environment")]
        // SAFETY: no other thread exists that could read the environment meanwhile.
        unsafe {
            env::set_var(THREADS, "1");
        }
    }
}

/// Absent where the system does not tell.
fn threads_of_this_process() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}
