//! `Accept-Encoding` that would leave no way to answer.

use axum::{
    extract::Request,
    http::{HeaderValue, header},
};

/// Takes from a request what forbids an answer as it is. An answer that nothing may be done to cannot be refused once its request
/// was carried out. Add it with `map_request`.
pub async fn as_it_is(mut request: Request) -> Request {
    let headers = request.headers_mut();
    let listed: Vec<String> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_owned())
        .collect();
    if listed.iter().any(|coding| forbids(coding)) {
        let left: Vec<String> = listed.into_iter().filter(|coding| !forbids(coding)).collect();
        headers.remove(header::ACCEPT_ENCODING);
        if let Some(value) = HeaderValue::try_from(left.join(", ")).ok().filter(|value| !value.is_empty()) {
            headers.insert(header::ACCEPT_ENCODING, value);
        }
    }
    request
}

/// Whether one of the list's members forbids an answer without a coding.
fn forbids(coding: &str) -> bool {
    let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
    let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
    ["identity", "*"].iter().any(|other| name.trim().eq_ignore_ascii_case(other))
        && weight.is_some_and(|weight| weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn what_forbids_an_answer_as_it_is_is_taken_away_and_nothing_else() {
        for (sent, left) in [
            ("gzip, br;q=0.5", Some("gzip, br;q=0.5")),
            ("identity;q=0", None),
            ("gzip, identity; q=0.0, *;q=0", Some("gzip")),
            ("identity;q=0.1, *", Some("identity;q=0.1, *")),
            ("gzip;q=0", Some("gzip;q=0")),
        ] {
            let request =
                Request::builder().header(header::ACCEPT_ENCODING, sent).body(Body::empty()).expect("a request");
            let request = as_it_is(request).await;
            let found = request.headers().get(header::ACCEPT_ENCODING).map(|value| value.to_str().expect("a text"));
            assert_eq!(found, left, "{sent}");
        }
    }
}
