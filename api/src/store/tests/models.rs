//! Checkpoints and the leaderboard.

use super::{dataset, info, puzzles, score, spec};
use crate::store::access::Viewer;
use crate::store::{
    Error, PgPool, artifacts, checkpoints,
    datasets::{self, NewDataset},
    evaluations,
    models::{self, ModelFilter},
    provenance, runs, shipped,
    slices::Slice,
    teams,
    testing::database,
};
use hrm_model::shipped::CHECKPOINTS;
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::{Evaluation, Halting, Protocol},
    ids::{CheckpointId, DatasetId, EvaluationId, TeamId},
};

/// A checkpoint that a run of this name trained.
pub(super) async fn trained(pool: &PgPool, name: &str) -> CheckpointId {
    let run = super::queue(pool, name).await;
    let mut tx = pool.begin().await.expect("a transaction");
    let file = artifacts::store(&mut tx, name.as_bytes()).await.expect("an artifact");
    let stored = checkpoints::create(&mut tx, name, Some(run.id), &info(name), &file).await;
    tx.commit().await.expect("the commit");
    stored.expect("a checkpoint")
}

pub(super) async fn measure(pool: &PgPool, model: CheckpointId, set: DatasetId, split: Split, score: &Evaluation) {
    let mut connection = pool.acquire().await.expect("a connection");
    evaluations::create(&mut connection, model, set, split, score, None).await.expect("a score");
}

#[tokio::test]
async fn the_leaderboard_ranks_whole_test_splits_and_shares_ranks() {
    let db = database().await;
    let (set, other) = (dataset(&db.pool, "set", 1).await, dataset(&db.pool, "other", 2).await);
    for (name, exact) in [("poor", 1), ("good", 5), ("fine", 3), ("fair", 3)] {
        let model = trained(&db.pool, name).await;
        measure(&db.pool, model, set.id, Split::Test, &score(exact, 6)).await;
    }
    let elsewhere = trained(&db.pool, "elsewhere").await;
    measure(&db.pool, elsewhere, other.id, Split::Test, &score(6, 6)).await;
    measure(&db.pool, elsewhere, set.id, Split::Test, &score(5, 5)).await;
    measure(&db.pool, elsewhere, set.id, Split::Train, &score(6, 6)).await;
    let claimed = trained(&db.pool, "claimed").await;
    measure(&db.pool, claimed, set.id, Split::Test, &score(6, 6)).await;
    let claim = "UPDATE evaluations SET claimed = true WHERE checkpoint_id = $1";
    sqlx::query(claim).bind(claimed.0).execute(&db.pool).await.expect("a claim");

    let board = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, None, 10).await.expect("a page");
    let rows: Vec<_> = board.items.iter().map(|row| (row.rank, row.model.as_str(), row.evaluation.exact)).collect();
    let ranked = [(Some(1), "good", 5), (Some(2), "fine", 3), (Some(2), "fair", 3), (Some(4), "poor", 1)];
    assert_eq!(rows[..4], ranked);
    assert_eq!(rows[4..], [(None, "claimed", 6)], "whatever it claims");
    assert!(board.items.iter().all(|row| row.run_id.is_some() && row.train_seconds == Some(5.6)));

    let page = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, None, 2).await.expect("a page");
    let cursor = page.next_cursor.expect("a next page").parse().expect("an id");
    let page = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, Some(cursor), 2).await.expect("a page");
    assert_eq!(page.items, board.items[2..4]);
    let cursor = page.next_cursor.expect("a last page").parse().expect("an id");
    let page = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, Some(cursor), 2).await.expect("a page");
    assert_eq!((&page.items[..], page.next_cursor), (&board.items[4..], None));
    let nowhere = Some(EvaluationId(uuid::Uuid::now_v7()));
    let page = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, nowhere, 2).await;
    assert!(matches!(page, Err(Error::NotFound { what: "score", .. })), "{page:?}");
}

#[tokio::test]
async fn a_score_says_with_which_model_its_training_began() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let mut further = info("further");
    further.experiment.start_from = Some("a".repeat(64));
    let further = checkpoints::upload(&db.pool, "further", TeamId::LOCAL, &further, b"weights").await.expect("a model");
    for (model, exact) in [(further, 5), (trained(&db.pool, "drawn").await, 4)] {
        measure(&db.pool, model, set.id, Split::Test, &score(exact, 6)).await;
    }
    let board = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, None, 10).await.expect("a page");
    let began: Vec<_> = board.items.into_iter().map(|row| row.start_from).collect();
    assert_eq!(began, [Some("a".repeat(64)), None]);
}

#[tokio::test]
async fn the_newest_score_of_a_model_counts_under_each_protocol() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let model = trained(&db.pool, "model").await;
    let mut fixed = score(2, 6);
    fixed.protocol.halting = Halting::Fixed;
    for score in [score(6, 6), score(4, 6), fixed] {
        measure(&db.pool, model, set.id, Split::Test, &score).await;
    }
    let board = evaluations::leaderboard(&db.pool, &Viewer::Everything, set.id, None, 10).await.expect("a page");
    assert_eq!(board.items.iter().map(|row| row.evaluation.exact).collect::<Vec<_>>(), [4, 2]);
}

#[tokio::test]
async fn a_model_is_shown_with_its_newest_score_of_a_whole_test_split() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let model = trained(&db.pool, "model").await;
    let shown = async || {
        let model = models::get(&db.pool, &Viewer::Everything, model).await.expect("the model");
        model.evaluation.map(|score| (score.exact, score.n))
    };
    measure(&db.pool, model, set.id, Split::Train, &score(6, 6)).await;
    assert_eq!(shown().await, None, "what it was trained on says nothing");
    let mut part = score(2, 2);
    (part.protocol.limit, part.of) = (Some(2), Some(6));
    measure(&db.pool, model, set.id, Split::Test, &part).await;
    assert_eq!(shown().await, Some((2, 2)), "a part is better than nothing");
    for (exact, newer) in [(3, (3, 6)), (4, (4, 6))] {
        measure(&db.pool, model, set.id, Split::Test, &score(exact, 6)).await;
        assert_eq!(shown().await, Some(newer));
    }
    measure(&db.pool, model, set.id, Split::Test, &part).await;
    assert_eq!(shown().await, Some((4, 6)), "a newer part of the split is no better score");
}

#[tokio::test]
async fn the_default_model_has_the_best_newest_standard_score_and_is_the_newest_of_equals() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let default =
        async || models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").name;
    let missing = models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await;
    assert!(matches!(missing, Err(Error::NotFound { what: "model", .. })), "{missing:?}");

    let early = trained(&db.pool, "early").await;
    assert_eq!(default().await, "early", "an unmeasured model is better than none");
    measure(&db.pool, early, set.id, Split::Test, &score(4, 6)).await;
    trained(&db.pool, "unmeasured").await;
    assert_eq!(default().await, "early");
    let late = trained(&db.pool, "late").await;
    measure(&db.pool, late, set.id, Split::Test, &score(4, 6)).await;
    assert_eq!(default().await, "late");
    measure(&db.pool, late, set.id, Split::Test, &score(3, 6)).await;
    assert_eq!(default().await, "early", "the newest score counts");

    let models = models::list(&db.pool, &Viewer::Everything, ModelFilter::default(), &Slice::newest(10))
        .await
        .expect("a page")
        .items;
    let defaults: Vec<_> = models.iter().filter(|model| model.default).map(|model| model.name.as_str()).collect();
    assert_eq!(defaults, ["early"]);
}

#[tokio::test]
async fn scores_that_cannot_be_compared_choose_no_default() {
    let db = database().await;
    let (set, other) = (dataset(&db.pool, "set", 1).await, dataset(&db.pool, "other", 2).await);
    let default =
        async || models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").name;
    let (fair, better) = (trained(&db.pool, "fair").await, trained(&db.pool, "better").await);
    measure(&db.pool, fair, set.id, Split::Test, &score(3, 6)).await;
    measure(&db.pool, better, set.id, Split::Test, &score(4, 6)).await;
    assert_eq!(default().await, "better");
    let with = |change: fn(&mut Evaluation)| {
        let mut perfect = score(6, 6);
        change(&mut perfect);
        perfect
    };
    for (why, perfect, split) in [
        ("a part of the split", with(|score| (score.protocol.limit, score.of) = (Some(6), Some(9))), Split::Test),
        ("another depth", with(|score| score.protocol.max_steps = 16), Split::Test),
        ("a fixed depth", with(|score| score.protocol.halting = Halting::Fixed), Split::Test),
        ("votes", with(|score| score.protocol.voting = Some(4)), Split::Test),
        ("blank identifiers", with(|score| score.protocol.blank_identifiers = true), Split::Test),
        ("what it was trained on", score(6, 6), Split::Train),
    ] {
        measure(&db.pool, fair, set.id, split, &perfect).await;
        assert_eq!(default().await, "better", "{why} is not to be compared");
    }
    measure(&db.pool, fair, other.id, Split::Test, &score(6, 6)).await;
    assert_eq!(default().await, "better", "on another dataset, which fewer models were measured on");
    measure(&db.pool, fair, set.id, Split::Test, &with(|score| score.protocol.limit = Some(6))).await;
    assert_eq!(default().await, "fair", "a limit that leaves nothing out is none");
    measure(&db.pool, fair, set.id, Split::Test, &score(3, 6)).await;
    assert_eq!(default().await, "better", "the newest score counts");
    measure(&db.pool, fair, set.id, Split::Test, &with(|score| score.protocol.attempts = Some(4))).await;
    assert_eq!(default().await, "fair", "what further attempts do does not change the first answers");
}

#[tokio::test]
async fn a_shipped_model_is_stored_once_and_gives_way_only_to_a_perfect_one() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    for _ in 0..2 {
        shipped::import(&db.pool, "shipped", &info("shipped"), b"shipped").await.expect("an import");
    }
    let stored = models::find(&db.pool, &Viewer::Everything, "shipped").await.expect("the model");
    assert_eq!((stored.run_id, stored.size, stored.step), (None, 7, 12));
    assert_eq!(models::get(&db.pool, &Viewer::Everything, stored.id).await.expect("the model"), stored);
    assert_eq!(
        models::list(&db.pool, &Viewer::Everything, ModelFilter::default(), &Slice::newest(10))
            .await
            .expect("a page")
            .items
            .len(),
        1
    );
    assert!(shipped::is_stored(&db.pool, &stored.sha256).await.expect("an answer"));
    assert!(!shipped::is_stored(&db.pool, &"0".repeat(64)).await.expect("an answer"));

    let tiny = trained(&db.pool, "tiny").await;
    measure(&db.pool, tiny, set.id, Split::Test, &score(5, 6)).await;
    assert_eq!(
        models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").id,
        stored.id
    );
    measure(&db.pool, tiny, set.id, Split::Test, &score(6, 6)).await;
    assert_eq!(models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").id, tiny);
}

#[tokio::test]
async fn a_model_is_known_by_scores_that_all_its_readers_may_see() {
    let db = database().await;
    let pool = &db.pool;
    let theirs = teams::create(pool, "theirs").await.expect("a team").id;
    let (set, mine) = (spec(1), dataset(pool, "mine", 2).await);
    let hidden = NewDataset::generated(theirs, "hidden", &set, None);
    let hidden = datasets::create(pool, hidden, &puzzles(1)).await.expect("a dataset");
    let model = trained(pool, "model").await;
    checkpoints::change(pool, model, None, Some(true), None).await.expect("it is published");
    measure(pool, model, hidden.id, Split::Test, &score(6, 6)).await;
    let run = models::get(pool, &Viewer::Everything, model).await.expect("the model").run_id.expect("its run");
    let known = async || {
        let shown = models::get(pool, &Viewer::Everything, model).await.expect("the model").evaluation;
        let of_run = runs::get(pool, run).await.expect("the run").evaluation;
        assert_eq!(shown, of_run, "both show the same score");
        (shown.map(|score| score.exact), provenance::of_run(pool, run).await.expect("the run").scores.len())
    };
    assert_eq!(known().await, (None, 0), "nobody else learns of puzzles that one team alone sees");
    measure(pool, model, mine.id, Split::Train, &score(6, 6)).await;
    assert_eq!(known().await, (None, 1), "what it was trained on says nothing");
    measure(pool, model, mine.id, Split::Test, &score(2, 6)).await;
    let part = |exact, n| Evaluation { of: Some(6), ..score(exact, n) };
    measure(pool, model, mine.id, Split::Test, &part(3, 3)).await;
    assert_eq!(known().await, (Some(2), 3), "a part does not stand for the whole");
    let deep = Evaluation { protocol: Protocol::fixed(64), ..score(5, 6) };
    measure(pool, model, mine.id, Split::Test, &deep).await;
    assert_eq!(known().await, (Some(2), 4), "nor another depth for its own");
    measure(pool, model, mine.id, Split::Test, &score(4, 6)).await;
    assert_eq!(known().await, (Some(4), 5), "the newest counts");
}

#[tokio::test]
async fn a_shipped_model_stays_as_everybody_finds_it() {
    let db = database().await;
    shipped::import(&db.pool, "shipped", &info("shipped"), b"shipped").await.expect("an import");
    let id = shipped::newest(&db.pool, "shipped").await.expect("the model").id;
    for (name, public) in [(Some("mine"), None), (None, Some(false))] {
        let changed = checkpoints::change(&db.pool, id, name, public, None).await;
        assert!(matches!(&changed, Err(Error::Conflict { detail, .. }) if detail.contains("ships")), "{changed:?}");
    }
    assert!(matches!(checkpoints::delete(&db.pool, id).await, Err(Error::Conflict { .. })));
    assert!(shipped::newest(&db.pool, "shipped").await.expect("the model").public);
}

#[tokio::test]
async fn a_shipped_model_gives_way_to_one_that_is_better_than_it_is_stated_to_be() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let stated =
        CHECKPOINTS.iter().find(|shipped| shipped.stated.exact_accuracy < 1.0 / 6.0).expect("one that is often wrong");
    shipped::import(&db.pool, stated.name, &info(stated.name), b"shipped").await.expect("an import");
    let default =
        async || models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").name;
    let tiny = trained(&db.pool, "tiny").await;
    measure(&db.pool, tiny, set.id, Split::Test, &score(0, 6)).await;
    assert_eq!(default().await, stated.name);
    let told = models::find(&db.pool, &Viewer::Everything, stated.name).await.expect("the model");
    assert_eq!((told.stated, told.evaluation), (Some(stated.stated), None));
    assert_eq!(models::get(&db.pool, &Viewer::Everything, tiny).await.expect("the model").stated, None);
    measure(&db.pool, tiny, set.id, Split::Test, &score(1, 6)).await;
    assert_eq!(default().await, "tiny");
}

#[tokio::test]
async fn a_model_is_not_set_back_by_being_measured_on_other_puzzles() {
    let db = database().await;
    let (set, other) = (dataset(&db.pool, "set", 1).await, dataset(&db.pool, "other", 2).await);
    let default =
        async || models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").name;
    for name in ["toy", "another-toy"] {
        let toy = trained(&db.pool, name).await;
        measure(&db.pool, toy, set.id, Split::Test, &score(0, 6)).await;
    }
    let stated = CHECKPOINTS
        .iter()
        .find(|shipped| shipped.stated.exact_accuracy > 0.5 && shipped.stated.exact_accuracy < 1.0)
        .expect("a good one");
    let shipped = shipped::import(&db.pool, stated.name, &info(stated.name), b"shipped").await;
    shipped.expect("an import");
    assert_eq!(default().await, stated.name);
    let stored = models::find(&db.pool, &Viewer::Everything, stated.name).await.expect("the model").id;
    measure(&db.pool, stored, other.id, Split::Test, &score(6, 6)).await;
    assert_eq!(default().await, stated.name, "its stated figure stands");
    let good = trained(&db.pool, "good").await;
    measure(&db.pool, good, other.id, Split::Test, &score(6, 6)).await;
    assert_eq!(default().await, "good", "what it does elsewhere is better than nothing known");
}

#[tokio::test]
async fn of_models_that_ship_none_gains_by_being_measured_on_easier_puzzles() {
    let db = database().await;
    let easy = dataset(&db.pool, "easy", 1).await;
    let default =
        async || models::default_for(&db.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").name;
    for name in ["trm-sudoku-6x6", "sudoku-6x6"] {
        shipped::import(&db.pool, name, &info(name), name.as_bytes()).await.expect("an import");
    }
    assert_eq!(default().await, "trm-sudoku-6x6", "the better one by what is stated");
    let id = async |name| models::find(&db.pool, &Viewer::Everything, name).await.expect("the model").id;
    measure(&db.pool, id("sudoku-6x6").await, easy.id, Split::Test, &score(6, 6)).await;
    assert_eq!(default().await, "trm-sudoku-6x6", "nobody knows what it would do on these puzzles");
    let trained = trained(&db.pool, "trained").await;
    measure(&db.pool, trained, easy.id, Split::Test, &score(5, 6)).await;
    assert_eq!(default().await, "trm-sudoku-6x6", "and one that ships does better there");
    measure(&db.pool, id("trm-sudoku-6x6").await, easy.id, Split::Test, &score(4, 6)).await;
    assert_eq!(default().await, "sudoku-6x6", "now they are measured alike");
}

#[tokio::test]
async fn a_name_means_the_newest_model_of_that_name() {
    let db = database().await;
    let older = trained(&db.pool, "model").await;
    let newer = trained(&db.pool, "model").await;
    assert_eq!(models::find(&db.pool, &Viewer::Everything, "model").await.expect("a model").id, newer);
    assert_eq!(models::find(&db.pool, &Viewer::Everything, &older.to_string()).await.expect("a model").id, older);
    let missing = models::find(&db.pool, &Viewer::Everything, "unknown").await;
    assert!(matches!(&missing, Err(Error::NotFound { key, .. }) if key == "unknown"), "{missing:?}");
}
