//! A run's curve as CSV. Numbers are written so that reading them gives the same bits.

use hrm_types::run::{MetricPoint, Validation};
use std::fmt::Write;

/// The columns. Those that a point need not have are empty then.
const COLUMNS: [&str; 17] = [
    "step",
    "examples",
    "elapsed_seconds",
    "wall_seconds",
    "lr",
    "loss",
    "lm_loss",
    "q_halt_loss",
    "q_continue_loss",
    "accuracy",
    "exact_accuracy",
    "q_halt_accuracy",
    "steps",
    "sequences_per_second",
    "validation_n",
    "validation_exact",
    "validation_accuracy",
];

/// The points below a header.
pub(super) fn write(points: &[MetricPoint]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    let number = |value: f64| value.to_string();
    let maybe = |value: Option<f64>| value.map(number).unwrap_or_default();
    let seen = |validation: Option<Validation>, count: fn(Validation) -> u32| {
        validation.map(|validation| count(validation).to_string()).unwrap_or_default()
    };
    for point in points {
        let fields: [String; COLUMNS.len()] = [
            point.step.to_string(),
            point.examples.to_string(),
            number(point.elapsed_seconds),
            maybe(point.wall_seconds),
            number(point.lr),
            number(point.loss),
            number(point.lm_loss),
            number(point.q_halt_loss),
            number(point.q_continue_loss),
            maybe(point.accuracy),
            maybe(point.exact_accuracy),
            maybe(point.q_halt_accuracy),
            maybe(point.steps),
            number(point.sequences_per_second),
            seen(point.validation, |validation| validation.n),
            seen(point.validation, |validation| validation.exact),
            maybe(point.validation.map(|validation| validation.accuracy)),
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", fields.join(","));
    }
    text
}

/// The points of a text; an error names the line, what was expected and what was found.
pub(super) fn read(text: &str) -> Result<Vec<MetricPoint>, (String, String)> {
    let mut lines = text.lines().enumerate();
    let header = lines.next().map(|(_, line)| line).unwrap_or_default();
    if header != COLUMNS.join(",") {
        return Err((format!("the header {}", COLUMNS.join(",")), shortened(header)));
    }
    let mut points: Vec<MetricPoint> = Vec::new();
    for (i, line) in lines {
        let at_line = |expected: String| format!("{expected} in line {}", i + 1);
        let point = point(line).map_err(|(expected, found)| (at_line(expected), found))?;
        if let Some(before) = points.last().filter(|before| before.step >= point.step) {
            return Err((at_line(format!("a step after {}", before.step)), point.step.to_string()));
        }
        if let Some(before) = points.last().filter(|before| before.examples > point.examples) {
            return Err((at_line(format!("at least {} examples", before.examples)), point.examples.to_string()));
        }
        points.push(point);
    }
    Ok(points)
}

fn point(line: &str) -> Result<MetricPoint, (String, String)> {
    let fields: Vec<&str> = line.split(',').collect();
    let Ok(fields) = <[&str; COLUMNS.len()]>::try_from(fields) else {
        return Err((format!("{} fields", COLUMNS.len()), shortened(line)));
    };
    let wrong = |column: usize, what: &str| (format!("{what} as {}", COLUMNS[column]), shortened(fields[column]));
    let count = |column: usize| {
        let value = fields[column].parse::<u64>().ok().filter(|count| i64::try_from(*count).is_ok());
        value.ok_or_else(|| wrong(column, "a count"))
    };
    let number = |column: usize| {
        let value = fields[column].parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| wrong(column, "a finite number"))
    };
    let positive = |column: usize| match number(column)? {
        value if value < 0.0 => Err(wrong(column, "a number of at least 0")),
        value => Ok(value),
    };
    let maybe = |column: usize| if fields[column].is_empty() { Ok(None) } else { number(column).map(Some) };
    let share = |column: usize| match maybe(column)? {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(wrong(column, "a share from 0 to 1")),
        share => Ok(share),
    };
    let validation = if [fields[14], fields[15], fields[16]] == ["", "", ""] {
        None
    } else {
        let [n, exact] = [count(14)?, count(15)?].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        if n == 0 || exact > n {
            return Err(wrong(15, "at most as many as validation_n, and that above 0,"));
        }
        Some(Validation { n, exact, accuracy: share(16)?.ok_or_else(|| wrong(16, "a share from 0 to 1"))? })
    };
    Ok(MetricPoint {
        step: count(0)?,
        examples: count(1)?,
        elapsed_seconds: positive(2)?,
        wall_seconds: maybe(3)?,
        lr: positive(4)?,
        loss: number(5)?,
        lm_loss: number(6)?,
        q_halt_loss: number(7)?,
        q_continue_loss: number(8)?,
        accuracy: share(9)?,
        exact_accuracy: share(10)?,
        q_halt_accuracy: share(11)?,
        steps: match maybe(12)? {
            Some(steps) if steps < 1.0 => return Err(wrong(12, "at least 1")),
            steps => steps,
        },
        sequences_per_second: positive(13)?,
        validation,
    })
}

/// A text as it is quoted in an error.
fn shortened(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, read, write};
    use crate::store::tests::point;
    use hrm_types::run::{MetricPoint, Validation};

    #[test]
    fn a_curve_comes_back_bit_for_bit() {
        let validation = Some(Validation { n: 30, exact: 7, accuracy: 0.1 + 0.2 });
        let points = [
            MetricPoint { loss: 1.0 / 3.0, lr: 7e-5, ..point(1) },
            MetricPoint { validation, exact_accuracy: Some(1e-300), wall_seconds: Some(2.5), ..point(10) },
        ];
        assert_eq!(read(&write(&points)).expect("points"), points);
        assert_eq!(read(&write(&[])).expect("points"), []);
    }

    #[test]
    fn what_is_no_curve_is_refused_with_its_line() {
        let good = write(&[point(1), point(2)]);
        let line = good.lines().nth(1).expect("a point").to_owned();
        let with = |column: &str, value: &str| {
            let place = COLUMNS.iter().position(|known| *known == column).expect("a column");
            let mut fields: Vec<&str> = line.split(',').collect();
            fields[place] = value;
            format!("{}\n{}\n", COLUMNS.join(","), fields.join(","))
        };
        for (text, expected) in [
            (String::new(), "the header step,"),
            (good.replacen("step", "Step", 1), "the header step,"),
            (format!("{}\n1,2\n", COLUMNS.join(",")), "17 fields in line 2"),
            (format!("{good}{line}\n"), "a step after 2 in line 4"),
            (format!("{good}\n"), "17 fields in line 4"),
            (with("step", "-1"), "a count as step in line 2"),
            (with("step", "99999999999999999999"), "a count as step in line 2"),
            (with("examples", &u64::MAX.to_string()), "a count as examples in line 2"),
            (with("loss", "NaN"), "a finite number as loss in line 2"),
            (with("loss", "inf"), "a finite number as loss in line 2"),
            (with("loss", ""), "a finite number as loss in line 2"),
            (with("accuracy", "1.5"), "a share from 0 to 1 as accuracy in line 2"),
            (with("validation_n", "3"), "a count as validation_exact in line 2"),
        ] {
            let found = read(&text).expect_err(expected).0;
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
