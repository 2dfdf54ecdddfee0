//! The two JSON files of a folder: what its arrays are, and what its puzzle identifiers are called.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::ser::{Formatter, Serializer};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

/// `dataset.json` of a split, under the reference's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The token that fills sequences up; 0.
    pub pad_id: u32,
    /// The label that asks for nothing; 0.
    pub ignore_label_id: u32,
    /// The identifier of no puzzle in particular; 0.
    pub blank_identifier_id: u32,
    /// V.
    pub vocab_size: usize,
    /// S.
    pub seq_len: usize,
    /// Rows of the puzzle embedding.
    pub num_puzzle_identifiers: usize,
    /// Groups of all sets.
    pub total_groups: usize,
    /// Examples per puzzle over all sets.
    pub mean_puzzle_examples: f64,
    /// Puzzles of all sets; written by some builders only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_puzzles: Option<usize>,
    /// Names of the sets, which the files' names begin with; usually `all` alone.
    pub sets: Vec<String>,
}

/// Reads a JSON file of at most `longest` bytes.
pub(super) fn read<T: DeserializeOwned>(path: &Path, longest: u64) -> io::Result<T> {
    let mut text = String::new();
    File::open(path)?.take(longest + 1).read_to_string(&mut text)?;
    if text.len() as u64 > longest {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("expected at most {longest} bytes, found more"),
        ));
    }
    Ok(serde_json::from_str(&text)?)
}

/// Writes a JSON file as Python does and waits until it is on the disk.
pub(super) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Python))?;
    let mut file = File::create_new(path)?;
    file.write_all(&text)?;
    file.sync_all()
}

/// Python's style: a space after commas and colons, and nothing beyond ASCII.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for symbol in fragment.chars() {
            if symbol <= '~' {
                writer.write_all(&[symbol as u8])?;
                continue;
            }
            for unit in symbol.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Python;
    use serde::Serialize;
    use serde_json::{json, ser::Serializer};

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!([["a\"\\\n\u{1}\u{7f}é𝄞/"], 1.0, 3.916_666_666_666_666_5, {"b": null}, [], -3]);
        let mut text = Vec::new();
        value.serialize(&mut Serializer::with_formatter(&mut text, Python)).expect("JSON");
        let expected = r#"[["a\"\\\n\u0001\u007f\u00e9\ud834\udd1e/"], 1.0, 3.9166666666666665, {"b": null}, [], -3]"#;
        assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
    }
}
