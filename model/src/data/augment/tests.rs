//! Symmetries keep puzzles puzzles.

use super::*;
