//! The Sudoku grid: what is typed, what is pasted, and how it looks.

pub(crate) mod editor;
pub(crate) mod paste;
pub(crate) mod picture;
pub(crate) mod view;
