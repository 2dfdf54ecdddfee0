//! Batches: puzzles with their answers, as they come.

use super::{LONG, claim, dataset, models::trained};
use crate::store::{
    Error,
    access::Viewer,
    batches::{self, Source},
    jobs::{JobFilter, Terms},
    leases::{self, Work},
    slices::Slice,
    testing::database,
};
use hrm_model::solve::Solution;
use hrm_types::{
    batch::BatchSpec,
    board::{Board, Kind},
    dataset::Split,
    question::Question,
    run::RunState,
    solve::{PuzzleInput, SolveStep},
};

fn question(line: &str) -> Question {
    PuzzleInput::Text(line.into()).question(None, 0).expect(line)
}

fn solution(line: &str, solved: bool) -> Solution {
    let step = SolveStep {
        step: 1,
        grid: line.into(),
        confidence: vec![0.25, 0.75],
        wrong: vec![],
        q_halt: 1.5,
        q_continue: 0.0,
    };
    Solution {
        steps: vec![step],
        answer: Board::read(Kind::Sudoku, line).ok(),
        solved: Some(solved),
        violations: if solved { vec![] } else { vec!["one, \"two\"".into(), "three".into()] },
        path: None,
        identifier: None,
        halted: true,
        attempts: 2,
        seen: None,
        milliseconds: 1.0,
    }
}

#[tokio::test]
async fn a_batch_goes_on_with_what_has_no_answer() {
    let db = database().await;
    let pool = &db.pool;
    let spec = BatchSpec {
        checkpoint_id: trained(pool, "model").await,
        kind: Kind::Sudoku,
        steps: Some(3),
        attempts: Some(4),
        dataset_id: None,
        split: None,
    };
    // The run that trained the model waits, too.
    leases::finish(
        &mut pool.acquire().await.expect("a connection"),
        &claim(pool, LONG).await.lease,
        leases::Ending::Cancelled,
    )
    .await
    .expect("the lease is held");
    let lines = ["1...............", ".2..............", "..3............."];
    let questions = lines.map(question);
    let queued =
        batches::create(pool, "model", &spec, Source::Sent(&questions), Terms::default()).await.expect("a batch");
    assert_eq!((queued.puzzles, queued.answered, queued.solved), (3, 0, 0));
    assert_eq!((queued.job.queue_position, queued.job.waits_for.is_some()), (Some(0), true));
    let id = queued.job.id;
    assert!(matches!(batches::delete(pool, id).await, Err(Error::WrongState { .. })));

    let first = claim(pool, LONG).await;
    assert!(matches!(&first.work, Work::Batch(found) if *found == spec), "{:?}", first.work);
    let open = batches::unanswered(pool, id, Kind::Sudoku, 2).await.expect("puzzles");
    assert_eq!(open, [(0, questions[0].clone()), (1, questions[1].clone())]);
    let unjudged = Solution { solved: None, ..solution("1234341221434312", false) };
    batches::record(pool, &first.lease, Kind::Sudoku, &[(1, unjudged)], (1, 3)).await.expect("the lease is held");
    let batch = batches::get(pool, id).await.expect("the batch");
    assert_eq!((batch.answered, batch.judged, batch.solved), (1, 0, 0), "nobody has said what is right");
    let answers = [(0, solution("1234341221434321", true)), (1, solution("1234341221434312", false))];
    batches::record(pool, &first.lease, Kind::Sudoku, &answers, (2, 3)).await.expect("the lease is held");
    leases::give_back(pool, &first.lease, "its worker was stopped").await.expect("the lease is held");
    let stale = batches::record(pool, &first.lease, Kind::Sudoku, &answers, (2, 3)).await;
    assert!(matches!(stale, Err(Error::StaleLease)));

    let second = claim(pool, LONG).await.lease;
    let batch = batches::get(pool, id).await.expect("the batch");
    assert_eq!((batch.job.done, batch.answered, batch.solved), (2, 2, 1), "nothing is answered twice");
    assert_eq!(batch.judged, 2);
    let open = batches::unanswered(pool, id, Kind::Sudoku, 9).await.expect("puzzles");
    assert_eq!(open, [(2, questions[2].clone())]);
    batches::record(pool, &second, Kind::Sudoku, &[(2, solution("1234341221434321", true))], (3, 3))
        .await
        .expect("the lease is held");
    batches::succeed(pool, &second).await.expect("the lease is held");
    let batch = batches::get(pool, id).await.expect("the batch");
    assert_eq!((batch.job.state, batch.answered, batch.solved), (RunState::Succeeded, 3, 2));
    let page =
        batches::list(pool, &Viewer::Everything, JobFilter::default(), &Slice::newest(10)).await.expect("a page");
    assert_eq!(page.items, [batch]);

    let wrong = batches::results(pool, id, Some(false), None, 10).await.expect("a page").items;
    assert_eq!(wrong.len(), 1);
    assert_eq!(
        (wrong[0].position, wrong[0].violations.as_slice()),
        (1, ["one, \"two\"".into(), "three".into()].as_slice())
    );
    assert_eq!((wrong[0].q_halt, wrong[0].confidence, wrong[0].steps_used), (Some(1.5), Some(0.5), Some(1)));
    assert_eq!(wrong[0].attempts, Some(2));
    let page = batches::results(pool, id, None, None, 2).await.expect("a page");
    assert_eq!(page.next_cursor.as_deref(), Some("1"));
    let rest = batches::results(pool, id, None, Some(1), 2).await.expect("a page");
    assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
    batches::delete(pool, id).await.expect("it has ended");
    assert!(matches!(batches::get(pool, id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_batch_keeps_the_puzzles_of_a_split_up_to_its_limit() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    let spec = BatchSpec {
        checkpoint_id: trained(pool, "model").await,
        kind: Kind::Sudoku,
        steps: None,
        attempts: None,
        dataset_id: Some(set.id),
        split: Some(Split::Test),
    };
    let source = Source::Stored(set.id, Split::Test, 4);
    let batch = batches::create(pool, "model", &spec, source, Terms::default()).await.expect("a batch");
    assert_eq!((batch.puzzles, &batch.spec), (4, &spec));
    let stored = crate::store::puzzles::list(pool, set.id, Split::Test, None, 4).await.expect("a page").items;
    let open = batches::unanswered(pool, batch.job.id, Kind::Sudoku, 9).await.expect("puzzles");
    let lines: Vec<String> = open.iter().map(|(_, question)| question.board.text(Kind::Sudoku)).collect();
    assert_eq!(lines, stored.into_iter().map(|puzzle| puzzle.question).collect::<Vec<_>>());
}
