//! What the server has done, counted for Prometheus.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Upper bounds of the buckets in which durations are counted, seconds.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Requests of one operation.
#[derive(Debug, Clone, Default)]
struct Durations {
    /// How many were at most as long as each bound.
    within: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

/// Requests by operation, and by operation and status.
#[derive(Debug, Default)]
pub struct Telemetry {
    durations: Mutex<BTreeMap<(String, String), Durations>>,
    statuses: Mutex<BTreeMap<(String, String, u16), u64>>,
}

/// A figure that is asked for when it is told.
#[derive(Debug, Clone)]
pub struct Gauge {
    /// Its name without `hrm_`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Its values, each with its label's name and value, if it has one.
    pub values: Vec<(Option<(&'static str, String)>, f64)>,
}

impl Telemetry {
    fn note(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let operation = (method.as_str().to_owned(), path.to_owned());
        let mut durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = durations.entry(operation.clone()).or_default();
        noted.count += 1;
        noted.seconds += took.as_secs_f64();
        for (within, bound) in noted.within.iter_mut().zip(BOUNDS) {
            *within += u64::from(took.as_secs_f64() <= bound);
        }
        drop(durations);
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        *statuses.entry((operation.0, operation.1, status.as_u16())).or_default() += 1;
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self, gauges: &[Gauge]) -> String {
        let mut text = String::new();
        for Gauge { name, help, values } in gauges {
            head(&mut text, name, help, "gauge");
            for (label, value) in values {
                let label = label.as_ref().map(|(name, of)| format!("{{{name}=\"{}\"}}", quoted(of)));
                line(&mut text, name, &label.unwrap_or_default(), *value);
            }
        }
        head(&mut text, "http_requests_total", "Requests answered, by operation and status.", "counter");
        for ((method, path, status), count) in self.statuses.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let labels = format!("{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}}");
            line(&mut text, "http_requests_total", &labels, *count as f64);
        }
        let name = "http_request_duration_seconds";
        head(&mut text, name, "Time until an answer began, by operation.", "histogram");
        for ((method, path), noted) in self.durations.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let labels = format!("method=\"{method}\",path=\"{path}\"");
            let (bounds, counts) = (BOUNDS.map(|bound| bound.to_string()), noted.within);
            let buckets = bounds.into_iter().zip(counts).chain([("+Inf".to_owned(), noted.count)]);
            for (bound, count) in buckets {
                line(&mut text, &format!("{name}_bucket"), &format!("{{{labels},le=\"{bound}\"}}"), count as f64);
            }
            line(&mut text, &format!("{name}_sum"), &format!("{{{labels}}}"), noted.seconds);
            line(&mut text, &format!("{name}_count"), &format!("{{{labels}}}"), noted.count as f64);
        }
        text
    }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(text, "# HELP hrm_{name} {help}\n# TYPE hrm_{name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "hrm_{name}{labels} {value}");
}

fn quoted(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Counts a request. Its operation is the path as it stands in the document, so that no client can make up labels.
pub async fn count(
    State(telemetry): State<Arc<Telemetry>>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (method, begun) = (request.method().clone(), Instant::now());
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method);
    let response = next.run(request).await;
    if let Some(path) = matched.filter(|_| known) {
        telemetry.note(&method, path.as_str(), response.status(), begun.elapsed());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_operation_status_and_duration() {
        let telemetry = Telemetry::default();
        for (status, milliseconds) in [(200, 4), (200, 60), (404, 40_000)] {
            let status = StatusCode::from_u16(status).expect("a status");
            telemetry.note(&Method::GET, "/api/v1/runs/{id}", status, Duration::from_millis(milliseconds));
        }
        let label = Some(("state", "a\"b".to_owned()));
        let gauge = Gauge { name: "jobs", help: "Jobs.", values: vec![(label, 3.0), (None, 0.5)] };
        let text = telemetry.text(&[gauge]);
        for expected in [
            "# TYPE hrm_jobs gauge",
            "hrm_jobs{state=\"a\\\"b\"} 3",
            "hrm_jobs 0.5",
            "hrm_http_requests_total{method=\"GET\",path=\"/api/v1/runs/{id}\",status=\"200\"} 2",
            "hrm_http_requests_total{method=\"GET\",path=\"/api/v1/runs/{id}\",status=\"404\"} 1",
            "hrm_http_request_duration_seconds_bucket{method=\"GET\",path=\"/api/v1/runs/{id}\",le=\"0.005\"} 1",
            "hrm_http_request_duration_seconds_bucket{method=\"GET\",path=\"/api/v1/runs/{id}\",le=\"30\"} 2",
            "hrm_http_request_duration_seconds_bucket{method=\"GET\",path=\"/api/v1/runs/{id}\",le=\"+Inf\"} 3",
            "hrm_http_request_duration_seconds_count{method=\"GET\",path=\"/api/v1/runs/{id}\"} 3",
        ] {
            assert!(text.lines().any(|line| line == expected), "expected {expected}\nfound\n{text}");
        }
    }
}
