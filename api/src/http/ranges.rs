//! `Range`: which bytes of a file are asked for (RFC 9110, section 14).

use super::error::ApiError;
use axum::http::{HeaderMap, header};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use std::ops::Range;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These bytes of it.
    Some(Range<u64>),
}

impl Part {
    /// The same of a file of this size.
    pub fn bytes(&self, size: u64) -> Range<u64> {
        match self {
            Self::Whole => 0..size,
            Self::Some(bytes) => bytes.clone(),
        }
    }
}

/// What a request asks for of a file with this `ETag` and of this size. Who asks for several ranges, in another unit, or for
/// a part of another file than this (`If-Range`) gets all of it.
///
/// # Errors
/// [`ApiError::NoSuchBytes`] for a range that begins behind the file's end, or behind its own.
pub fn asked(headers: &HeaderMap, etag: &str, size: u64) -> Result<Part, ApiError> {
    let of_another = headers.get(header::IF_RANGE).is_some_and(|tag| tag.as_bytes() != etag.as_bytes());
    let range = headers.get(header::RANGE).filter(|_| !of_another).and_then(|range| range.to_str().ok());
    let Some(ranges) = range.and_then(|range| parse_range_header(range).ok()).filter(|found| found.ranges.len() == 1)
    else {
        return Ok(Part::Whole);
    };
    match ranges.validate(size).as_deref() {
        Ok([bytes]) => Ok(Part::Some(*bytes.start()..bytes.end() + 1)),
        // The last so many bytes of a file that has fewer.
        Ok(_) | Err(RangeUnsatisfiableError::FileSuffixOutOfBounds) => Ok(Part::Whole),
        Err(_) => Err(ApiError::NoSuchBytes { size }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_taken_and_what_no_file_has_is_refused() {
        let ask = |pairs: &[(header::HeaderName, &str)]| {
            let value = |(name, value): &(header::HeaderName, &str)| (name.clone(), value.parse().expect("a value"));
            asked(&pairs.iter().map(value).collect(), "\"a\"", 100)
        };
        let range = |range| ask(&[(header::RANGE, range)]);
        for (asked, bytes) in
            [("bytes=0-9", 0..10), ("bytes=90-", 90..100), ("bytes=-30", 70..100), ("bytes=99-400", 99..100)]
        {
            assert_eq!(range(asked).expect("bytes"), Part::Some(bytes), "{asked}");
        }
        for whole in ["bytes=0-1,5-6", "lines=1-2", "bytes", "bytes=a-b", "bytes=-101", "bytes=-"] {
            assert_eq!(range(whole).expect("all"), Part::Whole, "{whole}");
        }
        for beyond in ["bytes=100-", "bytes=100-101", "bytes=7-6"] {
            assert!(matches!(range(beyond), Err(ApiError::NoSuchBytes { size: 100 })), "{beyond}");
        }
        let under = |tag| ask(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, tag)]).expect("bytes");
        assert_eq!(under("\"a\""), Part::Some(1..3));
        for other in ["\"b\"", "W/\"a\"", "Sun, 29 Nov 2026 00:00:00 GMT"] {
            assert_eq!(under(other), Part::Whole, "{other}");
        }
        assert_eq!(ask(&[]).expect("all"), Part::Whole);
    }
}
