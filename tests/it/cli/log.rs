//! What long-running processes say, as programs read it.

use super::program::Place;
use serde_json::Value;

#[test]
fn every_line_of_the_log_is_an_object_where_that_is_asked_for() {
    let place = Place::new();
    let said =
        |format: &str| place.hrm_with_variables(&["data", "list"], &[("HRM_LOG_FORMAT", format), ("RUST_LOG", "info")]);
    let json = said("json");
    assert_eq!(json.code, Some(0), "{json:#?}");
    let lines: Vec<Value> =
        json.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let created = lines.iter().find(|line| line["message"] == "creating the database").expect("the first line");
    assert_eq!((&created["level"], created["folder"].is_string()), (&Value::from("INFO"), true), "{created:#}");
    // What is set to nothing is as not set, as a composition with `${VARIABLE:-}` means it.
    let unset = ["HRM_LOG_FORMAT", "HRM_DATA_DIR", "HRM_OBJECT_STORE", "DATABASE_URL"].map(|name| (name, ""));
    let words = place.hrm_with_variables(&["data", "list", "--data-dir", "data"], &unset);
    assert_eq!((words.code, words.stderr.as_str()), (Some(0), ""), "{words:#?}");
    let wrong = said("xml");
    assert_eq!(
        (wrong.code, wrong.stderr.as_str()),
        (Some(2), "error: HRM_LOG_FORMAT: expected text or json, found \"xml\"\n")
    );
}
