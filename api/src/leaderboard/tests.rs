//! Rows, ranks and orders of made-up scores.

use super::*;
use crate::store::tests::{experiment, score};
use hrm_types::{
    evaluation::{AttemptsScore, Evaluation, Protocol},
    experiment::DataSpec,
    ids::{CheckpointId, EvaluationId, RunId},
    leaderboard::{BoardTask, IntervalOver},
    provenance::Choice,
};
use std::cmp::Ordering;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

fn board(kind: &str, side: u8, test_count: u32) -> Board {
    let task = BoardTask {
        test_hash: "0".repeat(64),
        kind: kind.into(),
        side,
        test_count: Some(test_count),
        dataset_id: None,
        datasets: vec!["set".into()],
    };
    Board { id: "0".into(), task, protocol: Protocol::halting_by_q(2), scores: 0 }
}

/// A score of that many of 1,000 by a run of that seed, measured when its model was stored, at `minute`.
fn scored(name: &str, width: usize, seed: u64, exact: u32, minute: i64) -> Scored {
    let mut experiment = experiment(name);
    experiment.seed = seed;
    experiment.arch.hidden_size = width;
    Scored {
        evaluation_id: EvaluationId(Uuid::now_v7()),
        checkpoint_id: CheckpointId(Uuid::now_v7()),
        checkpoint_sha256: format!("{width}-{seed}-{exact}"),
        dataset_hash: "3".repeat(64),
        run_id: Some(RunId(Uuid::now_v7())),
        experiment,
        train_hash: "1".repeat(64),
        train_dataset_id: None,
        train_count: Some(1_000),
        trained_here: true,
        step: 10,
        parameters: width as u64,
        embedding_parameters: Some(8),
        train_seconds: Some(7_200.0),
        choice: Some(Choice::Last),
        environment: None,
        evaluation: Evaluation { in_training: Some(0), ..score(exact, 1_000) },
        claimed: false,
        model_created_at: OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute),
        created_at: OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute),
    }
}

#[test]
fn a_row_is_a_configuration_with_all_its_seeds() {
    let mut scores: Vec<Scored> =
        [(1, 400), (2, 500), (3, 600)].map(|(seed, exact)| scored("a", 16, seed, exact, 0)).into();
    // Named otherwise it is the same configuration; trained again it counts once.
    scores.push(scored("b", 16, 3, 700, 9));
    scores.push(scored("c", 32, 1, 510, 0));
    let built = build(board("sudoku", 4, 1_000), scores, &Order::default());
    assert_eq!(built.rows.len(), 2);
    let [first, second] = &built.rows[..] else { panic!("{built:#?}") };
    assert_eq!((first.name.as_str(), first.n, first.members.len()), ("b", 3, 4));
    let counted: Vec<(u64, f64)> =
        first.members.iter().filter(|member| member.counted).map(|member| (member.seed, member.score)).collect();
    assert_eq!(counted, [(1, 0.4), (2, 0.5), (3, 0.7)]);
    assert!((first.mean - 1.6 / 3.0).abs() < 1e-12 && (first.best - 0.7).abs() < 1e-12);
    // Standard deviation 0.152753 over three: 4.303 · 0.152753 / √3.
    let [low, high] = first.interval.expect("an interval");
    assert!((high - low - 2.0 * 0.379_49).abs() < 1e-4, "{low} {high}");
    assert_eq!((first.interval_over, second.interval_over), (Some(IntervalOver::Seeds), Some(IntervalOver::Puzzles)));
    assert_eq!((second.n, second.tested, second.test_count), (1, Some(1_000), Some(1_000)));
    assert_eq!((second.train_set.as_deref(), second.train_claimed), (Some("1k"), false));
    assert_eq!((second.choice.as_deref(), second.device_hours, second.parameters), (Some("last"), Some(2.0), Some(32)));
    assert_eq!((second.parameters_with_embedding, &second.protocol), (Some(40), &Some(built.protocol.clone())));
    assert!(second.operations > Some(0.0));
    // Neither is better with its whole interval.
    assert_eq!((first.rank, second.rank, first.tied, second.tied), (Some(1), Some(1), true, true));
}

#[test]
fn seeds_that_agree_are_as_uncertain_as_their_puzzles() {
    let scores = [1, 2, 3].map(|seed| scored("a", 16, seed, 0, 0)).into();
    let row = build(board("sudoku", 4, 1_000), scores, &Order::default()).rows[0].clone();
    let [low, high] = row.interval.expect("an interval");
    // Wilson's of none of 1,000.
    assert!(low == 0.0 && (high - 0.003_826_8).abs() < 1e-6, "{low} {high}");
    assert_eq!(row.interval_over, Some(IntervalOver::Seeds));
}

#[test]
fn a_dataset_that_was_renamed_splits_no_configuration() {
    let on = |dataset: &str, seed| {
        let mut scored = scored("a", 16, seed, 500, 0);
        scored.experiment.data = DataSpec::Stored { dataset: dataset.into() };
        scored
    };
    let built = build(board("sudoku", 4, 1_000), vec![on("before", 1), on("after", 2)], &Order::default());
    assert_eq!(built.rows.iter().map(|row| row.n).collect::<Vec<_>>(), [2]);
}

#[test]
fn several_attempts_count_what_all_of_them_solved() {
    let mut board = board("sudoku", 4, 1_000);
    board.protocol.attempts = Some(3);
    let mut several = scored("a", 16, 1, 400, 0);
    several.evaluation.attempts =
        Some(AttemptsScore { solved_within: vec![400, 450, 480], mean_attempts: 2.15, mean_steps: 4.3 });
    let once = build(board.clone(), vec![scored("a", 16, 1, 400, 0)], &Order::default()).rows[0].clone();
    let row = build(board, vec![several], &Order::default()).rows[0].clone();
    assert!((row.mean - 0.48).abs() < 1e-12 && row.mean_steps == Some(4.3), "{row:#?}");
    let (low, high) = row.interval.map(|interval| (interval[0], interval[1])).expect("an interval");
    assert!(low < 0.48 && high > 0.48 && high - low < 0.07, "of 1,000 puzzles: {low} {high}");
    let times = row.operations.zip(once.operations.zip(once.mean_steps)).map(|(all, (one, steps))| all / (one / steps));
    assert!(times.is_some_and(|steps| (steps - 4.3).abs() < 1e-9), "{times:?}");
}

#[test]
fn claims_and_other_training_sets_have_rows_of_their_own() {
    let claimed = Scored { claimed: true, ..scored("a", 16, 1, 500, 0) };
    let other = Scored { train_hash: "2".repeat(64), ..scored("a", 16, 1, 500, 0) };
    let chosen = Scored { choice: None, ..scored("a", 16, 1, 500, 0) };
    let scores = vec![scored("a", 16, 1, 500, 0), claimed, other, chosen];
    let built = build(board("sudoku", 4, 1_000), scores, &Order::default());
    let verified: Vec<bool> = built.rows.iter().map(|row| row.verified).collect();
    assert_eq!(verified, [true, true, true, false], "claims stand apart");
    let ranks: Vec<Option<u32>> = built.rows.iter().map(|row| row.rank).collect();
    assert_eq!(ranks, [Some(1), Some(1), Some(1), None]);
    assert_eq!(build(board("sudoku", 4, 1_000), vec![], &Order::default()).rows, []);
}

#[test]
fn files_that_were_sent_here_join_no_seeds_that_were_trained_here_and_displace_none() {
    let sent = |seed, exact| Scored { trained_here: false, run_id: None, ..scored("a", 16, seed, exact, 9) };
    let scores = vec![scored("a", 16, 1, 500, 0), scored("a", 16, 2, 500, 0), sent(2, 900), sent(3, 900)];
    let rows = build(board("sudoku", 4, 1_000), scores, &Order::default()).rows;
    let told: Vec<_> = rows.iter().map(|row| (row.train_claimed, row.n, row.mean)).collect();
    assert_eq!(told, [(true, 2, 0.9), (false, 2, 0.5)]);
}

#[test]
fn a_row_tells_how_many_test_puzzles_were_trained_on() {
    let seen = |seed, in_training| {
        let mut scored = scored("a", 16, seed, 500, 0);
        scored.evaluation.in_training = in_training;
        scored
    };
    let told = |scores| build(board("sudoku", 4, 1_000), scores, &Order::default()).rows[0].in_training;
    assert_eq!(told(vec![seen(1, None), seen(2, Some(3)), seen(3, Some(0))]), Some(3));
    assert_eq!(told(vec![seen(1, None)]), None);
}

#[test]
fn a_row_that_is_better_with_its_whole_interval_ranks_before() {
    let claim = Scored { claimed: true, ..scored("claim", 128, 1, 1_000, 0) };
    let scores =
        vec![scored("low", 16, 1, 100, 0), scored("high", 32, 1, 900, 0), scored("near", 64, 1, 890, 0), claim];
    // Whatever the order is.
    for (keys, names) in [("-verified", ["high", "near", "low", "claim"]), ("-mean", ["claim", "high", "near", "low"])]
    {
        let order = Order::parse(keys).expect("a key");
        let built = build(board("sudoku", 4, 1_000), scores.clone(), &order);
        let expected = |name: &str| match name {
            "claim" => (None, false),
            "low" => (Some(3), false),
            _ => (Some(1), true),
        };
        let told: Vec<_> = built.rows.iter().map(|row| (row.name.as_str(), (row.rank, row.tied))).collect();
        assert_eq!(told, names.map(|name| (name, expected(name))), "{keys}");
    }
}

#[test]
fn on_the_papers_puzzles_rows_are_compared_with_its_figure() {
    let mut whole = board("maze", 30, 1_000);
    whole.task.test_hash = "42f0be479527eaec4c155c8155431dfda48568a26e54e264c2f66b5d46c20a48".into();
    let scores = || vec![scored("near", 16, 1, 730, 0), scored("far", 32, 1, 724, 0), scored("above", 64, 1, 766, 0)];
    let built = build(whole.clone(), scores(), &Order::default());
    let reference = built.reference.as_ref().expect("HRM's figure");
    assert_eq!((reference.system.as_str(), reference.score, reference.tolerance), ("HRM", 0.745, 0.02));
    let row = |name: &str| built.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}"));
    let reproduced = ["near", "far", "above"].map(|name| row(name).reproduced);
    assert_eq!(reproduced, [Some(true), Some(false), Some(false)]);
    assert!((row("far").difference.expect("a difference") + 0.021).abs() < 1e-12);
    // Nobody reproduces a figure with other training data, and no claim reproduces another.
    let mut further = scored("other", 16, 1, 745, 0);
    further.experiment.start_from = Some("a".repeat(64));
    let on_tests = |count: Option<u32>| {
        let mut scored = scored("other", 16, 1, 745, 0);
        scored.evaluation.in_training = count;
        scored
    };
    for other in [
        Scored { train_count: Some(3_831_994), ..scored("other", 16, 1, 745, 0) },
        Scored { train_count: None, ..scored("other", 16, 1, 745, 0) },
        Scored { claimed: true, ..scored("other", 16, 1, 745, 0) },
        Scored { trained_here: false, ..scored("other", 16, 1, 745, 0) },
        further,
        on_tests(Some(1)),
        on_tests(None),
    ] {
        let rows = build(whole.clone(), vec![other], &Order::default()).rows;
        let row = rows.iter().find(|row| row.name == "other").expect("the row");
        assert_eq!((row.difference.map(f64::abs) < Some(1e-9), row.reproduced), (true, None));
    }
    let published = row("HRM");
    assert_eq!((published.verified, published.n, published.reproduced, published.interval), (false, 0, None, None));
    assert!(published.source.is_some());
    // As many Sudokus as the paper's are not known to be its.
    let alike = build(board("sudoku", 9, 422_786), vec![scored("near", 16, 1, 550, 0)], &Order::default());
    let near = alike.rows.iter().find(|row| row.name == "near").expect("the row");
    assert_eq!((alike.reference.is_some(), near.difference.is_some(), near.reproduced), (true, true, None));
    // A part of the puzzles is not the benchmark.
    whole.protocol.limit = Some(1_000);
    let part = build(whole, scores(), &Order::default());
    assert_eq!((part.reference, part.rows.len()), (None, 3));
}

#[test]
fn the_order_is_total_whatever_it_is_by() {
    let mut scores = Vec::new();
    for (width, exact, minute) in [(16, 500, 0), (32, 500, 1), (64, 500, 0), (128, 400, 1), (256, 600, 0)] {
        scores.push(scored("equal", width, 1, exact, minute));
        scores.push(Scored { claimed: true, train_seconds: None, ..scored("equal", width, 1, exact, 0) });
    }
    let mut rows = build(board("sudoku", 9, 422_786), scores, &Order::default()).rows;
    for keys in ["mean", "-mean", "device_hours,-parameters", "-operations", "train_count", "-n,low", "verified"] {
        let order = Order::parse(keys).expect("known keys");
        for a in &rows {
            for b in &rows {
                let (there, back) = (order.compare(a, b), order.compare(b, a));
                assert_eq!(there, back.reverse(), "{keys}");
                assert_eq!(there == Ordering::Equal, std::ptr::eq(a, b), "{keys}: two rows are equal");
            }
        }
        order.sort(&mut rows);
        let sorted = rows.clone();
        rows.reverse();
        order.sort(&mut rows);
        assert_eq!(rows, sorted, "{keys}");
        for (i, a) in sorted.iter().enumerate() {
            assert!(sorted[i + 1..].iter().all(|b| order.compare(a, b) == Ordering::Less), "{keys}: no chain");
        }
    }
    let hours: Vec<Option<f64>> = {
        Order::parse("-device_hours").expect("a key").sort(&mut rows);
        rows.iter().map(|row| row.device_hours).collect()
    };
    assert!(hours.windows(2).all(|pair| pair[0].is_some() || pair[1].is_none()), "what is not known stands last");
    for wrong in ["", "name", "rank", "mean,,n", "speed"] {
        let error = Order::parse(wrong).err().unwrap_or_else(|| panic!("{wrong:?} is a key")).to_string();
        assert!(error.contains("expected keys of verified, n, mean"), "{error}");
    }
    assert_eq!(Order::parse("-n, parameters").expect("keys").keys()[..2], ["-n", "parameters"]);
}

#[test]
fn an_export_has_a_line_for_every_row_and_a_cell_for_every_column() {
    let built = build(board("sudoku", 9, 422_786), vec![scored("a, \"b\"", 16, 1, 123, 0)], &Order::default());
    let text = csv(&built);
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("rank,name,verified,n,mean,low,high,"), "{}", lines[0]);
    assert_eq!(lines.len(), built.rows.len() + 2, "a heading, the rows, and the end of the last");
    let ours = lines.iter().find(|line| line.contains("\"a, \"\"b\"\"\"")).expect("the row");
    assert!(
        ours.contains(",yes,1,0.1230,") && ours.contains(",1k,1000,no,0,2,q,,,no,1000,1000,,last,16,24,"),
        "{ours}"
    );
    let keys: Vec<&str> = built.columns.iter().map(|column| column.key.as_str()).collect();
    assert_eq!(keys.join(","), lines[0]);
}
