//! A slice that tasks write disjoint parts of, and buffers that are overwritten.

use std::{marker::PhantomData, ops::Range};

/// A mutable slice lent to many tasks, each of which takes its own parts of it.
pub(super) struct Shared<'a, T> {
    values: *mut T,
    len: usize,
    lent: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "tasks take disjoint parts, as those who call `part` promise")]
// SAFETY: it is a slice whose parts go to different threads, which plain values may.
unsafe impl<T: Send> Send for Shared<'_, T> {}
#[expect(unsafe_code, reason = "tasks take disjoint parts, as those who call `part` promise")]
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T: Copy> Shared<'a, T> {
    /// Lends a slice.
    pub(super) fn new(values: &'a mut [T]) -> Self {
        Self { values: values.as_mut_ptr(), len: values.len(), lent: PhantomData }
    }

    /// Lends the room of a vector that is still empty; only [`Self::pointer`] may be asked of it.
    pub(super) fn unwritten(room: &'a mut Vec<T>) -> Self {
        let room = room.spare_capacity_mut();
        Self { values: room.as_mut_ptr().cast(), len: room.len(), lent: PhantomData }
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The place of a value, which must be there.
    pub(super) fn pointer(&self, place: usize) -> *mut T {
        assert!(place < self.len, "place {place} of {}", self.len);
        #[expect(unsafe_code, reason = "a place within the slice")]
        // SAFETY: just checked.
        unsafe {
            self.values.add(place)
        }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// No two parts that overlap may be in use at a time.
    #[expect(unsafe_code, reason = "the borrow checker sees one slice where tasks have disjoint parts")]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "part {range:?} of {}", self.len);
        // SAFETY: within the slice, and nobody else's, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.values.add(range.start), range.len()) }
    }

    /// The values of some rows of `size` values.
    ///
    /// # Safety
    /// As for [`Self::part`].
    #[expect(unsafe_code, reason = "as for `part`")]
    pub(super) unsafe fn rows(&self, rows: &Range<usize>, size: usize) -> &'a mut [T] {
        // SAFETY: as the caller promises.
        unsafe { self.part(rows.start * size..rows.end * size) }
    }

    /// The values of some rows of `size` values, to be read by any number of tasks.
    ///
    /// # Safety
    /// No task may write them meanwhile.
    #[expect(unsafe_code, reason = "as for `part`")]
    pub(super) unsafe fn read(&self, rows: &Range<usize>, size: usize) -> &'a [T] {
        let range = rows.start * size..rows.end * size;
        assert!(range.start <= range.end && range.end <= self.len, "part {range:?} of {}", self.len);
        // SAFETY: within the slice, and not written, as the caller promises.
        unsafe { std::slice::from_raw_parts(self.values.add(range.start), range.len()) }
    }
}

/// The first `len` values of a buffer, about to be overwritten; it only grows.
pub(super) fn sized<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}
