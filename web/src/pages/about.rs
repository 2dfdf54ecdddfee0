//! What the lab is about, and what its words mean.

use crate::components::page::Page;
use leptos::prelude::*;

/// A word with the name that links lead to, and what it means.
struct Word {
    id: &'static str,
    text: &'static str,
    meaning: &'static str,
}

const fn word(id: &'static str, text: &'static str, meaning: &'static str) -> Word {
    Word { id, text, meaning }
}

/// Of an answer.
const SOLVING: [Word; 6] = [
    word(
        "step",
        "step, or ACT step",
        "One round of thinking: the modules work through their cycles, and a whole answer can be read off. The player shows the \
         answer after every step.",
    ),
    word(
        "halting",
        "q_halt and q_continue",
        "What the model's halting head says after every step: what stopping is worth, and what going on is. It stops by itself when \
         q_halt is the larger; “halts by Q” means that it was let to.",
    ),
    word(
        "confidence",
        "sure of it",
        "The probability that the model gives to what it writes in a cell. It may be sure and wrong.",
    ),
    word(
        "attempts",
        "attempts, or views",
        "The same puzzle with digits renamed and rows and columns reordered, or turned and mirrored. A model that errs on a puzzle is \
         often right on another view of it; the rules tell which answer counts.",
    ),
    word(
        "solutions",
        "no solution, several solutions",
        "A Sudoku should have exactly one. That is counted beside the answer; no model is told, and none is to blame for a puzzle \
         without any.",
    ),
    word(
        "batch",
        "batch",
        "Many puzzles that a worker solves one after another while you do something else. In training: sequences of one step.",
    ),
];

/// Of a training and its score.
const TRAINING: [Word; 8] = [
    word(
        "experiment",
        "experiment, run, seed",
        "An experiment is all settings of a training. A run is one training of it. The seed draws the first weights and the order of the \
         puzzles: the same seed gives the same model, another one tells how much is luck.",
    ),
    word(
        "exact",
        "exact",
        "The share of puzzles whose every cell is right. “Cells right” counts cells, which says little: a Sudoku with one wrong cell is \
         not solved.",
    ),
    word(
        "interval",
        "95 % interval",
        "Where the true share lies, as far as so many puzzles and seeds can tell. The rank of a leaderboard's row is one more than the \
         number of rows whose whole intervals are better, so that rows that cannot be told apart may share one.",
    ),
    word(
        "protocol",
        "protocol",
        "How a score was measured: halting by Q or after exactly so many steps, with how many attempts, on how many puzzles. Scores \
         of two protocols do not compare.",
    ),
    word(
        "verified",
        "measured here, claimed, and stated",
        "A verified score was measured here, from a stored checkpoint on a stored dataset. A claim came with an imported run. \
         A stated score is what a model that comes with the program reached before it shipped; it stands until the model is measured \
         here.",
    ),
    word(
        "knows",
        "knows when it is right",
        "How often the halting head's last word on an answer agrees with the rules, right answers and wrong ones alike.",
    ),
    word(
        "leak",
        "leak",
        "A test puzzle that is trained on, as it is or in a symmetric form. A score on it says less than it seems to.",
    ),
    word(
        "split",
        "train, validation, test",
        "Puzzles to learn from, puzzles to look at meanwhile, and puzzles that choose nothing and are asked at the end.",
    ),
];

/// The page at `/about`.
#[component]
pub(crate) fn AboutPage() -> impl IntoView {
    // Links lead to a word, which was not there yet when the router looked for it.
    request_animation_frame(|| {
        let word = window().location().hash().unwrap_or_default();
        if let Some(word) = document().get_element_by_id(word.trim_start_matches('#')) {
            word.scroll_into_view();
        }
    });
    view! {
        <Page title="About" lead="Small networks that think in rounds, and what their scores are worth.">
            <section class="part" aria-labelledby="models-title">
                <h2 id="models-title">"The models"</h2>
                <p class="prose">
                    "A Hierarchical Reasoning Model ("<a href="https://arxiv.org/abs/2506.21734" rel="external">"HRM"</a>
                    ") reads a puzzle and works on it with two small networks, a slow one that plans and a fast one that works out, again and again, until a part of it that has learned to judge its own answer says stop. A Tiny Recursive Model ("
                    <a href="https://arxiv.org/abs/2510.04871" rel="external">"TRM"</a>
                    ") does the same with one network. Nobody tells either the rules: they learn from about a thousand to a hundred thousand solved puzzles, and nothing here corrects what they answer."
                </p>
            </section>
            <section class="part" aria-labelledby="begin-title">
                <h2 id="begin-title">"Where to begin"</h2>
                <ol class="prose">
                    <li><a href="/">"Solve a puzzle"</a>": press Solve, then play the steps and watch what changes."</li>
                    <li>
                        "Train a model of your own: "<a href="/runs/new">"New run"</a>
                        " begins with a 4 × 4 Sudoku that a laptop learns in minutes; its curve grows while you look."
                    </li>
                    <li>
                        "Ask it: on the page of its model, or under Model where you solve. Then see where it stands among "
                        <a href="/leaderboard">"the leaderboards"</a>"."
                    </li>
                </ol>
            </section>
            {words("solving", "Words of an answer", &SOLVING)}
            {words("training", "Words of a training and its score", &TRAINING)}
        </Page>
    }
}

fn words(id: &str, title: &'static str, words: &'static [Word]) -> impl IntoView + use<> {
    let id = format!("{id}-title");
    let entries = words.iter().map(|Word { id, text, meaning }| {
        view! { <div id=*id><dt>{*text}</dt><dd>{*meaning}</dd></div> }
    });
    view! {
        <section class="part" aria-labelledby=id.clone()>
            <h2 id=id.clone()>{title}</h2>
            <dl class="words">{entries.collect_view()}</dl>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::{SOLVING, TRAINING};
    use std::collections::BTreeSet;

    #[test]
    fn every_word_can_be_linked_to() {
        let ids: BTreeSet<&str> = SOLVING.iter().chain(&TRAINING).map(|word| word.id).collect();
        assert_eq!(ids.len(), SOLVING.len() + TRAINING.len());
    }
}
