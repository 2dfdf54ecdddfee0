//! Signing in and out, invitations, tokens, and the server that has no accounts yet.

use super::{
    permissions::Lab,
    server::{Answer, Server, run},
};
use crate::{folder::folder, program::hrm};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::process::Command;

/// A browser: it keeps cookies and does not follow redirections by itself.
struct Browser<'s> {
    server: &'s Server,
    client: Client,
    cookies: std::cell::RefCell<Vec<(String, String)>>,
    /// Whom a proxy would say that it asks for.
    from: &'s str,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { server, client, cookies: std::cell::RefCell::default(), from: "192.0.2.1" }
    }

    fn elsewhere(server: &'s Server) -> Self {
        Self { from: "192.0.2.2", ..Self::new(server) }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("{}{path}", self.server.address());
        let request = self.client.request(method.parse().expect("a method"), url);
        request.header("accept", "text/html").header("cookie", cookies.join("; ")).header("x-forwarded-for", self.from)
    }

    fn send(&self, request: RequestBuilder) -> Answer {
        let answer = Answer::of(request);
        if let Some((name, value)) = answer.header("set-cookie").split(';').next().and_then(|pair| pair.split_once('='))
        {
            let mut cookies = self.cookies.borrow_mut();
            cookies.retain(|(known, _)| known != name);
            cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    fn open(&self, path: &str) -> Answer {
        self.send(self.request("GET", path))
    }

    /// Fills in the form that is open.
    fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = self.cookies.borrow().iter().find(|(name, _)| name == "hrm_form").map(|(_, value)| value.clone());
        let form = form.unwrap_or_default();
        let fields: Vec<String> = [("form", form.as_str())]
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", value.replace('&', "%26").replace(' ', "+")))
            .collect();
        let request = self.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(fields.join("&")))
    }

    fn log_in(&self, name: &str, password: &str) -> Answer {
        self.submit("/login", &[("name", name), ("password", password), ("next", "/runs?a=b")])
    }
}

#[test]
fn without_accounts_whoever_is_here_is_the_local_owner() {
    let server = Server::shared();
    let me = server.get("/api/v1/me").expect(200);
    assert_eq!((&me["name"], &me["role"], &me["accounts"]), (&json!("local"), &json!("admin"), &json!(false)));
    assert_eq!(me["teams"][0]["name"], "local");
    server.get("/api/v1/tokens").expect_problem(409, "conflict");
    Answer::of(server.request("DELETE", "/api/v1/me/session")).expect_problem(409, "conflict");
    let invitation = json!({"name": "ann", "team": "local"});
    server.post("/api/v1/invitations", &invitation).expect_problem(409, "conflict");
    let login = Browser::new(&server).open("/login");
    assert!(login.status == 200 && login.text().contains("There are no accounts"), "{}", login.text());
}

#[test]
fn other_machines_are_not_let_in_before_there_are_accounts() {
    let folder = folder();
    let mut command = Command::new(hrm());
    command.args(["serve", "--bind", "0.0.0.0:0", "--no-worker"]).env("HRM_DATA_DIR", folder.path().join("data"));
    command.env_remove("DATABASE_URL");
    let output = run(command, "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("hrm user add NAME"), "{said}");
}

#[test]
fn a_server_with_accounts_lets_nobody_in_while_it_starts() {
    let server = Lab::open().server.reopened("--rate-limit", "1200");
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = || server.get("/api/v1/me").status;
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    assert_eq!(answers, [401; 16]);
    // Through a proxy others come, for whom there must be accounts.
    let mut command = Command::new(hrm());
    let folder = folder();
    command.args(["serve", "--bind", "127.0.0.1:0", "--no-worker", "--proxy", "127.0.0.1"]);
    command.env("HRM_DATA_DIR", folder.path().join("data")).env_remove("DATABASE_URL");
    let output = run(command, "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("hrm user add NAME"), "{said}");
}

#[test]
fn a_browser_signs_in_writes_and_signs_out() {
    let lab = Lab::open();
    let browser = Browser::new(&lab.server);
    let sent = browser.open("/runs?a=b");
    assert_eq!((sent.status, sent.header("location")), (303, "/login?next=%2Fruns%3Fa%3Db"));
    let login = browser.open("/login?next=%2Fruns%3Fa%3Db");
    assert!(login.status == 200 && login.text().contains("value=\"/runs?a=b\""), "{}", login.text());
    let cookie = login.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

    let refused = browser.log_in("ann", "password of bob");
    assert!(refused.status == 401 && refused.text().contains("name=name value=\"ann\""), "{}", refused.text());
    assert_eq!(browser.log_in("nobody", "password of ann").status, 401);
    assert_eq!(browser.open("/api/v1/me").status, 401);
    let entered = browser.log_in("Ann", "password of ann");
    assert_eq!((entered.status, entered.header("location")), (303, "/runs?a=b"), "{}", entered.text());
    let cookie = entered.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("hrm_session=") && cookie.contains("HttpOnly") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert_eq!(browser.open("/runs?a=b").status, 200);
    let me = browser.open("/api/v1/me").expect(200);
    assert_eq!((&me["name"], &me["scopes"]), (&json!("ann"), &json!(["read", "solve", "write"])));

    // A write takes a content type that no form of another site can send, or a header that it cannot.
    let body = || json!({"name": "of a browser", "scopes": ["read"]}).to_string();
    let write = |name: &str, value: &str| browser.request("POST", "/api/v1/tokens").header(name, value).body(body());
    Answer::of(write("content-type", "text/plain")).expect_problem(403, "cross-origin");
    Answer::of(write("accept-language", "en")).expect_problem(403, "cross-origin");
    Answer::of(write("x-requested-with", "test").header("sec-fetch-site", "cross-site"))
        .expect_problem(403, "cross-origin");
    let made = Answer::of(write("content-type", "application/json")).expect(201);
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("hrm_") && made["token"]["prefix"] == secret[..8], "{made:#}");
    // A page that shows another name than that of who has signed in since acts for nobody.
    let named = |name: &str| write("content-type", "application/json").header("hrm-user", name);
    let problem = Answer::of(named("bob")).expect_problem(403, "other-user");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.starts_with("ann has signed in")), "{problem:#}");
    Answer::of(named("ann")).expect(201);
    assert_eq!(lab.send(secret, "GET", "/api/v1/me", &Value::Null).expect(200)["scopes"], json!(["read"]));

    // A script signs out through the API; a token has nothing to sign out of.
    lab.send(secret, "DELETE", "/api/v1/me/session", &Value::Null).expect_problem(409, "conflict");
    Answer::of(browser.request("DELETE", "/api/v1/me/session")).expect_problem(403, "cross-origin");
    let out = browser.send(browser.request("DELETE", "/api/v1/me/session").header("x-requested-with", "test"));
    assert!(out.status == 204 && out.header("set-cookie").contains("hrm_session=;"), "{:?}", out.headers);
    assert_eq!(browser.open("/api/v1/me").status, 401);
    browser.open("/login");
    browser.log_in("ann", "password of ann");

    assert!(browser.open("/login").text().contains("Sign out"));
    assert_eq!(browser.submit("/logout", &[]).header("location"), "/login");
    browser.open("/api/v1/me").expect_problem(401, "unauthenticated");
    // Over TLS the cookie stays there.
    browser.open("/login");
    let over_tls = browser.request("POST", "/login").header("origin", "https://localhost");
    assert_eq!(Answer::of(over_tls).status, 403, "another origin");
}

#[test]
fn a_signed_in_user_chooses_another_password() {
    let lab = Lab::open();
    let (browser, other) = (Browser::new(&lab.server), Browser::new(&lab.server));
    assert_eq!(browser.open("/password").header("location"), "/login?next=/password");
    for each in [&browser, &other] {
        each.open("/login");
        assert_eq!(each.log_in("ann", "password of ann").status, 303);
    }
    let page = browser.open("/password");
    assert!(page.status == 200 && page.text().contains("You are <b>ann</b>"), "{}", page.text());
    let change = |current: &str, password: &str, again: &str| {
        browser.submit("/password", &[("current", current), ("password", password), ("again", again)])
    };
    let (old, new) = ("password of ann", "a better one by far");
    for (current, password, again, problem) in [
        (old, new, "another", "differ"),
        (old, "short", "short", "expected at least 10 characters"),
        ("password of bob", new, new, "until now is another"),
    ] {
        let refused = change(current, password, again);
        assert!(refused.status == 422 && refused.text().contains(problem), "{problem}: {}", refused.text());
    }
    assert_eq!(other.open("/api/v1/me").status, 200);
    assert_eq!(change(old, new, new).header("location"), "/team");
    assert_eq!((browser.open("/api/v1/me").status, other.open("/api/v1/me").status), (200, 401));
    other.open("/login");
    assert_eq!((other.log_in("ann", old).status, other.log_in("ann", new).status), (401, 303));
}

#[test]
fn a_form_without_its_cookie_is_refused() {
    let lab = Lab::open();
    let browser = Browser::new(&lab.server);
    let without = browser.submit("/login", &[("name", "ann"), ("password", "password of ann")]);
    assert_eq!(without.status, 403);
    assert_eq!(browser.open("/api/v1/me").status, 401);
    Browser::new(&lab.server).submit("/logout", &[]).expect_problem(403, "cross-origin");
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let lab = Lab::open();
    let browser = Browser::new(&lab.server);
    browser.open("/login");
    let answers: Vec<Answer> = (0..6).map(|_| browser.log_in("ann", "a wrong guess")).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5], 429, "{statuses:?}");
    let wait: u64 = answers[5].header("retry-after").parse().expect("seconds");
    assert!((1..=31).contains(&wait), "{wait}");
    assert_eq!(browser.log_in("ANN", "password of ann").status, 429, "also the right one, in any case");
    assert_eq!(browser.log_in("bob", "password of bob").status, 303, "others are let in");
    let liar = Browser::elsewhere(&lab.server);
    liar.open("/login");
    assert_eq!(liar.log_in("ann", "a wrong guess").status, 429, "nobody was told to believe where it says it is");
}

#[test]
fn who_guesses_a_password_keeps_nobody_else_out() {
    let lab = Lab { server: Lab::open().server.reopened("--proxy", "127.0.0.1") };
    let named = Answer::of(lab.server.request("GET", "/healthz").header("host", "hrm.example.org"));
    assert_eq!(named.status, 200, "what the proxy is called: {}", named.text());
    let [guesser, user] = [Browser::new(&lab.server), Browser::elsewhere(&lab.server)];
    for browser in [&guesser, &user] {
        browser.open("/login");
    }
    let statuses: Vec<u16> = (0..6).map(|_| guesser.log_in("ann", "a wrong guess").status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    assert_eq!(user.log_in("ann", "password of ann").status, 303);
}

#[test]
fn an_invitation_is_accepted_once() {
    let lab = Lab::open();
    let root = lab.token("root", "read,admin");
    let invite = |name: &str, team: &str| {
        let body = json!({"name": name, "role": "viewer", "team": team});
        lab.send(&root, "POST", "/api/v1/invitations", &body)
    };
    invite("eve", "nobodys").expect_problem(404, "not-found");
    invite("ann", "anns").expect_problem(409, "conflict");
    assert_eq!(invite("a b", "anns").expect_problem(422, "invalid-request")["field"], "name");
    invite("gus", "anns").expect(201);
    assert!(invite("gus", "anns").expect_problem(409, "conflict")["detail"].to_string().contains("hrm user uninvite"));
    assert_eq!(lab.server.hrm(&["user", "uninvite", "Gus"], ""), "Gus is invited no longer");
    let made = invite("eve", "anns").expect(201);
    let path = made["path"].as_str().expect("a path");
    let code = path.strip_prefix("/invite?code=").expect("a code");
    let listed = lab.send(&root, "GET", "/api/v1/invitations", &Value::Null);
    assert_eq!(listed.expect(200)["items"], json!([made["invitation"]]));
    assert!(!listed.text().contains(code), "the code is shown once");

    let browser = Browser::new(&lab.server);
    assert!(browser.open(path).text().contains("You will be <b>eve</b>, viewer of the team anns"));
    let accept = |password: &str, again: &str| {
        browser.submit("/invite", &[("code", code), ("password", password), ("again", again)])
    };
    assert!(accept("a good password", "another").text().contains("The two passwords differ"));
    assert!(accept("short", "short").text().contains("expected at least 10 characters, found 5"));
    assert_eq!(accept("a good password", "a good password").status, 303);
    let me = browser.open("/api/v1/me").expect(200);
    assert_eq!((&me["name"], &me["teams"][0]["name"]), (&json!("eve"), &json!("anns")));
    let other = Browser::new(&lab.server);
    assert_eq!(other.open(path).status, 404, "it was accepted");

    // A viewer reads what the team has and makes nothing.
    let run = json!({"experiment": super::server::tiny_experiment("eves")});
    Answer::of(browser.request("POST", "/api/v1/runs").json(&run)).expect_problem(403, "forbidden");
    let user = lab.send(&root, "GET", "/api/v1/users", &Value::Null).expect(200)["items"][0].clone();
    let path = format!("/api/v1/users/{}", user["id"].as_str().expect("an id"));
    assert_eq!(lab.send(&root, "PATCH", &path, &json!({"role": "member"})).expect(200)["role"], "member");
    Answer::of(browser.request("POST", "/api/v1/runs").json(&run)).expect(201);
    lab.send(&root, "PATCH", &path, &json!({"disabled": true})).expect(200);
    browser.open("/api/v1/me").expect_problem(401, "unauthenticated");
}

#[test]
fn an_invitation_whose_name_was_taken_meanwhile_is_answered_with_a_page() {
    let lab = Lab::open();
    let root = lab.token("root", "read,admin");
    let body = json!({"name": "eve", "role": "viewer", "team": "anns"});
    let made = lab.send(&root, "POST", "/api/v1/invitations", &body).expect(201);
    let path = made["path"].as_str().expect("a path");
    lab.server.hrm(&["user", "add", "Eve", "--role", "viewer", "--team", "anns"], "password of eve\n");
    let browser = Browser::new(&lab.server);
    browser.open(path);
    let code = path.strip_prefix("/invite?code=").expect("a code");
    let fields = [("code", code), ("password", "a good password"), ("again", "a good password")];
    let answer = browser.submit("/invite", &fields);
    assert_eq!((answer.status, answer.header("content-type")), (422, "text/html; charset=utf-8"));
    assert!(answer.text().contains("A user of this name is there by now"), "{}", answer.text());
}

#[test]
fn tokens_make_no_tokens_and_end_at_once() {
    let lab = Lab::open();
    let ann = lab.token("ann", "read,write");
    let request = json!({"name": "another", "scopes": ["read"]});
    lab.send(&ann, "POST", "/api/v1/tokens", &request).expect_problem(403, "forbidden");
    let root = lab.token("root", "read,admin");
    let make = |change: Value| {
        let mut body = request.clone();
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        lab.send(&root, "POST", "/api/v1/tokens", &body)
    };
    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"scopes": []}), "scopes"),
        (json!({"scopes": ["write"]}), "scopes"),
        (json!({"days": 0}), "days"),
    ] {
        assert_eq!(make(change.clone()).expect_problem(422, "invalid-request")["field"], field, "{change}");
    }
    let made = make(json!({}));
    let (address, made) = (made.header("location").to_owned(), made.expect(201));
    let secret = made["secret"].as_str().expect("a secret");
    lab.send(secret, "GET", "/api/v1/me", &Value::Null).expect(200);
    // One that only looks takes no other away, not even itself.
    lab.send(secret, "DELETE", &address, &Value::Null).expect_problem(403, "forbidden");
    let listed = lab.server.hrm(&["token", "list", "root"], "");
    assert!(listed.contains("another") && !listed.contains(secret), "{listed}");
    assert_eq!(lab.send(&root, "DELETE", &address, &Value::Null).status, 204);
    lab.send(secret, "GET", "/api/v1/me", &Value::Null).expect_problem(401, "unauthenticated");
    lab.send(&root, "DELETE", &address, &Value::Null).expect_problem(404, "not-found");
    let basic = lab.server.request("GET", "/api/v1/me").basic_auth("ann", Some("password of ann"));
    let refused = Answer::of(basic);
    refused.expect_problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
}

#[test]
fn teams_are_made_and_filled_by_administrators() {
    let lab = Lab::open();
    let (root, ann) = (lab.token("root", "read,admin"), lab.token("ann", "read"));
    let team = lab.send(&root, "POST", "/api/v1/teams", &json!({"name": "both"})).expect(201);
    lab.send(&root, "POST", "/api/v1/teams", &json!({"name": "both"})).expect_problem(409, "conflict");
    let users = lab.send(&root, "GET", "/api/v1/users", &Value::Null).expect(200);
    let user = users["items"].as_array().into_iter().flatten().find(|user| user["name"] == "ann").expect("Ann");
    let [team, user] = [&team, user].map(|object| object["id"].as_str().expect("an id"));
    let (path, member) = (format!("/api/v1/teams/{team}"), format!("/api/v1/teams/{team}/members/{user}"));
    lab.send(&ann, "GET", &path, &Value::Null).expect_problem(404, "not-found");
    for _ in 0..2 {
        assert_eq!(lab.send(&root, "PUT", &member, &Value::Null).status, 204);
    }
    assert_eq!(lab.send(&ann, "GET", &path, &Value::Null).expect(200)["name"], "both");
    let members = lab.send(&ann, "GET", &format!("{path}/members"), &Value::Null).expect(200);
    assert_eq!((&members["items"][0]["name"], &members["items"][1]), (&json!("ann"), &Value::Null));
    lab.send(&ann, "PATCH", &path, &json!({"name": "anns-own"})).expect_problem(403, "forbidden");
    let problem = lab.send(&root, "PATCH", &path, &json!({"name": "a b"})).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "name");
    assert_eq!(lab.send(&root, "PATCH", &path, &json!({"name": "all"})).expect(200)["name"], "all");
    assert_eq!(lab.send(&root, "DELETE", &member, &Value::Null).status, 204);
    lab.send(&ann, "GET", &path, &Value::Null).expect_problem(404, "not-found");
    lab.send(&ann, "GET", &format!("{path}/members"), &Value::Null).expect_problem(404, "not-found");
    assert_eq!(lab.send(&root, "DELETE", &path, &Value::Null).status, 204);
    lab.send(&root, "GET", &path, &Value::Null).expect_problem(404, "not-found");
    // Somebody must be left who can manage the others.
    let root_user = users["items"].as_array().into_iter().flatten().find(|user| user["name"] == "root").expect("root");
    let path = format!("/api/v1/users/{}", root_user["id"].as_str().expect("an id"));
    lab.send(&root, "PATCH", &path, &json!({"role": "viewer"})).expect_problem(409, "conflict");
}
