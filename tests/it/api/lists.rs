//! Orders and filters of lists, as far as they are declared.

use super::{
    permissions::Lab,
    server::{Server, tiny_experiment},
};
use serde_json::{Value, json};

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

#[test]
fn runs_are_ordered_and_found_by_name_page_by_page() {
    let server = Server::without_worker();
    for (name, priority) in [("Carl", 1), ("adam-eve", 3), ("bert", 2)] {
        let request = json!({"experiment": tiny_experiment(name), "priority": priority});
        server.post("/api/v1/runs", &request).expect(201);
    }
    for (order, expected) in [
        ("", ["bert", "adam-eve", "Carl"]),
        ("order=created", ["Carl", "adam-eve", "bert"]),
        ("order=name", ["adam-eve", "bert", "Carl"]),
        ("order=-name", ["Carl", "bert", "adam-eve"]),
        ("order=-priority", ["adam-eve", "bert", "Carl"]),
    ] {
        let mut seen: Vec<String> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = server.get(&format!("/api/v1/runs?limit=1&{order}{cursor}")).expect(200);
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{order}");
    }
    assert_eq!(names(&server.get("/api/v1/runs?name=ER").expect(200)), ["bert"]);
    assert_eq!(names(&server.get("/api/v1/jobs?name=ar&order=-name").expect(200)), ["Carl"]);
    let sixes = server.get("/api/v1/models?kind=sudoku&side=6&order=name").expect(200);
    assert_eq!(names(&sixes), ["sudoku-6x6", "trm-sudoku-6x6"]);
}

#[test]
fn every_list_refuses_what_it_does_not_declare_and_says_what() {
    let lab = Lab::open();
    let root = lab.token("root", "read,admin");
    let document = lab.server.get("/api/openapi.json").expect(200);
    let mut ordered = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        let named =
            |name: &str| parameters.clone().find(|parameter| parameter["name"] == name && parameter["in"] == "query");
        if named("cursor").is_none() || path.contains('{') {
            continue;
        }
        let refused = |query: &str, field: &str| {
            let problem = lab.send(&root, "GET", &format!("{path}?{query}"), &Value::Null);
            let problem = problem.expect_problem(422, "invalid-request");
            let told = format!("{} {}", problem["field"], problem["detail"]);
            assert!(told.contains(field), "{path}?{query}: {told}");
        };
        refused("colour=red", "colour");
        let Some(order) = named("order").filter(|order| order["schema"]["enum"].is_array()) else { continue };
        ordered += 1;
        refused("order=colour", "order");
        for order in order["schema"]["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            // Who has no account of his own has no tokens.
            lab.send(&root, "GET", &format!("{path}?order={order}"), &Value::Null).expect(200);
            refused(&format!("order={order}&cursor=name~x"), "cursor");
        }
    }
    assert!(ordered >= 10, "{ordered} lists declare orders");
}
