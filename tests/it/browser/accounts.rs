//! Accounts: signing in and out, inviting and being invited, tokens, roles, and the way back after a session ended.

use super::{
    axe,
    driver::{Screen, built_page, has_browser, journey, journey_at},
    places,
    tab::Tab,
};
use crate::api::server::{Answer, Server};
use serde_json::json;

/// A server with an administrator Ann.
pub(super) fn lab() -> Server {
    let server = Server::with_page(&built_page());
    server.hrm(&["user", "add", "ann"], "password of ann\n");
    // The server notices within a second.
    while server.get("/api/v1/me").status != 401 {}
    server
}

/// Whoever opens a link before signing in comes to where it leads.
async fn signing_in_leads_to(tab: &Tab, link: &str) {
    tab.open(link).await;
    tab.until("return location.pathname === '/login'").await;
    sign_in(tab, "bob").await;
    assert_eq!(tab.path().await, link);
}

pub(super) async fn sign_in(tab: &Tab, name: &str) {
    tab.fill("[name=name]", name).await;
    tab.fill("[name=password]", &format!("password of {name}")).await;
    tab.click("button").await;
    tab.until("return document.querySelector('.top .sign-out')").await;
}

#[test]
fn without_accounts_the_page_says_how_the_first_one_is_made() {
    journey(|tab| async move {
        tab.open("/team").await;
        let said = tab.until("return document.querySelector('.part')?.textContent").await;
        assert!(said.as_str().is_some_and(|text| text.contains("hrm user add ann")), "{said}");
        assert_eq!(tab.run("return document.querySelector('.sign-out')").await, json!(null));
    });
}

async fn a_viewer_is_offered_nothing_to_change(tab: &Tab) {
    places::open(tab, "/datasets").await;
    tab.until("return !document.querySelector('#generate-name')").await;
    places::open(tab, "/runs").await;
    tab.until("return !document.querySelector('main a[href^=\"/runs/new\"]')").await;
    places::open(tab, "/runs/new").await;
    tab.until("return !document.querySelector('.new-run') && document.body.textContent.includes('ask an admin')").await;
    places::open(tab, "/team").await;
    tab.until("return document.querySelector('.page-actions a[href=\"/password\"]')").await;
}

#[test]
fn people_sign_in_invite_others_make_tokens_and_come_back_to_where_they_were() {
    if !has_browser() {
        return;
    }
    let server = lab();
    let address = server.address().to_owned();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/models").await;
        assert!(tab.path().await.starts_with("/login?next="), "{}", tab.path().await);
        if let Some(axe) = axe::program() {
            let found = axe::findings(&tab, &axe).await;
            assert!(found.is_empty(), "{found:?}");
        }
        sign_in(&tab, "ann").await;
        assert_eq!(tab.path().await, "/models");

        // A token is shown once, and works.
        places::open(&tab, "/team").await;
        tab.until("return document.querySelector('#token-name')").await;
        tab.fill("#token-name", "notebook").await;
        tab.fill("#token-days", "many").await;
        tab.press_button("Make it").await;
        assert_eq!(
            tab.until("return document.querySelector('.field.invalid .hint')?.textContent").await,
            "expected a whole number, found \"many\""
        );
        tab.fill("#token-days", "30").await;
        tab.press_button("Make it").await;
        let secret = tab.until("return document.querySelector('.secret code')?.textContent").await;
        let secret = secret.as_str().expect("a secret").to_owned();
        let asked = reqwest::Client::new().get(format!("{address}/api/v1/me")).bearer_auth(&secret).send().await;
        assert_eq!(asked.expect("an answer").status(), 200);
        tab.press_button("Done").await;
        tab.until("return !document.querySelector('.secret')").await;
        tab.press_button("End").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until("return document.body.textContent.includes('No program has a token of yours.')").await;
        let asked = reqwest::Client::new().get(format!("{address}/api/v1/me")).bearer_auth(&secret).send().await;
        assert_eq!(asked.expect("an answer").status(), 401);

        // A team, an invitation to it, and one that is taken back.
        tab.fill("#team-name", "puzzlers").await;
        tab.click("form:has(#team-name) button").await;
        tab.until("return [...document.querySelectorAll('#invite-team option')].some(o => o.value === 'puzzlers')")
            .await;
        tab.run("const team = document.querySelector('#invite-team'); team.value = 'puzzlers'; team.dispatchEvent(new Event('change', { bubbles: true }))").await;
        tab.fill("#invite-name", "eve").await;
        tab.press_button("Invite").await;
        tab.until("return document.querySelector('.secret code')?.textContent").await;
        tab.until("return [...document.querySelectorAll('.team-rows th')].some(th => th.textContent === 'eve')").await;
        tab.press_button("Take back").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until("return ![...document.querySelectorAll('.team-rows th')].some(th => th.textContent === 'eve')").await;
        tab.fill("#invite-name", "bob").await;
        tab.press_button("Invite").await;
        let link = tab.until("const link = document.querySelector('.secret code')?.textContent; return [...document.querySelectorAll('.team-rows th')].some(th => th.textContent === 'bob') && link").await;
        let link = link.as_str().expect("an address").trim_start_matches(&address).to_owned();

        tab.click(".top .sign-out").await;
        tab.until("return location.pathname === '/login'").await;
        tab.open(&link).await;
        tab.fill("[name=password]", "password of bob").await;
        tab.fill("[name=again]", "password of bob").await;
        tab.click("button").await;
        tab.until("return document.querySelector('.top .sign-out')").await;

        // A member sees no administration, and what a role does not allow is not offered.
        places::open(&tab, "/team").await;
        tab.until("return document.querySelector('#token-name')").await;
        assert_eq!(tab.run("return document.querySelector('#invite-name')").await, json!(null));
        assert!(tab.text(".part").await.contains("puzzlers"));

        // Who is not signed in any more is told so, loses nothing that was typed, and is led to the door and back to the same page.
        tab.open("/datasets?a=b#c").await;
        tab.until("return document.querySelector('#generate-name')").await;
        tab.run_async("const done = arguments[0]; fetch('/api/v1/me/session', { method: 'DELETE', headers: { 'x-requested-with': 'test' } }).then(() => done(true))").await;
        tab.fill("#generate-name", "typed").await;
        tab.click(".generate button[type=submit]").await;
        tab.until("return document.querySelector('.session-ended')").await;
        assert_eq!(tab.run("return document.querySelector('#generate-name').value").await, json!("typed"));
        tab.press_button("Sign in here").await;
        tab.until("return location.pathname === '/login'").await;
        sign_in(&tab, "bob").await;
        assert_eq!(tab.path().await, "/datasets?a=b#c");

        // The administrator makes Bob a viewer, who is offered no way to change anything.
        tab.click(".top .sign-out").await;
        tab.until("return location.pathname === '/login'").await;
        sign_in(&tab, "ann").await;
        places::open(&tab, "/team").await;
        tab.until("return document.querySelector('[aria-label=\"Role of bob\"]')").await;
        tab.run("const role = document.querySelector('[aria-label=\"Role of bob\"]'); role.value = 'viewer'; role.dispatchEvent(new Event('change', { bubbles: true }))").await;
        tab.until("return document.querySelector('[aria-label=\"Change: Role of bob\"]')").await;
        tab.click("[aria-label='Change: Role of bob']").await;
        tab.until("return !document.querySelector('[aria-label=\"Change: Role of bob\"]')").await;
        tab.until_within(Tab::DEADLINE, "return !document.querySelector('.notice.bad')").await;
        if let Some(axe) = axe::program() {
            let found = axe::findings(&tab, &axe).await;
            let serious: Vec<&String> =
                found.iter().filter(|one| one.starts_with("serious") || one.starts_with("critical")).collect();
            assert!(serious.is_empty(), "{serious:?}");
        }
        tab.click(".top .sign-out").await;
        tab.until("return location.pathname === '/login'").await;
        signing_in_leads_to(&tab, "/datasets?a=b#d").await;
        a_viewer_is_offered_nothing_to_change(&tab).await;
    });
    // Whatever the page did, the server keeps what it says: a viewer makes nothing.
    let token = server.hrm(&["token", "create", "bob", "test", "--scopes", "read,write"], "");
    let made = server.request("POST", "/api/v1/datasets").bearer_auth(token).json(&json!({}));
    assert_eq!(Answer::of(made).status, 403);
}

/// Makes a team and puts the caller in it.
const JOIN: &str = "
    const done = arguments[arguments.length - 1];
    const call = (method, path, body) => fetch('/api/v1' + path, { method,
        headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) }).then(r => r.text());
    (async () => {
        const teams = JSON.parse(await call('GET', '/teams')).items;
        const users = JSON.parse(await call('GET', '/users')).items;
        const id = (all, name) => all.find(one => one.name === name).id;
        await call('PUT', `/teams/${id(teams, 'puzzlers')}/members/${id(users, 'ann')}`);
        done(JSON.parse(await call('GET', '/me')).teams.length);
    })();";

#[test]
fn who_is_in_several_teams_chooses_the_one_that_owns_what_is_made() {
    if !has_browser() {
        return;
    }
    let server = lab();
    server.hrm(&["user", "add", "bob", "--role", "member", "--team", "puzzlers"], "password of bob\n");
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/login?next=/datasets").await;
        sign_in(&tab, "ann").await;
        tab.until("return document.querySelector('#generate-name')").await;
        assert_eq!(tab.run("return document.querySelector('.team-choice, .for-team')").await, json!(null), "no choice");
        assert_eq!(tab.run_async(JOIN).await, json!(2));
        for (team, name) in [("puzzlers", "theirs"), ("local", "mine")] {
            tab.open("/datasets").await;
            let offered = "return document.querySelector('.team-choice select')?.options.length === 2";
            tab.until(offered).await;
            let choose = "const field = document.querySelector('.team-choice select');
                field.value = 'TEAM'; field.dispatchEvent(new Event('change', { bubbles: true }));";
            tab.run(&choose.replace("TEAM", team)).await;
            // The choice outlives the page.
            tab.open("/datasets").await;
            tab.until(&format!("return document.querySelector('.generate .for-team b')?.textContent === '{team}'"))
                .await;
            tab.fill("#generate-name", name).await;
            tab.fill("#generate-train", "5").await;
            tab.fill("#generate-test", "5").await;
            tab.click(".generate button[type=submit]").await;
            tab.until(&format!(
                "return [...document.querySelectorAll('.dataset h2')].some(h => h.textContent === '{name}')"
            ))
            .await;
        }
    });
    let token = server.hrm(&["token", "create", "bob", "test", "--scopes", "read"], "");
    let seen = Answer::of(server.request("GET", "/api/v1/datasets").bearer_auth(token)).expect(200);
    let names: Vec<&str> =
        seen["items"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["theirs"], "Bob sees what was made for his team");
}

/// Signs out and in as Bob, as one does in another tab.
const ELSEWHERE: &str = "
    const done = arguments[arguments.length - 1];
    (async () => {
        await fetch('/api/v1/me/session', { method: 'DELETE', headers: { 'content-type': 'application/json' } });
        const page = new DOMParser().parseFromString(await (await fetch('/login')).text(), 'text/html');
        const form = page.querySelector('[name=form]').value;
        const body = new URLSearchParams({ form, name: 'bob', password: 'password of bob', next: '/' });
        done((await fetch('/login', { method: 'POST', body })).ok);
    })();";

#[test]
fn nobody_acts_as_another_one_who_has_signed_in_elsewhere() {
    if !has_browser() {
        return;
    }
    let server = lab();
    server.hrm(&["user", "add", "bob", "--role", "member"], "password of bob\n");
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/login?next=/datasets").await;
        sign_in(&tab, "ann").await;
        tab.until("return document.querySelector('#generate-name')").await;
        assert_eq!(tab.run_async(ELSEWHERE).await, json!(true));
        tab.fill("#generate-name", "it-whose").await;
        tab.click(".generate button[type=submit]").await;
        // It is refused in words, and the page says who is signed in.
        tab.until("return document.querySelector('.generate .notice.bad')?.textContent.includes('bob')").await;
        tab.until("return document.querySelector('.session-ended')?.textContent.includes('no longer ann')").await;
        tab.until("return document.querySelector('.top-end a[href=\"/team\"]').textContent === 'bob'").await;
        tab.press_button("Load it again").await;
        tab.until("return document.querySelector('#generate-name') && !document.querySelector('.session-ended')").await;
    });
}
