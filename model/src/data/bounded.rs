//! Reading no more than was expected, so that a small archive cannot fill the memory.

use std::io::{self, Read};

/// A reader that fails, rather than ends, beyond a number of bytes.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R> Bounded<R> {
    /// At most `limit` bytes of `inner`.
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, left: limit, limit }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(format!("expected at most {} bytes, found more", self.limit))),
        }
        Ok(read)
    }
}
