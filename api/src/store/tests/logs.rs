//! What workers have said.

use super::{LONG, claim, queue};
use crate::store::{
    jobs,
    logs::{self, KEPT, Said},
    testing::database,
};
use hrm_types::job::LogLevel;
use time::OffsetDateTime;

fn said(message: &str) -> Said {
    Said { level: LogLevel::Info, message: message.into(), at: OffsetDateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn lines_are_read_from_where_one_stands_and_seen_by_watchers() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let before = jobs::revision(&db.pool, lease.job_id).await.expect("the job");
    logs::append(&db.pool, &lease, &[said("one"), said("two"), said("three")]).await.expect("the lease is held");
    assert!(jobs::revision(&db.pool, lease.job_id).await.expect("the job") > before);
    let lines = logs::list(&db.pool, run.id.into(), None, 2).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((lines[0].attempt, lines[0].level), (1, LogLevel::Info));
    let rest = logs::list(&db.pool, run.id.into(), Some(lines[1].id), 2).await.expect("lines");
    assert_eq!(rest.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["three"]);
    assert_eq!(logs::list(&db.pool, run.id.into(), Some(u64::MAX), 2).await.expect("lines"), []);
}

#[tokio::test]
async fn only_the_newest_lines_are_kept() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    for batch in 0..5 {
        let lines: Vec<Said> = (0..600).map(|i| said(&(batch * 600 + i).to_string())).collect();
        logs::append(&db.pool, &lease, &lines).await.expect("the lease is held");
    }
    let lines = logs::list(&db.pool, run.id.into(), None, 10_000).await.expect("lines");
    assert_eq!(i64::try_from(lines.len()), Ok(KEPT));
    assert_eq!((lines[0].message.as_str(), lines[1_999].message.as_str()), ("1000", "2999"));
}
