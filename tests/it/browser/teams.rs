//! Teams: who is in one, and what an administrator may do to it.

use super::{
    accounts::{lab, sign_in},
    axe,
    driver::{Screen, has_browser, journey_at},
    places,
    tab::{Tab, key},
};
use crate::api::server::Answer;
use serde_json::json;

/// The teams in the table of all, with the row of that one.
fn row(team: &str) -> String {
    let rows = "[...document.querySelectorAll('[aria-labelledby=teams-title] tbody tr')]";
    format!("const row = {rows}.find(row => row.querySelector('th').textContent.startsWith('{team}'));")
}

/// Presses the button of that name in the row of a team.
async fn press_in_row(tab: &Tab, team: &str, button: &str) {
    let found = "[...row.querySelectorAll('button')].find(one => one.textContent.startsWith('BUTTON'))";
    let press = format!("{} {}.click()", row(team), found.replace("BUTTON", button));
    tab.run(&press).await;
}

async fn is_listed(tab: &Tab, team: &str) {
    tab.until(&format!("{} return row", row(team))).await;
}

/// Gives a team another name, by keyboard.
async fn rename(tab: &Tab, team: &str, name: &str) {
    tab.fill(&format!("[aria-label='New name of the team {team}']"), name).await;
    tab.press(key::ENTER).await;
}

#[test]
fn a_team_is_renamed_and_deleted_by_an_administrator() {
    if !has_browser() {
        return;
    }
    let server = lab();
    server.hrm(&["user", "add", "bob", "--role", "member", "--team", "puzzlers"], "password of bob\n");
    server.hrm(&["user", "add", "eve", "--role", "viewer", "--team", "readers"], "password of eve\n");
    let token = server.hrm(&["token", "create", "bob", "test", "--scopes", "read,write"], "");
    let dataset = json!({"name": "theirs", "generate": {"side": 4, "train": 5, "test": 5, "givens": [6, 9]}});
    Answer::of(server.request("POST", "/api/v1/datasets").bearer_auth(token).json(&dataset)).expect(201);
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/login?next=/team").await;
        sign_in(&tab, "ann").await;
        is_listed(&tab, "puzzlers").await;
        assert_eq!(tab.run(&format!("{} return row.querySelector('button')", row("local"))).await, json!(null));

        // The field has the focus at once; a name that is taken is refused beside it, in any case.
        press_in_row(&tab, "puzzlers", "Rename").await;
        tab.until("return document.activeElement.matches('.team-name input')").await;
        rename(&tab, "puzzlers", "Readers").await;
        let refused = tab.until("return document.querySelector('.team-rows .notice.bad p')?.textContent").await;
        assert!(refused.as_str().is_some_and(|words| !words.is_empty()), "{refused}");
        if let Some(axe) = axe::program() {
            let found = axe::findings(&tab, &axe).await;
            assert!(!found.iter().any(|one| one.starts_with("serious") || one.starts_with("critical")), "{found:?}");
        }
        rename(&tab, "puzzlers", "solvers").await;
        is_listed(&tab, "solvers").await;
        tab.until("return document.activeElement.textContent.startsWith('Rename')").await;
        assert_eq!(tab.run("return document.querySelector('.team-rows .notice.bad')").await, json!(null));
        // Whatever else on the page names it follows.
        tab.until("return [...document.querySelectorAll('#invite-team option')].some(o => o.value === 'solvers')")
            .await;
        tab.until(
            "return [...document.querySelectorAll('.membership .tag')].some(t => t.textContent.startsWith('solvers'))",
        )
        .await;

        // One that owns something stays, and it is said why.
        press_in_row(&tab, "solvers", "Delete").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until("return document.querySelector('.team-rows .notice.bad p')?.textContent.includes('dataset')").await;
        press_in_row(&tab, "readers", "Delete").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until(&format!("{} return !row", row("readers"))).await;
        assert_eq!(tab.run("return document.activeElement.id").await, json!("teams-title"));
        tab.until("return document.body.textContent.includes('readers is deleted.')").await;
        is_listed(&tab, "solvers").await;
    });
}

#[test]
fn a_member_sees_who_else_is_in_the_team() {
    if !has_browser() {
        return;
    }
    let server = lab();
    for name in ["bob", "eve"] {
        let password = format!("password of {name}\n");
        server.hrm(&["user", "add", name, "--role", "member", "--team", "puzzlers"], &password);
    }
    server.hrm(&["user", "add", "dan", "--role", "member", "--team", "others"], "password of dan\n");
    journey_at(server.address(), Screen::Phone, |tab| async move {
        tab.open("/login?next=/team").await;
        sign_in(&tab, "bob").await;
        places::open(&tab, "/team").await;
        let people = "return document.querySelectorAll('.team-people .tag').length === 2
            && [...document.querySelectorAll('.team-people .tag')].map(tag => tag.textContent)";
        assert_eq!(tab.until(people).await, json!(["bob member, you", "eve member"]));
        assert_eq!(tab.text("#mine-title").await, "Your team");
        assert_eq!(tab.run("return document.querySelector('#teams-title')").await, json!(null));
    });
}
