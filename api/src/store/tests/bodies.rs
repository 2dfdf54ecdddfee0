//! Chunks whose bodies lie in an object store, which here is a folder.

use crate::store::{
    Error, PgPool, artifacts,
    artifacts::{Artifact, CHUNK},
    bodies::{self, Place},
    copying, garbage,
    testing::{data_dir, database},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

fn place(folder: &Path) -> Place {
    format!("file://{}/", folder.display()).parse().expect("a place")
}

/// Every file below a folder.
fn objects(folder: &TempDir) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder.path()).expect("the folder").map(|entry| entry.expect("an entry").path());
    folders
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("a file").path())
        .collect()
}

async fn stored(pool: &PgPool, bytes: &[u8]) -> Artifact {
    let mut tx = pool.begin().await.expect("a transaction");
    let stored = artifacts::store(&mut tx, bytes).await.expect("an artifact");
    tx.commit().await.expect("the commit");
    stored
}

/// Chunks in the database, and outside.
async fn count(pool: &PgPool) -> (i64, i64) {
    let count = "SELECT count(bytes), count(object) FROM chunks";
    sqlx::query_as(count).fetch_one(pool).await.expect("counts")
}

fn content() -> Vec<u8> {
    [vec![1; CHUNK], vec![2; CHUNK], vec![3; 5]].concat()
}

#[tokio::test]
async fn moved_chunks_are_read_as_before_and_stored_once() {
    let (db, folder) = (database().await, data_dir());
    let file = stored(&db.pool, &content()).await;
    assert_eq!(bodies::move_out(&db.pool, &place(folder.path())).await.expect("chunks move"), 3);
    assert_eq!((count(&db.pool).await, objects(&folder).len()), ((0, 3), 3));
    assert_eq!(artifacts::read(&db.pool, &file.sha256).await.expect("the file"), content());
    let other = stored(&db.pool, &content()[CHUNK..]).await;
    assert_eq!(count(&db.pool).await, (0, 3), "what is outside is known");
    assert_eq!(artifacts::read(&db.pool, &other.sha256).await.expect("the file"), &content()[CHUNK..]);
    assert_eq!(bodies::move_out(&db.pool, &place(folder.path())).await.expect("an answer"), 0);
}

#[tokio::test]
async fn objects_of_collected_chunks_are_deleted_after_a_rest() {
    let (db, folder) = (database().await, data_dir());
    stored(&db.pool, &content()).await;
    bodies::move_out(&db.pool, &place(folder.path())).await.expect("chunks move");
    assert_eq!(garbage::collect(&db.pool).await.expect("a collection").chunks, 3);
    assert_eq!(bodies::delete_dropped(&db.pool, Duration::from_hours(1)).await.expect("an answer"), 0);
    assert_eq!(objects(&folder).len(), 3, "somebody may be reading them");
    // Stored anew meanwhile, it is another object.
    let file = stored(&db.pool, &content()).await;
    bodies::move_out(&db.pool, &place(folder.path())).await.expect("chunks move");
    assert_eq!(bodies::delete_dropped(&db.pool, Duration::ZERO).await.expect("objects are deleted"), 3);
    assert_eq!(objects(&folder).len(), 3);
    assert_eq!(artifacts::read(&db.pool, &file.sha256).await.expect("the file"), content());
}

#[tokio::test]
async fn no_object_is_deleted_while_a_snapshot_is_read() {
    let (db, folder) = (database().await, data_dir());
    stored(&db.pool, &content()).await;
    bodies::move_out(&db.pool, &place(folder.path())).await.expect("chunks move");
    let snapshot = copying::snapshot(&db.pool).await.expect("a snapshot");
    let other = copying::snapshot(&db.pool).await.expect("another beside it");
    assert_eq!(garbage::collect(&db.pool).await.expect("a collection").chunks, 3);
    assert_eq!(bodies::delete_dropped(&db.pool, Duration::ZERO).await.expect("an answer"), 0);
    snapshot.rollback().await.expect("its end");
    other.rollback().await.expect("its end");
    assert_eq!(bodies::delete_dropped(&db.pool, Duration::ZERO).await.expect("objects are deleted"), 3);
    assert_eq!(objects(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn lost_and_changed_objects_are_noticed() {
    let (db, folder) = (database().await, data_dir());
    let file = stored(&db.pool, &content()[2 * CHUNK..]).await;
    bodies::move_out(&db.pool, &place(folder.path())).await.expect("a chunk moves");
    let object = objects(&folder).pop().expect("an object");
    fs::write(&object, "other").expect("damage");
    let read = artifacts::read(&db.pool, &file.sha256).await;
    assert!(matches!(read, Err(Error::Corrupt { what: "artifact", .. })), "{read:?}");
    fs::remove_file(&object).expect("damage");
    let other = stored(&db.pool, b"other").await;
    bodies::move_out(&db.pool, &place(folder.path())).await.expect("a chunk moves");
    let read = artifacts::read(&db.pool, &file.sha256).await;
    let name = object.file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(matches!(&read, Err(Error::Corrupt { detail, .. }) if detail.contains(name)), "{read:?}");

    // A folder that is not mounted has lost nothing.
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).expect("another name");
    for there in [false, true] {
        if there {
            fs::create_dir(folder.path()).expect("the place to mount it");
        }
        let read = artifacts::read(&db.pool, &other.sha256).await;
        assert!(matches!(&read, Err(error @ Error::Object { .. }) if error.is_transient()), "{read:?}");
    }
    fs::remove_dir(folder.path()).expect("an empty folder");
    fs::rename(&away, folder.path()).expect("its name");
    assert_eq!(artifacts::read(&db.pool, &other.sha256).await.expect("the file"), b"other");
}

#[tokio::test]
async fn what_the_store_does_not_take_stays_in_the_database_and_what_it_half_took_is_forgotten() {
    let (db, folder) = (database().await, data_dir());
    let file = stored(&db.pool, &content()).await;
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "no folder").expect("a file");
    let refused = bodies::move_out(&db.pool, &place(&blocked)).await;
    assert!(matches!(refused, Err(Error::Object { .. })), "{refused:?}");
    assert_eq!(count(&db.pool).await, (3, 0));
    assert_eq!(artifacts::read(&db.pool, &file.sha256).await.expect("the file"), content());
    let noted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM dropped_objects").fetch_one(&db.pool).await;
    assert_eq!(noted.expect("a count"), 3, "the objects that may or may not be there");
}

#[tokio::test]
async fn a_chunk_that_the_store_does_not_take_is_in_the_way_of_no_other() {
    let (db, folder) = (database().await, data_dir());
    let file = stored(&db.pool, &content()).await;
    let first = "SELECT sha256 FROM chunks ORDER BY sha256 LIMIT 1";
    let first: Vec<u8> = sqlx::query_scalar(first).fetch_one(&db.pool).await.expect("a hash");
    // A file where the folder of its object would be.
    let blocked = folder.path().join(format!("{:02x}", first[0]));
    fs::write(&blocked, "no folder").expect("a file");
    let refused = bodies::move_out(&db.pool, &place(folder.path())).await;
    assert!(matches!(refused, Err(Error::Object { away: false, .. })), "{refused:?}");
    assert_eq!(count(&db.pool).await, (1, 2));
    assert_eq!(artifacts::read(&db.pool, &file.sha256).await.expect("the file"), content());
    fs::remove_file(&blocked).expect("the file");
    assert_eq!(bodies::move_out(&db.pool, &place(folder.path())).await.expect("a chunk moves"), 1);
    assert_eq!(artifacts::read(&db.pool, &file.sha256).await.expect("the file"), content());
}

#[test]
fn places_that_this_program_cannot_use_are_refused() {
    for address in ["nonsense", "gopher://host/x", "gs://bucket/x"] {
        assert!(address.parse::<Place>().is_err(), "{address}");
    }
    assert_eq!("s3://bucket/x".parse::<Place>().is_ok(), cfg!(feature = "s3"), "with the feature alone");
    assert_eq!("file:///srv/hrm/".parse::<Place>().expect("a folder").to_string(), "file:///srv/hrm");
}
