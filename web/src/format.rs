//! Numbers, times, sizes and who may read, as people read them.

use time::{OffsetDateTime, UtcOffset};

/// Who reads a thing of that team.
pub(crate) fn readers(public: bool, team: &str) -> String {
    if public { format!("everybody with an account; it is {team}’s") } else { format!("the team {team}") }
}

/// A count with thousands separated: `27,275,266`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count in at most four characters and a unit: `27.3 M`.
pub(crate) fn short_count(value: u64) -> String {
    scaled(value).map_or_else(|| value.to_string(), |(digits, unit)| format!("{digits} {unit}"))
}

/// Bytes in at most four characters and a unit: `13.7 MB`.
pub(crate) fn bytes(value: u64) -> String {
    scaled(value).map_or_else(|| format!("{value} B"), |(digits, unit)| format!("{digits} {unit}B"))
}

/// Three digits of a count and the unit they are in; nothing for what has no more digits than that.
fn scaled(value: u64) -> Option<(String, &'static str)> {
    let value = Some(value).filter(|&value| value >= 1_000)? as f64;
    // What is rounded up to a thousand of one unit is one of the next.
    let (size, unit) =
        [(1e3, "k"), (1e6, "M")].into_iter().find(|(size, _)| value / size < 999.5).unwrap_or((1e9, "G"));
    Some((three_digits(value / size), unit))
}

fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// A place in a training, by its steps: `step 1,200`.
pub(crate) fn at_step(x: f64) -> String {
    format!("step {}", count(x.round() as u64))
}

/// The same by what was trained on: `38,400 sequences`.
pub(crate) fn at_sequences(x: f64) -> String {
    format!("{} sequences", count(x.round() as u64))
}

/// The same by seconds: `after 2 min 05 s`.
pub(crate) fn after(x: f64) -> String {
    format!("after {}", duration(x))
}

/// A hash's first digits, enough to tell it from others on a page.
pub(crate) fn short_hash(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// A share from 0 to 1 as per cent: `93.4 %`; all and nothing are no rounded share: `99.97 %`.
pub(crate) fn percent(share: f64) -> String {
    let rounds_away = |digits: i32| {
        let all = 100.0 * 10_f64.powi(digits);
        let shown = (share * all).round();
        shown <= 0.0 && share > 0.0 || shown >= all && share < 1.0
    };
    let digits = (1..4).find(|&digits| !rounds_away(digits)).unwrap_or(4);
    format!("{:.*} %", digits as usize, share * 100.0)
}

/// `1 step`, `3 steps`.
pub(crate) fn counted(value: u64, noun: &str) -> String {
    let s = if value == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(value))
}

/// Seconds in the two largest units that matter: `2 h 05 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.95 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// Hours, as [`duration`] has them: 0.6 are `36 min 00 s`.
pub(crate) fn hours(value: f64) -> String {
    duration(value * 3_600.0)
}

/// Milliseconds: `0.8 ms`, `12 ms`, `1.3 s`.
pub(crate) fn milliseconds(value: f64) -> String {
    match value {
        v if v < 9.95 => format!("{v:.1} ms"),
        v => duration(v / 1e3),
    }
}

/// How long before `now` something was, coarsely: `just now`, `5 min ago`.
pub(crate) fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - at).whole_seconds();
    match seconds {
        ..10 => "just now".into(),
        10..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..2_592_000 => match seconds / 86_400 {
            1 => "yesterday".into(),
            days => format!("{days} days ago"),
        },
        _ => day(at),
    }
}

/// The day, `2026-08-30`.
fn day(at: OffsetDateTime) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

/// The exact moment at `offset` from UTC: `2026-08-30 14:05:09`.
pub(crate) fn exact(at: OffsetDateTime, offset: UtcOffset) -> String {
    let at = at.to_offset(offset);
    format!("{} {:02}:{:02}:{:02}", day(at), at.hour(), at.minute(), at.second())
}

/// The exact moment as machines read it: `2026-08-30T12:05:09Z`.
pub(crate) fn machine(at: OffsetDateTime) -> String {
    exact(at, UtcOffset::UTC).replace(' ', "T") + "Z"
}

/// A measured value with about four significant digits: `0.01234`, `1.234`, `12,345`, `7.00e-5`.
pub(crate) fn value(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value == 0.0 => "0".into(),
        s if !(1e-3..1e7).contains(&s) => format!("{value:.2e}"),
        s if s < 0.1 => format!("{value:.5}"),
        s if s < 9.9995 => format!("{value:.3}"),
        s if s < 999.95 => format!("{value:.1}"),
        _ if value < 0.0 => format!("-{}", count(size.round() as u64)),
        _ => count(size.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_to_neither_all_nor_nothing() {
        let cases = [
            (0.934, "93.4 %"),
            (1.0, "100.0 %"),
            (0.0, "0.0 %"),
            (0.9997, "99.97 %"),
            (0.0001, "0.01 %"),
            (0.999_99, "99.999 %"),
            (0.999_999_99, "100.0000 %"),
        ];
        for (share, expected) in cases {
            assert_eq!(percent(share), expected, "{share}");
        }
    }
    use time::Duration;

    #[test]
    fn counts() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (27_275_266, "27,275,266")];
        for (value, expected) in cases {
            assert_eq!(count(value), expected);
        }
        let short = [
            (999, "999"),
            (1_000, "1.00 k"),
            (9_994, "9.99 k"),
            (9_999, "10.0 k"),
            (34_500, "34.5 k"),
            (99_949, "99.9 k"),
            (99_950, "100 k"),
            (999_499, "999 k"),
            (999_950, "1.00 M"),
            (27_275_266, "27.3 M"),
            (999_999_999, "1.00 G"),
        ];
        for (value, expected) in short {
            assert_eq!(short_count(value), expected);
        }
        let sizes = [
            (12, "12 B"),
            (1_500, "1.50 kB"),
            (999_950, "1.00 MB"),
            (13_700_000, "13.7 MB"),
            (2_000_000_000, "2.00 GB"),
        ];
        for (value, expected) in sizes {
            assert_eq!(bytes(value), expected);
        }
        assert_eq!(counted(1, "step"), "1 step");
        assert_eq!(counted(1_200, "step"), "1,200 steps");
    }

    #[test]
    fn durations() {
        let cases = [
            (0.012, "12 ms"),
            (3.26, "3.3 s"),
            (9.97, "10 s"),
            (61.0, "1 min 01 s"),
            (7_500.0, "2 h 05 min"),
            (90_000.0, "1 d 01 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(hours(0.014), "50 s");
        assert_eq!(hours(2.0 + 5.0 / 60.0), "2 h 05 min");
        assert_eq!(milliseconds(0.84), "0.8 ms");
        assert_eq!(milliseconds(12.3), "12 ms");
        assert_eq!(milliseconds(1_300.0), "1.3 s");
    }

    #[test]
    fn moments() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let cases = [(3, "just now"), (42, "42 s ago"), (300, "5 min ago"), (7_300, "2 h ago"), (90_000, "yesterday")];
        for (seconds, expected) in cases {
            assert_eq!(ago(now - Duration::seconds(seconds), now), expected);
        }
        assert_eq!(ago(now - Duration::days(40), now), "2024-08-25");
        assert_eq!(ago(now + Duration::seconds(2), now), "just now", "a clock ahead of ours");
        let east = UtcOffset::from_hms(2, 0, 0).unwrap();
        assert_eq!(exact(now, east), "2024-10-04 02:00:00");
        assert_eq!(machine(now), "2024-10-04T00:00:00Z");
    }

    #[test]
    fn values() {
        let cases = [
            (0.0, "0"),
            (7e-5, "7.00e-5"),
            (0.012_34, "0.01234"),
            (1.234_5, "1.234"),
            (9.999_7, "10.0"),
            (-42.25, "-42.2"),
            (999.97, "1,000"),
            (12_345.0, "12,345"),
        ];
        for (number, expected) in cases {
            assert_eq!(value(number), expected);
        }
    }
}
