//! The frame of a chart: where its scales, ticks and curves fall, computed apart from how they are drawn.

use super::curve::{Point, smooth, thin};
use super::scale::Scale;
use std::fmt::Write;

/// One curve of a chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Series {
    /// Its name in the legend.
    pub(crate) name: String,
    /// Its colour: 0 to 7, as in `chart.css`.
    pub(crate) tone: u8,
    /// Which curve of that colour it is, from 0; see `stroke`.
    pub(crate) nth: u8,
    /// Points with ascending x.
    pub(crate) points: Vec<Point>,
    /// How far the values behind each point spread: x, lowest, highest.
    pub(crate) band: Vec<(f64, f64, f64)>,
}

/// How a chart is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct View {
    /// A logarithmic x axis.
    pub(crate) log_x: bool,
    /// A logarithmic y axis.
    pub(crate) log_y: bool,
    /// Weight of the past in the moving average, 0 for none.
    pub(crate) smoothing: f64,
    /// The stretch of x that is shown; all of it if absent.
    pub(crate) window: Option<(f64, f64)>,
}

/// What a chart's y axis always shows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Range {
    /// Just what the curves span.
    #[default]
    Data,
    /// From zero to the highest value.
    FromZero,
    /// Shares, 0 to 1.
    Share,
}

const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
/// Room for the words of marks.
const TOP: f64 = 16.0;
const BOTTOM: f64 = 22.0;

/// A curve as SVG paths.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    pub(crate) tone: u8,
    pub(crate) nth: u8,
    /// The measured values, drawn faint, where `line` is smoothed.
    pub(crate) raw: Option<String>,
    pub(crate) line: String,
    /// The outline of the band around it.
    pub(crate) band: Option<String>,
    /// Where a curve of one point stands, which a line cannot show.
    pub(crate) dot: Option<Point>,
}

/// Everything that is drawn but the pointer's readout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) x: Scale,
    pub(crate) x_ticks: Vec<f64>,
    /// Pixel and value.
    pub(crate) y_ticks: Vec<(f64, f64)>,
    pub(crate) curves: Vec<Curve>,
}

impl Frame {
    /// Fits `series` into `width` by `height` pixels; absent while there is no point to show.
    pub(crate) fn fit(series: &[Series], view: View, range: Range, width: f64, height: f64) -> Option<Self> {
        // A logarithm has no place for zero and below.
        let drawn = |y: f64| y.is_finite() && (!view.log_y || y > 0.0);
        let inside =
            |x: f64| (!view.log_x || x > 0.0) && view.window.is_none_or(|(first, last)| (first..=last).contains(&x));
        let shown = |point: &&Point| drawn(point.1) && inside(point.0);
        let points = || series.iter().flat_map(|series| series.points.iter()).filter(shown);
        let spread =
            |&(x, low, high): &(f64, f64, f64)| (inside(x) && drawn(low) && drawn(high)).then_some([low, high]);
        let spreads = series.iter().flat_map(|series| series.band.iter()).filter_map(spread).flatten();
        let (first, last) = extent(points().map(|point| point.0))?;
        let (low, high) = extent(points().map(|point| point.1).chain(spreads))?;
        let (low, high) = match range {
            _ if view.log_y => (low, high),
            Range::Data => (low, high),
            Range::FromZero => (low.min(0.0), high),
            Range::Share => (0.0, 1.0),
        };
        let x = Scale::new(first, last, view.log_x, (LEFT, width - RIGHT));
        let y = Scale::new(low, high, view.log_y, (height - BOTTOM, TOP));
        let columns = (width - LEFT - RIGHT).max(1.0) as usize;
        let curves = series.iter().map(|series| {
            // Smoothing knows the whole past, also what is not shown of it.
            let points: Vec<Point> = series.points.iter().filter(|point| drawn(point.1)).copied().collect();
            let smoothed = (view.smoothing > 0.0).then(|| smooth(&points, view.smoothing));
            let line = |points: &[Point]| {
                let shown: Vec<Point> = points.iter().filter(shown).copied().collect();
                path(&thin(&shown, columns, |point| x.pixel(point)), &x, &y)
            };
            let shown: Vec<&Point> = points.iter().filter(shown).collect();
            let dot = if let [point] = shown[..] { Some((x.pixel(point.0), y.pixel(point.1))) } else { None };
            let band: Vec<_> = series.band.iter().filter(|point| spread(point).is_some()).copied().collect();
            Curve {
                tone: series.tone,
                nth: series.nth,
                line: line(smoothed.as_deref().unwrap_or(&points)),
                raw: smoothed.is_some().then(|| line(&points)),
                band: (band.len() > 1).then(|| outline(&band, &x, &y)),
                dot,
            }
        });
        // Between step 1 and step 2 there is nothing to label.
        let whole = first.fract() == 0.0 && last.fract() == 0.0;
        let tick_room = if width < 420.0 { 3 } else { 6 };
        Some(Self {
            width,
            height,
            x,
            x_ticks: x
                .ticks(if whole && last - first <= 10.0 { 10 } else { tick_room })
                .into_iter()
                .filter(|tick| !whole || tick.fract() == 0.0)
                .collect(),
            y_ticks: y.ticks(4).into_iter().map(|value| (y.pixel(value), value)).collect(),
            curves: curves.collect(),
        })
    }

    /// Pixels of the plot's left, right, top and bottom edge.
    pub(crate) fn edges(&self) -> [f64; 4] {
        [LEFT, self.width - RIGHT, TOP, self.height - BOTTOM]
    }
}

/// Along the highest values and back along the lowest.
fn outline(band: &[(f64, f64, f64)], x: &Scale, y: &Scale) -> String {
    let highest = band.iter().map(|&(at, _, high)| (at, high));
    let lowest = band.iter().rev().map(|&(at, low, _)| (at, low));
    path(&highest.chain(lowest).collect::<Vec<_>>(), x, y) + "Z"
}

fn path(points: &[Point], x: &Scale, y: &Scale) -> String {
    let mut path = String::with_capacity(points.len() * 14);
    for (i, point) in points.iter().enumerate() {
        let letter = if i == 0 { 'M' } else { 'L' };
        // Writing to a String cannot fail.
        let _ = write!(path, "{letter}{:.1} {:.1}", x.pixel(point.0), y.pixel(point.1));
    }
    path
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[Point]) -> Vec<Series> {
        vec![Series { name: "loss".into(), points: points.to_vec(), ..Series::default() }]
    }

    #[test]
    fn nothing_to_show() {
        assert_eq!(Frame::fit(&series(&[]), View::default(), Range::Data, 500.0, 200.0), None);
        let log = View { log_y: true, ..View::default() };
        assert_eq!(Frame::fit(&series(&[(1.0, 0.0)]), log, Range::Data, 500.0, 200.0), None, "zero has no logarithm");
    }

    #[test]
    fn curves_fill_the_plot() {
        let points = [(0.0, 1.0), (10.0, 3.0)];
        let frame = Frame::fit(&series(&points), View::default(), Range::Data, 500.0, 200.0).unwrap();
        let [left, right, top, bottom] = frame.edges();
        assert_eq!(frame.curves[0].line, format!("M{left:.1} {bottom:.1}L{right:.1} {top:.1}"));
        assert_eq!(frame.curves[0].raw, None);
    }

    #[test]
    fn smoothing_keeps_the_raw_line() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 1.0)];
        let plain = Frame::fit(&series(&points), View::default(), Range::Data, 500.0, 200.0).unwrap();
        let view = View { smoothing: 0.9, ..View::default() };
        let smoothed = Frame::fit(&series(&points), view, Range::Data, 500.0, 200.0).unwrap();
        assert_eq!(smoothed.curves[0].raw.as_ref(), Some(&plain.curves[0].line));
        assert_ne!(smoothed.curves[0].line, plain.curves[0].line);
    }

    #[test]
    fn a_share_spans_zero_to_one() {
        let frame =
            Frame::fit(&series(&[(0.0, 0.4), (1.0, 0.5)]), View::default(), Range::Share, 500.0, 200.0).unwrap();
        assert_eq!(frame.y_ticks.first().map(|tick| tick.1), Some(0.0));
        assert_eq!(frame.y_ticks.last().map(|tick| tick.1), Some(1.0));
    }

    #[test]
    fn a_window_shows_its_part_with_the_past_smoothed() {
        let points: Vec<Point> = (0..100).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        let view = View { window: Some((50.0, 60.0)), smoothing: 0.8, ..View::default() };
        let frame = Frame::fit(&series(&points), view, Range::Data, 500.0, 200.0).unwrap();
        assert_eq!((frame.x.value(frame.edges()[0]), frame.x.value(frame.edges()[1])), (50.0, 60.0));
        let whole = View { smoothing: 0.8, ..View::default() };
        let expected: Vec<Point> = smooth(&points, whole.smoothing)[50..=60].to_vec();
        let y = Scale::new(0.0, 6.0, false, (frame.edges()[3], frame.edges()[2]));
        assert_eq!(frame.curves[0].line, path(&expected, &frame.x, &y));
    }

    #[test]
    fn a_band_is_drawn_and_has_room() {
        let mut curves = series(&[(0.0, 1.0), (1.0, 1.0)]);
        curves[0].band = vec![(0.0, 0.5, 2.0), (1.0, 0.0, 1.5)];
        let frame = Frame::fit(&curves, View::default(), Range::Data, 500.0, 200.0).unwrap();
        let [left, right, top, bottom] = frame.edges();
        let band = frame.curves[0].band.clone().unwrap();
        assert!(band.starts_with(&format!("M{left:.1} {top:.1}L{right:.1}")), "{band}");
        assert!(band.contains(&format!("L{right:.1} {bottom:.1}")) && band.ends_with('Z'), "{band}");
    }
}
