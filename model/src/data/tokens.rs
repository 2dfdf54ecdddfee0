//! Examples as token sequences, in the order of the reference's arrays: groups of puzzles of examples.

use crate::shape::TaskShape;
use std::ops::Range;
use thiserror::Error;

/// Token that fills sequences up; as a label it asks for nothing.
pub const PAD: u8 = 0;

/// Inputs and labels of a puzzle's examples, S tokens each.
pub type Examples = Vec<(Vec<u8>, Vec<u8>)>;

/// The examples of one split: N sequences of S tokens with their labels.
///
/// A *group* is an original puzzle, its *puzzles* are variants of it, and every puzzle has examples of its own (for
/// Sudoku and mazes one, for ARC the task's pairs). Puzzles of a group and examples of a puzzle stand side by side, so
/// that ranges of indices tell which belong together. An epoch visits every group once and draws one of its puzzles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSplit {
    /// S.
    pub seq_len: usize,
    /// N·S tokens, example after example.
    pub inputs: Vec<u8>,
    /// N·S tokens; [`PAD`] where none is asked for.
    pub labels: Vec<u8>,
    /// Row of the puzzle embedding, one for each puzzle.
    pub puzzle_identifiers: Vec<u32>,
    /// Puzzle p has the examples `puzzle_indices[p]..puzzle_indices[p + 1]`; one entry more than puzzles.
    pub puzzle_indices: Vec<u32>,
    /// Group g has the puzzles `group_indices[g]..group_indices[g + 1]`; one entry more than groups.
    pub group_indices: Vec<u32>,
}

/// Arrays that are no split.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{array}: expected {expected}, found {found}")]
pub struct TokensError {
    /// The array's name, as it is in the reference's files.
    pub array: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl TokenSplit {
    /// A split without examples.
    pub fn empty(seq_len: usize) -> Self {
        Self { seq_len, puzzle_indices: vec![0], group_indices: vec![0], ..Self::default() }
    }

    /// Adds a group: its puzzles, each with its identifier and its examples of (input, label), S tokens each.
    ///
    /// # Errors
    /// A group without puzzles, a puzzle without examples, a sequence of another length; the split is unchanged then.
    pub fn push_group(&mut self, puzzles: &[(u32, Examples)]) -> Result<(), TokensError> {
        let refuse = |array, expected: String, found: String| Err(TokensError { array, expected, found });
        if puzzles.is_empty() {
            return refuse("group_indices", "at least one puzzle in a group".into(), "none".into());
        }
        for (_, examples) in puzzles {
            if examples.is_empty() {
                return refuse("puzzle_indices", "at least one example of a puzzle".into(), "none".into());
            }
            for (array, sequence) in
                examples.iter().flat_map(|(input, label)| [("inputs", input.len()), ("labels", label.len())])
            {
                if sequence != self.seq_len {
                    return refuse(array, format!("{} tokens", self.seq_len), sequence.to_string());
                }
            }
        }
        for (identifier, examples) in puzzles {
            for (input, label) in examples {
                self.inputs.extend(input);
                self.labels.extend(label);
            }
            self.puzzle_identifiers.push(*identifier);
            self.puzzle_indices.push(self.examples() as u32);
        }
        self.group_indices.push(self.puzzles() as u32);
        Ok(())
    }

    /// N: number of examples.
    pub fn examples(&self) -> usize {
        self.inputs.len().checked_div(self.seq_len).unwrap_or(0)
    }

    /// Number of puzzles.
    pub fn puzzles(&self) -> usize {
        self.puzzle_identifiers.len()
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.group_indices.len().saturating_sub(1)
    }

    /// The puzzles of a group.
    pub fn group(&self, group: usize) -> Range<usize> {
        self.group_indices[group] as usize..self.group_indices[group + 1] as usize
    }

    /// The examples of a puzzle.
    pub fn puzzle(&self, puzzle: usize) -> Range<usize> {
        self.puzzle_indices[puzzle] as usize..self.puzzle_indices[puzzle + 1] as usize
    }

    /// The puzzle an example belongs to.
    pub fn puzzle_of(&self, example: usize) -> usize {
        self.puzzle_indices.partition_point(|&first| first as usize <= example) - 1
    }

    /// The group a puzzle belongs to.
    pub fn group_of(&self, puzzle: usize) -> usize {
        self.group_indices.partition_point(|&first| first as usize <= puzzle) - 1
    }

    /// S tokens of an example.
    pub fn input(&self, example: usize) -> &[u8] {
        &self.inputs[example * self.seq_len..(example + 1) * self.seq_len]
    }

    /// S tokens that are asked for.
    pub fn label(&self, example: usize) -> &[u8] {
        &self.labels[example * self.seq_len..(example + 1) * self.seq_len]
    }

    /// Examples per puzzle, which the number of steps of an epoch is counted with; 0 of an empty split.
    pub fn mean_puzzle_examples(&self) -> f64 {
        if self.puzzles() == 0 { 0.0 } else { self.examples() as f64 / self.puzzles() as f64 }
    }

    /// Checks that the arrays fit each other and the task: lengths, tokens, identifiers, and index arrays that begin
    /// at 0, only grow, and end at what they index.
    ///
    /// # Errors
    /// The first array that does not fit, with what was expected and found.
    pub fn check(&self, task: &TaskShape) -> Result<(), TokensError> {
        let fits = |array, expected: String, found: String| {
            if expected == found { Ok(()) } else { Err(TokensError { array, expected, found }) }
        };
        fits(
            "inputs",
            format!("sequences of {} tokens", task.seq_len),
            format!("sequences of {} tokens", self.seq_len),
        )?;
        let whole = self.examples() * self.seq_len;
        fits("inputs", format!("{whole} tokens"), format!("{} tokens", self.inputs.len()))?;
        fits("labels", format!("{whole} tokens"), format!("{} tokens", self.labels.len()))?;
        tokens("inputs", &self.inputs, task.vocab_size)?;
        tokens("labels", &self.labels, task.vocab_size)?;
        let strange = self.puzzle_identifiers.iter().find(|&&id| id as usize >= task.num_puzzle_identifiers);
        if let Some(id) = strange {
            let expected = format!("identifiers below {}", task.num_puzzle_identifiers);
            return Err(TokensError { array: "puzzle_identifiers", expected, found: id.to_string() });
        }
        indices("puzzle_indices", &self.puzzle_indices, ("puzzles", self.puzzles()), ("examples", self.examples()))?;
        indices("group_indices", &self.group_indices, ("groups", self.groups()), ("puzzles", self.puzzles()))
    }
}

fn tokens(array: &'static str, tokens: &[u8], vocab_size: usize) -> Result<(), TokensError> {
    match tokens.iter().find(|&&token| usize::from(token) >= vocab_size) {
        Some(token) => {
            Err(TokensError { array, expected: format!("tokens below {vocab_size}"), found: token.to_string() })
        }
        None => Ok(()),
    }
}

fn indices(
    array: &'static str,
    indices: &[u32],
    (of, count): (&str, usize),
    (what, end): (&str, usize),
) -> Result<(), TokensError> {
    let refuse = |expected: String, found: String| Err(TokensError { array, expected, found });
    let (Some(&first), Some(&last)) = (indices.first(), indices.last()) else {
        return refuse("at least one entry".into(), "none".into());
    };
    if indices.len() != count + 1 {
        return refuse(format!("{} entries for {count} {of}", count + 1), indices.len().to_string());
    }
    if first != 0 {
        return refuse("0 as the first entry".into(), first.to_string());
    }
    if let Some(i) = indices.windows(2).position(|pair| pair[0] >= pair[1]) {
        return refuse(format!("entries that grow, above {} after entry {i}", indices[i]), indices[i + 1].to_string());
    }
    if last as usize != end {
        return refuse(format!("{end} as the last entry, the number of {what}"), last.to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
