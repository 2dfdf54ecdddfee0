//! Puzzles on the screen: what is typed, drawn and pasted, and how it looks.

pub(crate) mod editor;
pub(crate) mod painter;
pub(crate) mod paste;
pub(crate) mod picture;
pub(crate) mod squares;
pub(crate) mod view;
