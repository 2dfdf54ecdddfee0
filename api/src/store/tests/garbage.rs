//! What nothing refers to is collected, and nothing else, whatever is saved meanwhile.

use super::{KEEP, LONG, claim, queue};
use crate::store::{
    Error, artifacts,
    artifacts::CHUNK,
    bodies::{self, Place},
    garbage::{self, Collected},
    leases::Lease,
    testing::{TestDatabase, data_dir, database},
    train_states,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sqlx::PgPool;
use std::{
    fs,
    io::{BufWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

async fn count(pool: &PgPool) -> (i64, i64) {
    let count = "SELECT (SELECT count(*) FROM artifacts), (SELECT count(*) FROM chunks)";
    sqlx::query_as(count).fetch_one(pool).await.expect("counts")
}

async fn claimed(db: &TestDatabase) -> Lease {
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    assert_eq!(lease.run_id(), run.id);
    lease
}

/// A file that nothing refers to.
async fn garbage_of(pool: &PgPool, bytes: &[u8]) {
    let mut tx = pool.begin().await.expect("a transaction");
    artifacts::store(&mut tx, bytes).await.expect("an artifact");
    tx.commit().await.expect("the commit");
}

/// Two chunks: the first is the same for all, the second tells them apart.
fn content(of: u8) -> Vec<u8> {
    [vec![0; CHUNK], vec![of; 3]].concat()
}

#[tokio::test]
async fn what_nothing_refers_to_is_collected_and_nothing_else() {
    let db = database().await;
    let lease = claimed(&db).await;
    let file = data_dir();
    let file = file.path().join("state");
    fs::write(&file, content(1)).expect("a file");
    let kept = train_states::save(&db.pool, &lease, 1, &file, KEEP).await.expect("the lease is held");
    for of in 2..=4 {
        garbage_of(&db.pool, &content(of)).await;
    }
    assert_eq!(count(&db.pool).await, (4, 5));
    let collected = garbage::collect(&db.pool).await.expect("a collection");
    assert_eq!(collected, Collected { artifacts: 3, chunks: 3, bytes: 9 });
    assert_eq!(garbage::collect(&db.pool).await.expect("a collection"), Collected::default());
    assert_eq!(artifacts::read(&db.pool, &kept.sha256).await.expect("the file"), content(1));
}

#[tokio::test]
async fn a_run_that_is_removed_takes_its_files_along() {
    let db = database().await;
    let lease = claimed(&db).await;
    let file = data_dir();
    let file = file.path().join("state");
    fs::write(&file, content(1)).expect("a file");
    train_states::save(&db.pool, &lease, 1, &file, KEEP).await.expect("the lease is held");
    sqlx::query("DELETE FROM jobs").execute(&db.pool).await.expect("an answer");
    garbage::collect(&db.pool).await.expect("a collection");
    assert_eq!(count(&db.pool).await, (0, 0));
}

#[tokio::test]
async fn what_a_save_in_progress_uses_is_not_collected() {
    let db = database().await;
    // The first save uses it as it is, the second one of its chunks.
    garbage_of(&db.pool, &content(1)).await;
    for of in [1, 2] {
        let mut saving = db.pool.begin().await.expect("a transaction");
        let stored = artifacts::store(&mut saving, content(of).as_slice()).await.expect("an artifact");
        let collected = garbage::collect(&db.pool).await.expect("a collection");
        assert_eq!(collected.artifacts, u64::from(of == 2), "only what the second save does not use");
        saving.commit().await.expect("the commit");
        assert_eq!(artifacts::read(&db.pool, &stored.sha256).await.expect("the file"), content(of));
    }
}

#[tokio::test]
async fn a_save_that_meets_a_collection_waits_for_it_and_stores_what_was_collected() {
    let db = database().await;
    garbage_of(&db.pool, &content(1)).await;
    // A collection that has locked everything and not yet deleted it.
    let mut collecting = db.pool.begin().await.expect("a transaction");
    for lock in ["SELECT id::text FROM artifacts FOR UPDATE", "SELECT size::text FROM chunks FOR UPDATE"] {
        sqlx::query(lock).fetch_all(&mut *collecting).await.expect("locks");
    }
    let pool = db.pool.clone();
    let saving = tokio::spawn(async move {
        let mut tx = pool.begin().await?;
        let stored = artifacts::store(&mut tx, content(1).as_slice()).await?;
        tx.commit().await?;
        Ok::<_, Error>(stored)
    });
    let waits =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&db.pool).await.expect("an answer") {
        tokio::task::yield_now().await;
    }
    sqlx::query("DELETE FROM artifacts").execute(&mut *collecting).await.expect("an answer");
    sqlx::query("DELETE FROM chunks").execute(&mut *collecting).await.expect("an answer");
    collecting.commit().await.expect("the commit");
    let stored = saving.await.expect("no panic").expect("an artifact");
    assert_eq!(artifacts::read(&db.pool, &stored.sha256).await.expect("the file"), content(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn saves_and_collections_at_the_same_time_lose_nothing() {
    const SAVERS: u8 = 6;
    let db = Arc::new(database().await);
    let (left, mut savers) = (Arc::new(AtomicU8::new(SAVERS)), Vec::new());
    for saver in 0..SAVERS {
        queue(&db.pool, "run").await;
        let lease = claim(&db.pool, LONG).await.lease;
        let (db, left) = (Arc::clone(&db), Arc::clone(&left));
        savers.push(tokio::spawn(async move {
            save_and_drop(&db.pool, &lease, saver).await;
            left.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    let objects = data_dir();
    let place: Place = format!("file://{}", objects.path().display()).parse().expect("a place");
    let (mut collected, mut moved) = (0, 0);
    while left.load(Ordering::SeqCst) > 0 && savers.iter().any(|saver| !saver.is_finished()) {
        collected += garbage::collect(&db.pool).await.expect("a collection").chunks;
        moved += bodies::move_out(&db.pool, &place).await.expect("chunks move");
        bodies::delete_dropped(&db.pool, Duration::ZERO).await.expect("objects are deleted");
    }
    for saver in savers {
        saver.await.expect("no panic");
    }
    // Also where the savers were done before anything was looked at.
    moved += bodies::move_out(&db.pool, &place).await.expect("chunks move");
    collected += garbage::collect(&db.pool).await.expect("a collection").chunks;
    assert!(collected > 0 && moved > 0, "there was something to collect, and something to move");
    // Every object is in use, and every list is whole.
    bodies::delete_dropped(&db.pool, Duration::ZERO).await.expect("objects are deleted");
    let torn = "SELECT count(*) FROM artifacts
                WHERE size <> (SELECT coalesce(sum(chunks.size), 0) FROM artifact_chunks
                               JOIN chunks ON sha256 = chunk WHERE artifact_id = artifacts.id)";
    assert_eq!(sqlx::query_scalar::<_, i64>(torn).fetch_one(&db.pool).await.expect("a count"), 0);
}

/// Saves files that share chunks with each other and with those of other savers, and makes garbage of every other one.
async fn save_and_drop(pool: &PgPool, lease: &Lease, saver: u8) {
    let folder = data_dir();
    let file = folder.path().join("state");
    for round in 1..=40 {
        let bytes = content((saver / 2 + round) % 5);
        fs::write(&file, &bytes).expect("a file");
        let stored = loop {
            match train_states::save(pool, lease, round.into(), &file, KEEP).await {
                // What a worker does then, too.
                Err(error) if error.is_transient() => {}
                stored => break stored.expect("the lease is held"),
            }
        };
        assert_eq!(artifacts::read(pool, &stored.sha256).await.expect("the file just saved"), bytes);
        if round % 2 == 0 {
            let drop = "DELETE FROM train_states WHERE run_id = $1";
            sqlx::query(drop).bind(lease.job_id.0).execute(pool).await.expect("an answer");
        }
    }
}

/// What the system says about this process, bytes.
fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect(key);
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// The most memory that `work` needed beyond what there was before it, bytes.
async fn peak(what: &str, work: impl Future<Output = ()>) -> u64 {
    let before = memory("VmRSS");
    // From here on the peak is counted anew.
    fs::write("/proc/self/clear_refs", "5").expect("a setting of Linux");
    let begun = Instant::now();
    work.await;
    let more = memory("VmHWM").saturating_sub(before);
    eprintln!("{what}: {:?}, {} KiB of memory more", begun.elapsed(), more >> 10);
    more
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures the memory of the whole process, so it runs alone: -- --ignored --nocapture gigantic"]
async fn a_gigantic_state_passes_through_little_memory() {
    const MEBIBYTES: u32 = 430;
    const MOST: u64 = 64 << 20;
    let db = database().await;
    let lease = claimed(&db).await;
    let folder = data_dir();
    let (file, copy) = (folder.path().join("state"), folder.path().join("copy"));
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut writer = BufWriter::new(fs::File::create(&file).expect("a file"));
    let mut chunk = vec![0; CHUNK];
    for _ in 0..MEBIBYTES {
        random.fill_bytes(&mut chunk);
        writer.write_all(&chunk).expect("room on the disk");
    }
    writer.into_inner().expect("room on the disk");
    let save = async || {
        let stored = train_states::save(&db.pool, &lease, 1, &file, KEEP).await.expect("the lease is held");
        assert_eq!(stored.size, u64::from(MEBIBYTES) << 20);
    };
    let fetch = async || {
        let stored = train_states::newest(&db.pool, lease.run_id()).await.expect("an answer").expect("a state");
        train_states::fetch(&db.pool, &stored, &copy).await.expect("its bytes");
    };
    assert!(Box::pin(peak("stored 430 MiB", save())).await < MOST);
    assert!(Box::pin(peak("fetched 430 MiB", fetch())).await < MOST);
    assert!(Box::pin(peak("stored the same again", save())).await < MOST);
    assert_eq!(count(&db.pool).await, (1, i64::from(MEBIBYTES)));
}
