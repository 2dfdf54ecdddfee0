//! Where a tensor's values lie in a checkpoint of the reference code, and how they become f32.

use half::{bf16, f16};
use std::fmt::{self, Display};

/// The type of a storage's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    F32,
    F16,
    BF16,
    /// Any other; the name `PyTorch` gives the storage.
    Other(&'static str),
}

impl ElementType {
    /// By the name of the class in the module `torch`.
    pub(super) fn of_storage(name: &str) -> Option<Self> {
        const OTHERS: [&str; 8] = [
            "DoubleStorage",
            "LongStorage",
            "IntStorage",
            "ShortStorage",
            "CharStorage",
            "ByteStorage",
            "BoolStorage",
            "ComplexFloatStorage",
        ];
        match name {
            "FloatStorage" => Some(Self::F32),
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::BF16),
            _ => OTHERS.into_iter().find(|other| *other == name).map(Self::Other),
        }
    }

    /// Bytes of an element whose values can become f32.
    pub(super) fn width(self) -> Option<u64> {
        match self {
            Self::F32 => Some(4),
            Self::F16 | Self::BF16 => Some(2),
            Self::Other(_) => None,
        }
    }

    /// The element at the start of `bytes`, which are at least as many as it is wide.
    pub(super) fn value(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F16, &[a, b, ..]) => f16::from_le_bytes([a, b]).to_f32(),
            (Self::BF16, &[a, b, ..]) => bf16::from_le_bytes([a, b]).to_f32(),
            (Self::F32, &[a, b, c, d, ..]) => f32::from_le_bytes([a, b, c, d]),
            _ => f32::NAN,
        }
    }
}

impl Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "FloatStorage",
            Self::F16 => "HalfStorage",
            Self::BF16 => "BFloat16Storage",
            Self::Other(name) => name,
        })
    }
}

/// A tensor as a view of a storage, all counted in elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredTensor {
    pub(super) kind: ElementType,
    /// Key of the storage: the entry `data/KEY` of the file.
    pub(super) storage: String,
    /// Elements of the storage.
    pub(super) elements: u64,
    /// The first element.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) stride: Vec<u64>,
}

impl StoredTensor {
    /// Elements from the first to the last that the view touches; none if it reaches beyond its storage.
    pub(super) fn span(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let last = self
            .shape
            .iter()
            .zip(&self.stride)
            .try_fold(0u64, |last, (size, stride)| last.checked_add((size - 1).checked_mul(*stride)?))?;
        let end = self.offset.checked_add(last)?.checked_add(1)?;
        (end <= self.elements).then_some(last + 1)
    }

    /// The values row by row. `bytes` are the view's span; the shape is one that fits into memory.
    pub(super) fn gather(&self, bytes: &[u8]) -> Vec<f32> {
        let width = self.kind.width().unwrap_or(1) as usize;
        let count = self.shape.iter().product::<u64>() as usize;
        let mut index = vec![0u64; self.shape.len()];
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let place: u64 = index.iter().zip(&self.stride).map(|(i, stride)| i * stride).sum();
            values.push(self.kind.value(&bytes[place as usize * width..]));
            for (i, size) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *size {
                    break;
                }
                *i = 0;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::{ElementType, StoredTensor};

    fn view(shape: &[u64], stride: &[u64], offset: u64) -> StoredTensor {
        let (shape, stride) = (shape.to_vec(), stride.to_vec());
        StoredTensor { kind: ElementType::F32, storage: "0".into(), elements: 6, offset, shape, stride }
    }

    #[test]
    fn a_view_may_be_turned_but_not_reach_beyond_its_storage() {
        let bytes: Vec<u8> = (0..6u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
        assert_eq!(view(&[2, 3], &[3, 1], 0).gather(&bytes), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(view(&[3, 2], &[1, 3], 0).gather(&bytes), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(view(&[], &[], 0).gather(&bytes), [0.0]);
        assert_eq!(view(&[2, 0], &[3, 1], 0).gather(&[]), [0.0; 0]);
        for (view, span) in [
            (view(&[2, 3], &[3, 1], 0), Some(6)),
            (view(&[3, 2], &[1, 3], 0), Some(6)),
            (view(&[2], &[3], 2), Some(4)),
            (view(&[2, 3], &[3, 1], 1), None),
            (view(&[7], &[1], 0), None),
            (view(&[1], &[1], 6), None),
            (view(&[1], &[1], u64::MAX), None),
            (view(&[u64::MAX], &[1], 0), None),
            (view(&[u64::MAX, u64::MAX], &[u64::MAX, u64::MAX], 0), None),
            (view(&[u64::MAX, 1], &[0, 1], 0), Some(1)),
            (view(&[0, u64::MAX], &[1, 1], 9), Some(0)),
        ] {
            assert_eq!(view.span(), span, "{view:?}");
        }
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        let half = |kind: ElementType, bits: u16| kind.value(&bits.to_le_bytes());
        assert_eq!(half(ElementType::F16, 0x3e00).to_bits(), 1.5f32.to_bits());
        assert_eq!(half(ElementType::BF16, 0x3fc0).to_bits(), 1.5f32.to_bits());
    }
}
