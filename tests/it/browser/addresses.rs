//! The address and the board are about one puzzle, also where the address changes while the board is shown.

use super::{
    driver::journey,
    tab::{Tab, key},
};
use serde_json::json;

const PUZZLES: [&str; 2] = ["3.5...1.....5...6...4.31..64.5.5...6", "..13.4..6...........5.31.1.4.52.4.1."];

/// Waits until the givens on the board are those of a puzzle, which may be answered.
async fn until_asked(tab: &Tab, puzzle: &str) {
    let script = "const cells = [...document.querySelectorAll('[role=gridcell]')];
        const puzzle = [...'PUZZLE'];
        return cells.length === puzzle.length && document.querySelector('.verdict')
            && puzzle.every((digit, i) => (digit !== '.') === cells[i].getAttribute('aria-label').includes('given'));";
    tab.until(&script.replace("PUZZLE", puzzle)).await;
}

#[test]
fn the_board_follows_the_address() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        let example = tab.grid().await;
        tab.paste(PUZZLES[0]).await;
        tab.click("button[type=submit]").await;
        until_asked(&tab, PUZZLES[0]).await;
        assert!(tab.path().await.starts_with(&format!("/?s={}", PUZZLES[0])));

        // The link to this very page holds no puzzle.
        tab.click("header nav a[href='/']").await;
        tab.until("return !document.querySelector('.verdict')").await;
        tab.until_address("/").await;
        assert_eq!(tab.grid().await, example, "what stands there is what stands there at first");

        tab.paste(PUZZLES[1]).await;
        tab.click("button[type=submit]").await;
        until_asked(&tab, PUZZLES[1]).await;
        let second = tab.path().await;
        assert!(second.starts_with(&format!("/?s={}", PUZZLES[1])), "{second}");
        tab.run("history.back()").await;
        until_asked(&tab, PUZZLES[0]).await;
        let first = tab.path().await;
        assert!(first.starts_with(&format!("/?s={}", PUZZLES[0])), "{first}");
        tab.run("history.forward()").await;
        until_asked(&tab, PUZZLES[1]).await;
        assert_eq!(tab.path().await, second);
    });
}

#[test]
fn mazes_and_tasks_follow_the_address_too() {
    journey(|tab| async move {
        let cells = |css: &str| format!("document.querySelectorAll('{css} [role=gridcell]').length");
        tab.open("/solve/maze?m=S0101100G&draft=1").await;
        tab.until(&format!("return {} === 9", cells("#maze"))).await;
        tab.click("[aria-label='What to solve'] a[href='/solve/maze']").await;
        tab.until(&format!("return {} === 81", cells("#maze"))).await;
        tab.until_address("/solve/maze").await;
        tab.run("history.back()").await;
        tab.until(&format!("return {} === 9", cells("#maze"))).await;
        tab.until_address("/solve/maze?m=S0101100G&draft=1").await;

        tab.open("/solve/arc?draft=1#0!0!a!12_").await;
        let task = "return document.querySelector('[role=gridcell]') && [...document.querySelectorAll('[role=gridcell]')].map(cell => cell.textContent).length";
        let first = tab.until(task).await;
        tab.run("location.hash = '#0!0!b!123.456_'").await;
        tab.until(&format!("{task} > {first}")).await;
        tab.until_address("#0!0!b!123.456_").await;
        tab.run("history.back()").await;
        tab.until(&format!("{task} === {first}")).await;
    });
}

/// Holds back the first answer to a puzzle until the page is told to let it go.
const HOLD: &str = "
    const send = window.fetch;
    window.asked = 0;
    window.fetch = async request => {
        if (!new URL(request.url).pathname.endsWith('/solve') || request.method !== 'POST') return send.call(window, request);
        window.asked += 1;
        if (window.asked > 1) return send.call(window, request);
        const answer = await send.call(window, request);
        await new Promise(go => { window.letGo = go; });
        return answer;
    };";

#[test]
fn a_question_is_sent_while_the_one_before_is_on_its_way() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.run(HOLD).await;
        tab.paste(PUZZLES[0]).await;
        tab.click("button[type=submit]").await;
        // Pressed twice it is asked once.
        tab.click("button[type=submit]").await;
        assert_eq!(tab.run("return window.asked").await, json!(1));
        tab.paste(PUZZLES[1]).await;
        tab.click("button[type=submit]").await;
        until_asked(&tab, PUZZLES[1]).await;
        // The answer that nobody waits for any more changes nothing.
        let shown = "return [document.querySelector('.verdict').textContent, location.search]";
        let before = tab.run(shown).await;
        tab.run_async(
            "const done = arguments[arguments.length - 1];
            const let_go = () => window.letGo ? (window.letGo(), setTimeout(() => done(true))) : setTimeout(let_go);
            let_go();",
        )
        .await;
        assert_eq!(tab.run(shown).await, before);
        assert_eq!(tab.text("button[type=submit]").await.lines().next(), Some("Solve"));
    });
}

#[test]
fn the_way_to_the_content_moves_the_focus_and_leaves_the_address() {
    journey(|tab| async move {
        let task = "/solve/arc?draft=1#0!0!a!12_";
        tab.open(task).await;
        tab.until("return document.querySelector('[role=gridcell]')").await;
        tab.tab_to(".skip").await;
        tab.press(key::ENTER).await;
        assert_eq!(tab.run("return document.activeElement.matches('main h1')").await, json!(true));
        assert_eq!(tab.path().await, task);
    });
}
