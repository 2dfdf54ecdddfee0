//! Leaderboards and comparisons as the store sees them: who sees which scores, what is one test set, what is kept.

use super::{dataset, info, models::measure, puzzles, score, spec};
use crate::{
    leaderboard::{Order, build},
    store::{
        Error, PgPool, access::Viewer, artifacts, checkpoints, comparisons, curves, datasets, datasets::NewDataset,
        evaluations, leaderboards, models, outcomes, runs, snapshots, teams, testing::database,
    },
};
use hrm_types::{
    board::Kind,
    comparison::{Part, Quantity, X},
    dataset::{Dataset, Split},
    evaluation::{Evaluation, Protocol},
    ids::{CheckpointId, RunId, TeamId},
    leaderboard::Leaderboard,
};

/// A checkpoint of its own team.
async fn uploaded(pool: &PgPool, team: TeamId, seed: u64, file: &[u8]) -> CheckpointId {
    let mut info = info("seeded");
    info.experiment.seed = seed;
    checkpoints::upload(pool, "seeded", team, &info, file).await.expect("a checkpoint")
}

async fn boards(pool: &PgPool, viewer: &Viewer) -> Vec<Leaderboard> {
    let mut built = Vec::new();
    for board in leaderboards::list(pool, viewer, None, None, 100).await.expect("leaderboards").items {
        let scores = leaderboards::scores(pool, viewer, &board).await.expect("scores");
        built.push(build(board, scores, &Order::default()));
    }
    built
}

#[tokio::test]
async fn models_that_differ_in_their_seed_alone_are_a_row() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    let [first, second, again] =
        [(7, b"a"), (2, b"b"), (7, b"c")].map(|(seed, file)| uploaded(pool, TeamId::LOCAL, seed, file));
    let (first, second, again) = (first.await, second.await, again.await);
    let fixed = Evaluation { protocol: Protocol::fixed(4), ..score(6, 6) };
    let mut whole = score(3, 6);
    whole.protocol.limit = Some(6);
    // The first is measured last, which does not make it the newest of its seed.
    for (model, score) in [(again, whole), (first, score(1, 6)), (second, score(2, 6)), (second, fixed)] {
        measure(pool, model, set.id, Split::Test, &score).await;
    }
    measure(pool, second, set.id, Split::Train, &score(6, 6)).await;

    let found = boards(pool, &Viewer::Everything).await;
    let [by_q, by_steps] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((by_steps.protocol.clone(), by_steps.rows.len()), (Protocol::fixed(4), 1));
    assert_eq!((&by_q.task.datasets[..], by_q.task.test_count), (&["set".to_owned()][..], Some(6)));
    assert_eq!(by_q.task.dataset_id, Some(set.id));
    let [row] = &by_q.rows[..] else { panic!("{by_q:#?}") };
    let members: Vec<_> = row.members.iter().map(|it| (it.checkpoint_id, it.seed, it.counted)).collect();
    assert_eq!(members, [(second, 2, true), (first, 7, false), (again, 7, true)]);
    assert!((row.mean - 2.5 / 6.0).abs() < 1e-12 && row.n == 2, "{row:#?}");
    // All Sudokus share an identifier of 16 numbers.
    assert_eq!(row.parameters_with_embedding, row.parameters.map(|count| count + 16));
    assert_eq!((row.device_hours, row.rank), (None, Some(1)));
    assert!(row.train_claimed, "of files that were sent here");

    let page = async |cursor: Option<&str>| {
        leaderboards::list(pool, &Viewer::Everything, None, cursor, 1).await.expect("a page")
    };
    let one = page(None).await;
    assert_eq!((&one.items[0].id, one.items[0].scores), (&by_q.id, 3));
    let other = page(one.next_cursor.as_deref()).await;
    assert_eq!((&other.items[0].id, other.next_cursor), (&by_steps.id, None));
    let elsewhere = leaderboards::list(pool, &Viewer::Everything, Some(&"0".repeat(64)), None, 9).await;
    assert_eq!(elsewhere.expect("a page").items, []);
}

#[tokio::test]
async fn a_viewer_sees_scores_of_his_models_on_his_puzzles_and_public_ones() {
    let db = database().await;
    let pool = &db.pool;
    let team = async |name: &str| teams::create(pool, name).await.expect("a team").id;
    let (anns, bobs) = (team("anns").await, team("bobs").await);
    let (ann, bob) = (Viewer::Teams(vec![anns.0]), Viewer::Teams(vec![bobs.0]));
    let spec = spec(1);
    let set =
        datasets::create(pool, NewDataset::generated(anns, "set", &spec, None), &puzzles(1)).await.expect("a set");
    let model = uploaded(pool, anns, 1, b"anns").await;
    measure(pool, model, set.id, Split::Test, &score(5, 6)).await;
    let seen = async |viewer: &Viewer| boards(pool, viewer).await.len();
    let everywhere = async || [seen(&ann).await, seen(&bob).await, seen(&Viewer::Everything).await];
    assert_eq!(everywhere().await, [1, 0, 1]);
    // A model that everybody sees, on puzzles that they do not.
    checkpoints::change(pool, model, None, Some(true), None).await.expect("a change");
    assert_eq!(everywhere().await, [1, 0, 1]);
    // Bob has the same puzzles.
    let same = datasets::create(pool, NewDataset::generated(bobs, "same", &spec, None), &puzzles(1)).await;
    let same = same.expect("a set");
    assert_eq!(everywhere().await, [1, 1, 1]);
    let [board] = &boards(pool, &bob).await[..] else { panic!("one leaderboard") };
    assert_eq!((board.task.dataset_id, &board.task.datasets[..]), (Some(same.id), &["same".to_owned()][..]));
    assert_eq!(board.id, boards(pool, &ann).await[0].id, "an id is the same for everybody");
    let hidden = leaderboards::get(pool, &Viewer::Teams(vec![]), &board.id).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })), "{hidden:?}");

    let kept = snapshots::keep(pool, bobs, board, false).await.expect("a snapshot");
    let again = snapshots::keep(pool, bobs, board, false).await.expect("a snapshot");
    assert_eq!(kept, again, "kept twice it is one");
    let (json, csv) = snapshots::read(pool, &bob, &kept.sha256).await.expect("what was kept");
    assert_eq!(serde_json::from_str::<Leaderboard>(&json).expect("JSON"), *board);
    assert!(csv.starts_with("rank,name,verified,"), "{csv}");
    for (viewer, sha256) in [(&ann, kept.sha256.as_str()), (&bob, &"0".repeat(64))] {
        let hidden = snapshots::read(pool, viewer, sha256).await;
        assert!(matches!(hidden, Err(Error::NotFound { .. })), "{hidden:?}");
    }
    assert!(snapshots::keep(pool, bobs, board, true).await.expect("a snapshot").public);
    assert!(snapshots::keep(pool, bobs, board, false).await.expect("a snapshot").public, "a link stays open");
    assert_eq!(snapshots::read(pool, &ann, &kept.sha256).await.expect("what was kept").0, json);
    // What changes later changes nothing of it.
    measure(pool, uploaded(pool, bobs, 2, b"bobs").await, same.id, Split::Test, &score(6, 6)).await;
    let [now] = &boards(pool, &bob).await[..] else { panic!("one leaderboard") };
    let newer = snapshots::keep(pool, anns, now, false).await.expect("a snapshot");
    assert_ne!(newer.sha256, kept.sha256);
    assert_eq!(snapshots::read(pool, &bob, &kept.sha256).await.expect("what was kept").0, json);
    let listed = async |viewer: &Viewer, cursor: Option<String>, limit| {
        let cursor = cursor.map(|cursor| cursor.parse().expect("a row"));
        let page = snapshots::list(pool, viewer, &board.id, cursor, limit).await.expect("a page");
        (page.items.into_iter().map(|kept| kept.sha256).collect::<Vec<_>>(), page.next_cursor)
    };
    assert_eq!(listed(&ann, None, 9).await, (vec![newer.sha256.clone(), kept.sha256.clone()], None));
    assert_eq!(listed(&bob, None, 9).await, (vec![kept.sha256.clone()], None));
    let (_, cursor) = listed(&ann, None, 1).await;
    assert_eq!(listed(&ann, cursor.clone(), 1).await, (vec![kept.sha256.clone()], None));
    snapshots::remove(pool, &ann, &newer.sha256).await.expect("it was kept");
    assert_eq!(listed(&ann, cursor, 1).await, (vec![kept.sha256], None), "behind one that was withdrawn");
}

/// A run of that seed whose checkpoint solves these of the dataset's test puzzles.
async fn solving(pool: &PgPool, name: &str, set: &Dataset, exact: &[bool]) -> RunId {
    let run = super::queue(pool, name).await;
    let mut tx = pool.begin().await.expect("a transaction");
    let file = artifacts::store(&mut tx, name.as_bytes()).await.expect("an artifact");
    let model = checkpoints::create(&mut tx, name, Some(run.id), &info(name), &file).await.expect("a checkpoint");
    let right = exact.iter().filter(|right| **right).count() as u32;
    let score = score(right, exact.len() as u32);
    let id = evaluations::create(&mut tx, model, set.id, Split::Test, &score, None).await.expect("a score");
    outcomes::create(&mut tx, id, exact).await.expect("the outcomes");
    tx.commit().await.expect("the commit");
    run.id
}

#[tokio::test]
async fn puzzles_are_compared_also_where_they_stand_in_another_order() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    // Other puzzles to train on, the same ones to be tested with, in another order.
    let mut other = puzzles(2);
    other.test = puzzles(1).test;
    other.test.reverse();
    let other = datasets::create(pool, NewDataset::generated(TeamId::LOCAL, "other", &spec(2), None), &other).await;
    let other = other.expect("a set");
    assert_eq!((&set.test_hash, set.test_count), (&other.test_hash, 6));

    let a = solving(pool, "a", &set, &[true, true, true, false, false, false]).await;
    let b = solving(pool, "b", &set, &[true, false, false, false, false, true]).await;
    let c = solving(pool, "c", &other, &[true, false, false, false, false, true]).await;
    let everything = Viewer::Everything;
    let positions = async |first, second, part| -> Vec<u32> {
        let found = comparisons::puzzles(pool, &everything, (first, second), part, None, 9).await.expect("an answer");
        found.items.iter().map(|puzzle| puzzle.position).collect()
    };
    // A newer score of fewer puzzles is no better comparison.
    for (name, exact) in [("a", [false, false]), ("b", [false, false])] {
        let mut tx = pool.begin().await.expect("a transaction");
        let model = models::find(pool, &everything, name).await.expect("the model").id;
        let mut part = score(0, 2);
        (part.protocol.limit, part.of) = (Some(2), Some(6));
        let id = evaluations::create(&mut tx, model, set.id, Split::Test, &part, None).await.expect("a score");
        outcomes::create(&mut tx, id, &exact).await.expect("the outcomes");
        tx.commit().await.expect("the commit");
    }
    // Nor does a limit that leaves nothing out make it another protocol.
    let mut tx = pool.begin().await.expect("a transaction");
    let mut whole = score(2, 6);
    whole.protocol.limit = Some(6);
    let model = models::find(pool, &everything, "b").await.expect("the model").id;
    sqlx::query("DELETE FROM evaluations WHERE checkpoint_id = $1 AND n = 6")
        .bind(model.0)
        .execute(&mut *tx)
        .await
        .expect("an answer");
    let id = evaluations::create(&mut tx, model, set.id, Split::Test, &whole, None).await.expect("a score");
    outcomes::create(&mut tx, id, &[true, false, false, false, false, true]).await.expect("the outcomes");
    tx.commit().await.expect("the commit");
    for second in [b, c] {
        let parts = [Part::Both, Part::OnlyFirst, Part::OnlySecond, Part::Neither];
        let expected: [&[u32]; 4] = [&[0], &[1, 2], &[5], &[3, 4]];
        for (part, expected) in parts.into_iter().zip(expected) {
            assert_eq!(positions(a, second, part).await, expected, "{part:?}");
        }
    }
    let found = comparisons::puzzles(pool, &everything, (c, a), Part::Neither, None, 1).await.expect("an answer");
    let counts = (found.solved.n, found.solved.both, found.solved.only_first, found.solved.only_second);
    assert_eq!(counts, (6, 1, 1, 2));
    assert_eq!((found.dataset_id, found.items[0].position, found.next_cursor.as_deref()), (other.id, 1, Some("1")));
    let rest = comparisons::puzzles(pool, &everything, (c, a), Part::Neither, Some(1), 9).await.expect("an answer");
    assert_eq!((rest.items.len(), rest.items[0].position, rest.next_cursor), (1, 2, None));
    // The question is the one of that place.
    assert_eq!(rest.items[0].question, puzzles(1).test[3].question.text(hrm_types::board::Kind::Sudoku));

    // Puzzles that the viewer does not see are not compared for him, nor those of which nothing is known.
    let blind = Viewer::Teams(vec![]);
    let refused = comparisons::puzzles(pool, &blind, (a, b), Part::Both, None, 9).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    let run = runs::get(pool, a).await.expect("the run");
    assert_eq!(curves::in_stretches(pool, &run, X::Step, Quantity::Loss, 10).await.expect("a curve"), []);
}

#[tokio::test]
async fn a_default_model_is_chosen_by_what_its_viewer_sees() {
    let db = database().await;
    let pool = &db.pool;
    let team = async |name: &str| teams::create(pool, name).await.expect("a team").id;
    let (anns, bobs) = (team("anns").await, team("bobs").await);
    let set = async |team: TeamId, name: &str, seed: u64| {
        let (spec, puzzles) = (spec(seed), puzzles(seed));
        datasets::create(pool, NewDataset::generated(team, name, &spec, None), &puzzles).await.expect("a set").id
    };
    let (anns_set, bobs_set) = (set(anns, "anns", 1).await, set(bobs, "bobs", 2).await);
    // More models are scored on Ann's puzzles, which Bob does not see.
    for seed in 1..=3 {
        let model = uploaded(pool, anns, seed, &[b'a', seed as u8]).await;
        measure(pool, model, anns_set, Split::Test, &score(6, 6)).await;
    }
    let better = uploaded(pool, bobs, 4, b"better").await;
    let newer = uploaded(pool, bobs, 5, b"newer").await;
    measure(pool, better, bobs_set, Split::Test, &score(5, 6)).await;
    measure(pool, newer, bobs_set, Split::Test, &score(1, 6)).await;
    let default = async |viewer: &Viewer| models::default_for(pool, viewer, Kind::Sudoku, 4).await.expect("a model").id;
    assert_eq!(default(&Viewer::Teams(vec![bobs.0])).await, better);
}
