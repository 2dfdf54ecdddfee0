//! Puzzles typed, pasted, solved and played in the browser.

use super::{
    driver::journey,
    tab::{Tab, key},
};
use hrm_types::sudoku::Grid;
use serde_json::json;

/// Puzzles with one solution and many givens, of a seed that no shipped experiment trains on.
const PUZZLES: [&str; 4] = [
    "3.5...1.....5...6...4.31..64.5.5...6",
    "..13.4..6...........5.31.1.4.52.4.1.",
    "2.63..3.....5..624......6.5..2..3.6.",
    ".2.14.6.4...1...6.5..2...36......62.",
];

/// Waits for the verdict and checks it: the page may call an answer solved only if it is.
async fn verdict(tab: &Tab, puzzle: &Grid) -> bool {
    let said = tab.until("return document.querySelector('.verdict')?.textContent").await;
    let said = said.as_str().expect("a text");
    tab.run("document.querySelector('[aria-label=\"Last step\"]').click()").await;
    tab.until("return document.querySelector('.player-step').textContent.match(/Step (\\d+) of \\1$/)").await;
    let solved = tab.grid().await.solves(puzzle);
    assert_eq!(said.starts_with("Solved in "), solved, "{said}");
    assert_eq!(said.starts_with("Not a solution: "), !solved, "{said}");
    solved
}

#[test]
fn pasted_puzzles_are_solved_and_played() {
    journey(|tab| async move {
        tab.open("/").await;
        assert_eq!(tab.title().await, "Solve a Sudoku · HRM Lab");
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        let mut solved = 0;
        for line in PUZZLES {
            let puzzle: Grid = line.parse().expect("a puzzle");
            tab.paste(&drawn(&puzzle)).await;
            assert_eq!(tab.grid().await, puzzle, "the pasted puzzle stands on the board");
            assert_eq!(tab.text(".board-said").await, "A 6 × 6 puzzle with 13 givens.");
            tab.click("button[type=submit]").await;
            solved += usize::from(verdict(&tab, &puzzle).await);
        }
        assert!(solved >= 2, "the shipped model solved {solved} of {} easy puzzles", PUZZLES.len());

        play_back_and_forth(&tab).await;
        let link = tab.path().await;
        assert!(link.starts_with(&format!("/?s={}", PUZZLES[3])), "{link}");
        let answer = tab.grid().await;
        tab.open(&link).await;
        verdict(&tab, &PUZZLES[3].parse().expect("a puzzle")).await;
        assert_eq!(tab.grid().await, answer, "the link gives the same answer again");
    });
}

/// A grid as people draw it.
fn drawn(grid: &Grid) -> String {
    let row = |row: &Vec<u8>| {
        let digits: Vec<String> = row.iter().map(u8::to_string).collect();
        format!("| {} |", digits.join(" | "))
    };
    grid.rows().iter().map(row).collect::<Vec<_>>().join("\n")
}

/// Steps are asked for one by one, so that there are some to go through whatever the model would do.
async fn play_back_and_forth(tab: &Tab) {
    tab.run("document.querySelectorAll('input[name=steps]')[1].click()").await;
    tab.fill("[aria-label='Number of steps']", "4").await;
    tab.click("button[type=submit]").await;
    tab.until("return document.querySelector('.player-step')?.textContent.endsWith('of 4')").await;
    let at = |step: u32| format!("return document.querySelector('.player-step').textContent === 'Step {step} of 4'");
    tab.click("[aria-label='First step']").await;
    tab.until(&at(1)).await;
    let first = tab.grid().await;
    tab.click("[aria-label='Next step']").await;
    tab.until(&at(2)).await;
    tab.press(key::RIGHT).await;
    tab.until(&at(3)).await;
    tab.press(key::LEFT).await;
    tab.until(&at(2)).await;
    tab.click(".player-slider").await;
    tab.press(key::END).await;
    tab.until(&at(4)).await;
    tab.press(key::HOME).await;
    tab.until(&at(1)).await;
    assert_eq!(tab.grid().await, first, "a step looks the same each time");
    tab.click("[aria-label=Play]").await;
    tab.until(&at(4)).await;
    let sure = tab.run("return document.querySelectorAll('.cell.answer[aria-label*=\"% sure\"]').length").await;
    assert!(sure.as_u64() > Some(0), "cells say how sure the model is");
}

/// A puzzle that the model that ships gets wrong as it is.
const HARD: &str = ".3...5........1......65...2..64...13";

#[test]
fn after_a_wrong_answer_the_model_may_see_the_puzzle_in_other_ways() {
    journey(|tab| async move {
        let puzzle: Grid = HARD.parse().expect("a puzzle");
        tab.open(&format!("/?s={HARD}&model=sudoku-6x6")).await;
        assert!(!verdict(&tab, &puzzle).await, "wrong as it is");
        assert_eq!(tab.text(".again .hint").await, "The same puzzle, digits renamed, rows and columns reordered.");
        tab.press_button("Try up to 32 views of it").await;
        let said = "const said = document.querySelector('.verdict.good')?.textContent; return said";
        let said = tab.until(said).await;
        let said = said.as_str().expect("a text").to_owned();
        assert!(said.starts_with("Solved at attempt "), "{said}");
        tab.run("document.querySelector('[aria-label=\"Last step\"]').click()").await;
        tab.until("return document.querySelector('.player-step').textContent.match(/Step (\\d+) of \\1$/)").await;
        let answer = tab.grid().await;
        assert!(answer.solves(&puzzle), "brought back to the puzzle as it was typed");
        assert!(tab.text(".seen figcaption").await.starts_with("What the model saw at attempt "));
        assert_eq!(tab.run("return document.querySelector('.again')").await, json!(null), "there is nothing to mend");

        let link = tab.path().await;
        assert!(link.contains("&attempts=32"), "{link}");
        tab.open(&link).await;
        tab.until("return document.querySelector('.verdict.good')").await;
        assert_eq!(tab.run("return document.querySelector('#attempts').value").await, json!("32"));
    });
}

/// A puzzle that a model that ships answers too early, and solves when it takes all its steps.
const HASTY: &str = ".4.....324..2..3...5.12....6326...4.";

#[test]
fn after_a_wrong_answer_that_came_early_the_model_may_take_all_its_steps() {
    journey(|tab| async move {
        let puzzle: Grid = HASTY.parse().expect("a puzzle");
        tab.open(&format!("/?s={HASTY}&model=trm-sudoku-6x6")).await;
        assert!(!verdict(&tab, &puzzle).await, "wrong where it stops by itself");
        assert_eq!(tab.text(".again .hint").await, "It chose to stop before.");
        tab.press_button("Let it take all its 8 steps").await;
        let said = tab.until("return document.querySelector('.verdict.good')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.starts_with("Solved in 8 steps")), "{said}");
        assert!(tab.path().await.contains("&steps=8"), "its link says so");
        let by_itself = "return document.querySelector('input[name=steps]').checked";
        assert_eq!(tab.run(by_itself).await, json!(true), "the next puzzle is asked as it was chosen");
    });
}

#[test]
fn a_puzzle_is_typed_and_solved_without_a_mouse() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.tab_to("[role=grid] [tabindex='0']").await;
        let label = "return document.activeElement.getAttribute('aria-label')";
        assert_eq!(tab.run(label).await, json!("row 1 column 1, given 3"));
        tab.press(key::DELETE).await;
        assert_eq!(tab.run(label).await, json!("row 1 column 1, empty"));
        tab.press(key::DOWN).await;
        tab.press(key::DOWN).await;
        tab.press(key::END).await;
        assert_eq!(tab.run(label).await, json!("row 3 column 6, empty"));
        tab.press("2").await;
        assert_eq!(tab.run(label).await, json!("row 3 column 6, given 2"));
        let typed = tab.grid().await;
        assert_eq!(typed.to_string(), "...5...4..2.5..6.2.6..1..3...4..23..");

        tab.press(&format!("{}z", key::CONTROL)).await;
        assert_eq!(tab.run(label).await, json!("row 3 column 6, empty"));
        tab.press(&format!("{}y", key::CONTROL)).await;
        assert_eq!(tab.grid().await, typed, "redo brings it back");

        // 5 stands in this row already.
        tab.press(key::LEFT).await;
        tab.press("5").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.contains("5 stands twice in row 3")), "{said}");
        assert_eq!(tab.run("return document.querySelectorAll('.cell.wrong').length >= 2").await, json!(true));
        tab.press(key::ENTER).await;
        assert_eq!(tab.run("return document.querySelector('.verdict')").await, json!(null), "nothing was asked");
        tab.press(&format!("{}z", key::CONTROL)).await;

        tab.press(key::ENTER).await;
        verdict(&tab, &typed).await;
    });
}

#[test]
fn a_puzzle_that_was_not_asked_outlives_a_reload() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        // A button that was pressed leaves the keys to the board, but those that press it.
        tab.press_button("4 × 4").await;
        tab.press_button("Clear").await;
        tab.press("3").await;
        assert_eq!(tab.grid().await.to_string(), "3...............");
        assert_eq!(tab.run("return document.activeElement.id").await, json!("cell-0"));
        tab.run("[...document.querySelectorAll('.tools button')].find(b => b.textContent === 'Clear').focus()").await;
        tab.press(key::ENTER).await;
        assert_eq!(tab.grid().await.to_string(), "................", "Enter presses the button");
        tab.press(key::RIGHT).await;
        tab.press("2").await;
        assert_eq!(tab.grid().await.to_string(), ".2..............");

        // The last of quick changes comes into the address a moment later.
        tab.until_address("/?s=.2..............&draft=1").await;
        tab.open(&tab.path().await).await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled), .controls .note')").await;
        assert_eq!(tab.grid().await.to_string(), ".2..............");
        assert_eq!(tab.run("return document.querySelector('.verdict')").await, json!(null), "it is asked by nobody");
    });
}

#[test]
fn a_bad_paste_says_what_is_wrong_and_keeps_the_grid() {
    journey(|tab| async move {
        tab.open("/").await;
        let before = tab.grid().await;
        tab.paste("123").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        assert_eq!(said, "That is no puzzle: expected 16, 36 or 81 cells (side 4, 6 or 9), found 3.");
        tab.paste(&"7".repeat(16)).await;
        let wrong = "That is no puzzle: row 1, column 1: expected 1 to 4";
        tab.until(&format!("return document.querySelector('.board-said .bad')?.textContent.startsWith('{wrong}')"))
            .await;
        assert_eq!(tab.grid().await, before);
        tab.paste("S #\n# #\n# G").await;
        tab.until("return document.querySelector('.board-said .bad a[href=\"/solve/maze\"]')").await;
        // A list of puzzles gives its first.
        tab.paste("12..34..........\n................").await;
        assert_eq!(tab.grid().await.to_string(), "12..34..........");
        tab.press_button("Undo").await;
        assert_eq!(tab.grid().await, before);
    });
}

#[test]
fn a_link_without_a_puzzle_says_so_and_asks_nothing() {
    journey(|tab| async move {
        tab.open("/?s=zzz").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        assert_eq!(said, "The link holds no puzzle: expected 16, 36 or 81 cells (side 4, 6 or 9), found 3.");
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        assert_eq!(tab.run("return document.querySelector('.verdict')").await, json!(null), "nothing was asked");
        assert_eq!(tab.path().await, "/?s=zzz");
    });
}

#[test]
fn several_cells_are_selected_and_marked() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.paste("12..34..........").await;
        tab.click("#cell-2").await;
        let label = |cell: u32| format!("return document.querySelector('#cell-{cell}').getAttribute('aria-label')");
        // Shift and the arrows select, Shift and a digit marks.
        tab.press(&format!("{}{}{}", key::SHIFT, key::RIGHT, key::DOWN)).await;
        let selected = "return document.querySelectorAll('[role=gridcell][aria-selected=true]').length";
        assert_eq!(tab.run(selected).await, json!(4));
        tab.press_code("!", "Digit1", true).await;
        assert_eq!(tab.run(&label(2)).await, json!("row 1 column 3, empty, marks 1"));
        assert_eq!(tab.run(&label(7)).await, json!("row 2 column 4, empty, marks 1"));
        assert_eq!(tab.run(&label(0)).await, json!("row 1 column 1, given 1"));
        // Space turns digits into marks and back.
        tab.press(" ").await;
        assert_eq!(
            tab.run("return document.querySelector('.pencil').getAttribute('aria-pressed')").await,
            json!("true")
        );
        tab.press("2").await;
        assert_eq!(tab.run(&label(3)).await, json!("row 1 column 4, empty, marks 1 2"));
        tab.press(" ").await;
        tab.press_button("Undo").await;
        assert_eq!(tab.run(&label(3)).await, json!("row 1 column 4, empty, marks 1"));
        tab.click("#cell-15").await;
        assert_eq!(tab.run(selected).await, json!(1));
        tab.press("4").await;
        assert_eq!(tab.grid().await.to_string(), "12..34.........4");
        // On French keyboards the digits are written with Shift.
        tab.click("#cell-13").await;
        tab.press_code("3", "Digit3", true).await;
        assert_eq!(tab.grid().await.to_string(), "12..34.......3.4");
    });
}

#[test]
fn a_puzzle_is_pasted_without_a_keyboard() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('[role=gridcell]')").await;
        // As on plain http, where the browser tells no page what is on the clipboard.
        tab.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })").await;
        tab.press_button("Paste").await;
        tab.until("return document.activeElement.matches('.paste textarea')").await;
        tab.run("document.querySelector('.paste textarea').value = '1,2,,\\n3,4,,\\n,1,,4\\n,3,,'").await;
        tab.press_button("Take it").await;
        tab.until("return document.querySelector('.board-said').textContent.includes('4 × 4')").await;
        assert_eq!(tab.grid().await.to_string(), "12..34...1.4.3..");
        assert_eq!(tab.run("return document.activeElement.textContent").await, json!("Paste"));
    });
}
