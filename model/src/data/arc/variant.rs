//! Variants of a task — turned, mirrored, recoloured — and the token sequences of grids.

use super::{MAX_COLOUR, Task};
use crate::data::{dihedral, draw};
use hrm_types::board::Board;
use rand_chacha::rand_core::Rng;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Nothing stands there.
pub const PAD: u8 = 0;
/// The line below and the line right of a grid.
pub const BORDER: u8 = 1;
/// The token of colour 0; the others follow.
pub const FIRST_COLOUR: u8 = 2;

/// Draws for one variant before the task counts as having no more; the reference's factor.
const DRAWS_PER_VARIANT: usize = 5;

/// One of the square's eight symmetries, then a renaming of the colours that keeps 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    symmetry: u8,
    /// The new colour of each.
    colours: [u8; MAX_COLOUR as usize + 1],
}

impl Variant {
    /// The task as it is.
    pub const IDENTITY: Self = Self { symmetry: 0, colours: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] };

    /// A variant by the number of its symmetry ([`dihedral::transform`]) and the new colours of 0 to 9; none unless
    /// these are a permutation that keeps 0.
    pub fn new(symmetry: u8, colours: [u8; 10]) -> Option<Self> {
        let mut sorted = colours;
        sorted.sort_unstable();
        let is_valid = symmetry < dihedral::SYMMETRIES && colours[0] == 0 && sorted == Self::IDENTITY.colours;
        is_valid.then_some(Self { symmetry, colours })
    }

    /// A uniformly drawn one.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let symmetry = draw::below(rng, u32::from(dihedral::SYMMETRIES)) as u8;
        let mut colours = Self::IDENTITY.colours;
        draw::shuffle(rng, &mut colours[1..]);
        Self { symmetry, colours }
    }

    /// The variant that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut colours = [0; 10];
        for (old, &new) in self.colours.iter().enumerate() {
            colours[usize::from(new)] = old as u8;
        }
        Self { symmetry: dihedral::inverse(self.symmetry), colours }
    }

    /// A grid of the original task as it stands in the variant.
    pub fn apply(&self, board: &Board) -> Board {
        let turned = dihedral::transform(board, self.symmetry);
        let renamed = |&cell: &u8| self.colours.get(usize::from(cell)).copied().unwrap_or(cell);
        let cells = turned.cells().iter().map(renamed).collect();
        Board::new(turned.rows(), turned.columns(), cells).unwrap_or(turned)
    }

    /// A grid of the variant as it stands in the original task.
    pub fn undo(&self, board: &Board) -> Board {
        self.inverse().apply(board)
    }

    /// The identifier of this variant of a task, as the reference implementation writes it: the task's name, for
    /// others than the identity followed by the symmetry and the new colours, `00576224_t4_0638419572`.
    pub fn name(&self, task: &str) -> String {
        if *self == Self::IDENTITY {
            return task.to_owned();
        }
        let colours: String = self.colours.iter().map(|&colour| char::from(b'0' + colour)).collect();
        format!("{task}_t{}_{colours}", self.symmetry)
    }

    /// The task and the variant that an identifier names; a text that names no variant is a task's name.
    pub fn of_name(identifier: &str) -> (&str, Self) {
        let parsed = || {
            let (rest, colours) = identifier.rsplit_once('_')?;
            let (task, symmetry) = rest.rsplit_once("_t")?;
            let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
            let [symmetry] = <[u8; 1]>::try_from(symmetry.as_bytes()).ok()?;
            let colours: Vec<u8> = colours.bytes().map(digit).collect::<Option<_>>()?;
            Some((task, Self::new(digit(symmetry)?, colours.try_into().ok()?)?))
        };
        parsed().unwrap_or((identifier, Self::IDENTITY))
    }
}

/// The identity and up to `count` other variants of a task, no two of which make the same pairs of it.
///
/// They are drawn at most five times as often as asked for, since a symmetric task has fewer different ones. The
/// draws depend on the seed and the task's name alone, not on its neighbours.
pub fn variants(task: &Task, count: usize, seed: u64) -> Vec<Variant> {
    let digest = Sha256::digest(format!("arc variants\n{}", task.name));
    let stream = digest.iter().take(8).fold(0, |stream, &byte| stream << 8 | u64::from(byte));
    let mut rng = draw::stream(seed, stream);
    let mut contents = Contents::new(task);
    let mut found = vec![Variant::IDENTITY];
    contents.is_new(&Variant::IDENTITY);
    for _ in 0..count.saturating_mul(DRAWS_PER_VARIANT) {
        if found.len() > count {
            break;
        }
        let variant = Variant::draw(&mut rng);
        if contents.is_new(&variant) {
            found.push(variant);
        }
    }
    found
}

/// Added to a grid's size, so that no size is mistaken for a colour.
const SIZE_OFFSET: u8 = 100;

/// The pairs of a task's variants met so far, as far as telling them apart takes.
struct Contents {
    /// Of every symmetry, the bytes of the task's pairs: each grid's size, then its cells.
    images: Vec<Vec<Vec<u8>>>,
    /// Whether the task has a colour.
    is_used: [bool; 10],
    /// Symmetries and new colours of the used ones: most repetitions are known by these already.
    drawn: HashSet<Variant>,
    /// Digests of pairs: different symmetries may still make the same.
    seen: HashSet<[u8; 32]>,
}

impl Contents {
    fn new(task: &Task) -> Self {
        let demonstrations = task.train.iter().map(|pair| (&pair.input, Some(&pair.output)));
        let tests = task.test.iter().map(|test| (&test.input, test.output.as_ref()));
        let pairs: Vec<(&Board, Option<&Board>)> = demonstrations.chain(tests).collect();
        let image = |symmetry: u8, (input, output): &(&Board, Option<&Board>)| {
            let mut bytes = Vec::new();
            for board in [Some(*input), *output].into_iter().flatten() {
                let board = dihedral::transform(board, symmetry);
                bytes.extend([SIZE_OFFSET + board.rows(), SIZE_OFFSET + board.columns()]);
                bytes.extend(board.cells());
            }
            bytes
        };
        let images = |symmetry| pairs.iter().map(|pair| image(symmetry, pair)).collect();
        let mut is_used = [false; 10];
        for &cell in task.boards().flat_map(Board::cells) {
            if let Some(is_used) = is_used.get_mut(usize::from(cell)) {
                *is_used = true;
            }
        }
        let images = (0..dihedral::SYMMETRIES).map(images).collect();
        Self { images, is_used, drawn: HashSet::new(), seen: HashSet::new() }
    }

    /// Whether no variant asked about before makes the same pairs, in whatever order.
    fn is_new(&mut self, variant: &Variant) -> bool {
        let mut drawn = *variant;
        for (colour, is_used) in drawn.colours.iter_mut().zip(self.is_used) {
            *colour = if is_used { *colour } else { 0 };
        }
        self.drawn.insert(drawn) && self.seen.insert(self.digest(variant))
    }

    fn digest(&self, variant: &Variant) -> [u8; 32] {
        let mut renamed: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        renamed[..10].copy_from_slice(&variant.colours);
        let rename = |bytes: &Vec<u8>| bytes.iter().map(|&byte| renamed[usize::from(byte)]).collect::<Vec<u8>>();
        let mut pairs: Vec<Vec<u8>> = self.images[usize::from(variant.symmetry)].iter().map(rename).collect();
        pairs.sort_unstable();
        // Every grid is preceded by its size, so that no two lists of pairs join to the same bytes.
        Sha256::digest(pairs.concat()).into()
    }
}

/// Tokens of a grid that stands in a square of `side` with its first cell at (`top`, `left`), row by row: side² of
/// them. The row below the grid and the column right of it are border, as long as the grid, where the square has
/// them; everything else is pad.
///
/// # Panics
/// When the grid does not fit there.
pub fn encode(board: &Board, side: u8, top: u8, left: u8) -> Vec<u8> {
    let (side, top, left) = (usize::from(side), usize::from(top), usize::from(left));
    let (rows, columns) = (usize::from(board.rows()), usize::from(board.columns()));
    let (bottom, right) = (top + rows, left + columns);
    assert!(
        bottom <= side && right <= side,
        "expected a grid inside a square of side {side}, found {rows} × {columns} at row {top}, column {left}"
    );
    let mut tokens = vec![PAD; side * side];
    for (row, cells) in board.cells().chunks(columns).enumerate() {
        let line = &mut tokens[(top + row) * side..(top + row + 1) * side];
        for (token, &cell) in line[left..right].iter_mut().zip(cells) {
            *token = cell + FIRST_COLOUR;
        }
        if right < side {
            line[right] = BORDER;
        }
    }
    if bottom < side {
        tokens[bottom * side + left..bottom * side + right].fill(BORDER);
    }
    tokens
}

/// The grid that tokens of a square of `side` show: the largest rectangle of colours that begins in the first cell;
/// of equally large ones that with the fewest rows. None when the first cell is no colour, or the tokens are not
/// side².
pub fn decode(tokens: &[u8], side: u8) -> Option<Board> {
    let side = usize::from(side);
    if side == 0 || tokens.len() != side * side {
        return None;
    }
    let last_colour = FIRST_COLOUR + MAX_COLOUR;
    let is_colour = |token: &&u8| (FIRST_COLOUR..=last_colour).contains(*token);
    let (mut widest, mut best) = (side, (0, 0));
    for (row, line) in tokens.chunks(side).enumerate() {
        widest = widest.min(line.iter().take_while(is_colour).count());
        if (row + 1) * widest > best.0 * best.1 {
            best = (row + 1, widest);
        }
    }
    let (rows, columns) = best;
    let cells = tokens.chunks(side).take(rows).flat_map(|line| &line[..columns]).map(|token| token - FIRST_COLOUR);
    Board::new(rows as u8, columns as u8, cells.collect()).ok()
}

/// A place, uniform among those where both grids of a pair fit a square of `side`: the row and column of their first
/// cells.
///
/// # Panics
/// When one of them is larger than the square.
pub fn translation(rng: &mut impl Rng, question: &Board, answer: &Board, side: u8) -> (u8, u8) {
    let (rows, columns) = (question.rows().max(answer.rows()), question.columns().max(answer.columns()));
    assert!(rows <= side && columns <= side, "expected grids of at most side {side}, found {rows} × {columns}");
    let top = draw::below(rng, u32::from(side - rows) + 1) as u8;
    let left = draw::below(rng, u32::from(side - columns) + 1) as u8;
    (top, left)
}

#[cfg(test)]
mod tests;
