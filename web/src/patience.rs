//! When to ask again what was refused.

use hrm_types::problem::Problem;
use std::time::Duration;

/// Before the first further try; twice as long before each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the next try waits after so many refusals in a row.
pub(crate) fn pause_after(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

/// Whether the same question may be answered later: no connection, no session, too many questions, a server's failure.
pub(crate) fn passes(problem: &Problem) -> bool {
    matches!(problem.status, 0 | 401 | 408 | 429 | 500..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer() {
        let pauses: Vec<u64> = [1, 2, 3, 4, 5, 6, 100].map(|failures| pause_after(failures).as_secs()).into();
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn what_is_gone_is_not_asked_for_again() {
        let problem = |status| Problem {
            kind: String::new(),
            title: String::new(),
            status,
            detail: String::new(),
            field: None,
            request_id: String::new(),
        };
        assert!([0, 401, 429, 500, 502, 503, 504].into_iter().all(|status| passes(&problem(status))));
        assert!(![400, 403, 404, 410, 422].into_iter().any(|status| passes(&problem(status))));
    }
}
