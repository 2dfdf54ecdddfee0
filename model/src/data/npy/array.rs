//! Arrays of whole numbers in `NumPy`'s `.npy` format, version 1.0.

use std::{
    fmt::{self, Display},
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};
use thiserror::Error;

/// What every file begins with: the magic bytes and the version.
const MAGIC: [u8; 8] = *b"\x93NUMPY\x01\x00";

/// Why a file is no array that can be read here.
#[derive(Debug, Error)]
pub enum ArrayError {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It holds something else.
    #[error("expected {expected}, found {found}")]
    Content {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

fn wrong<T>(expected: impl Into<String>, found: impl Display) -> Result<T, ArrayError> {
    Err(ArrayError::Content { expected: expected.into(), found: found.to_string() })
}

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integer {
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits; what the reference's builders write for tokens.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits; what the reference's builders write for identifiers and indices.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 64 bits; what the reference's builders write for augmented tokens.
    I64,
    /// Unsigned, 64 bits.
    U64,
}

impl Integer {
    const ALL: [Self; 8] = [Self::I8, Self::U8, Self::I16, Self::U16, Self::I32, Self::U32, Self::I64, Self::U64];

    /// The name in a header.
    fn descr(self) -> &'static str {
        match self {
            Self::I8 => "|i1",
            Self::U8 => "|u1",
            Self::I16 => "<i2",
            Self::U16 => "<u2",
            Self::I32 => "<i4",
            Self::U32 => "<u4",
            Self::I64 => "<i8",
            Self::U64 => "<u8",
        }
    }

    /// Bytes of an element.
    fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 => 4,
            Self::I64 | Self::U64 => 8,
        }
    }

    fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// The element that these bytes are.
    fn value(self, bytes: &[u8]) -> i128 {
        let sign = if self.is_signed() && bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [sign; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        i128::from_le_bytes(wide)
    }

    /// Whether an element can hold the value.
    fn holds(self, value: u32) -> bool {
        let bits = 8 * self.width() - usize::from(self.is_signed());
        bits >= 32 || value >> bits == 0
    }
}

impl Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.descr())
    }
}

/// An array as it is in its file, its elements as `T`.
pub(super) struct Array<T> {
    pub(super) dtype: Integer,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<T>,
}

/// Reads an array of so many dimensions. The file must be exactly as long as its header says, which is found out
/// before anything is allocated; every element must be one of `T`.
pub(super) fn read<T: TryFrom<i128>>(path: &Path, dimensions: usize) -> Result<Array<T>, ArrayError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let header = read_header(&mut file)?;
    let (dtype, shape) = parse_header(&header)?;
    if shape.len() != dimensions {
        return wrong(format!("{dimensions} dimensions"), format!("the shape {}", tuple(&shape)));
    }
    let bytes = shape.iter().try_fold(dtype.width() as u64, |bytes, &size| bytes.checked_mul(size as u64));
    let rest = length.saturating_sub((MAGIC.len() + 2 + header.len()) as u64);
    if bytes != Some(rest) {
        let expected = format!("the values of the shape {} of {dtype}", tuple(&shape));
        return wrong(expected, format!("{rest} bytes after the header"));
    }
    let count: usize = shape.iter().product();
    let mut values = Vec::with_capacity(count);
    let mut chunk = vec![0; dtype.width() * 8192];
    while values.len() < count {
        let chunk = &mut chunk[..dtype.width() * (count - values.len()).min(8192)];
        file.read_exact(chunk)?;
        for bytes in chunk.chunks_exact(dtype.width()) {
            let value = dtype.value(bytes);
            let Ok(narrow) = T::try_from(value) else {
                let most = (1u64 << (8 * size_of::<T>())) - 1;
                return wrong(format!("values from 0 to {most}"), format!("{value} at position {}", values.len()));
            };
            values.push(narrow);
        }
    }
    Ok(Array { dtype, shape, values })
}

fn read_header(file: &mut impl Read) -> Result<Vec<u8>, ArrayError> {
    let (mut magic, mut length) = ([0; 8], [0; 2]);
    let begins = file.read_exact(&mut magic).is_ok() && magic == MAGIC;
    if !begins || file.read_exact(&mut length).is_err() {
        return wrong("an array of the .npy format, version 1.0", "another file");
    }
    let mut header = vec![0; usize::from(u16::from_le_bytes(length))];
    match file.read_exact(&mut header) {
        Ok(()) => Ok(header),
        Err(_) => wrong(format!("a header of {} bytes", header.len()), "the end of the file"),
    }
}

/// `{'descr': '<i4', 'fortran_order': False, 'shape': (7,), }`, as `NumPy` writes it.
fn parse_header(header: &[u8]) -> Result<(Integer, Vec<usize>), ArrayError> {
    let text = String::from_utf8_lossy(header);
    let malformed = || wrong("a header {'descr': …, 'fortran_order': …, 'shape': …, }", format!("{text:?}"));
    let fields = text.strip_prefix("{'descr': ").and_then(|rest| {
        let (descr, rest) = rest.split_once(", 'fortran_order': ")?;
        let (order, rest) = rest.split_once(", 'shape': (")?;
        let (shape, end) = rest.split_once("), }")?;
        (end.trim_matches(' ') == "\n").then_some((descr, order, shape))
    });
    let Some((descr, order, shape)) = fields else { return malformed() };
    let name = descr.strip_prefix('\'').and_then(|descr| descr.strip_suffix('\''));
    let Some(dtype) = Integer::ALL.into_iter().find(|dtype| Some(dtype.descr()) == name) else {
        return wrong("whole numbers, little-endian", descr);
    };
    if order != "False" {
        return wrong("rows one after another (fortran_order False)", order);
    }
    // A single size is followed by a comma, several are parted by them.
    let sizes = shape.strip_suffix(',').unwrap_or(shape);
    let size = |size: &str| size.parse::<u32>().map(|size| size as usize);
    match sizes.split(", ").map(size).collect::<Result<Vec<_>, _>>() {
        Ok(shape) if shape.len() <= 2 => Ok((dtype, shape)),
        _ => wrong("a shape of one or two sizes below 4294967296", format!("({shape})")),
    }
}

/// A shape as Python writes it.
fn tuple(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    if sizes.len() == 1 { format!("({},)", sizes[0]) } else { format!("({})", sizes.join(", ")) }
}

/// Writes an array as `NumPy` does and waits until it is on the disk.
pub(super) fn write<T: Copy + Into<u32>>(
    path: &Path,
    dtype: Integer,
    shape: &[usize],
    values: &[T],
) -> Result<(), ArrayError> {
    let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {}, }}", tuple(shape));
    // Room for the first size to grow to 21 digits, then to a multiple of 64 with the line's end.
    let growth = 21usize.saturating_sub(shape.first().map_or(0, |size| size.to_string().len()));
    let end = (MAGIC.len() + 2 + header.len() + growth + 1).next_multiple_of(64);
    header.push_str(&" ".repeat(end - 1 - header.len() - MAGIC.len() - 2));
    header.push('\n');
    let mut file = BufWriter::new(File::create_new(path)?);
    file.write_all(&MAGIC)?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for &value in values {
        let value: u32 = value.into();
        if !dtype.holds(value) {
            return wrong(format!("values that fit into {dtype}"), value);
        }
        file.write_all(&u64::from(value).to_le_bytes()[..dtype.width()])?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}
