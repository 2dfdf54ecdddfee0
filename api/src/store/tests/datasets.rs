//! Datasets and their puzzles.

use super::{dataset, puzzles, spec};
use crate::store::access::Viewer;
use crate::store::{
    Error,
    datasets::{self, DatasetFilter, NewDataset},
    puzzles as stored,
    slices::Slice,
    testing::database,
};
use hrm_model::data::{Dataset, Puzzle};
use hrm_types::ids::TeamId;
use hrm_types::{board::Kind, dataset::Split};

fn imported(name: &str) -> NewDataset<'_> {
    NewDataset {
        team: TeamId::LOCAL,
        name,
        origin: "file.csv",
        generated: None,
        license: None,
        seed: None,
        leaks: None,
    }
}

/// More puzzles than one batch, all different in their source.
fn many(count: usize) -> Dataset {
    let one = puzzles(1).train.remove(0);
    let train = (0..count).map(|i| Puzzle { source: i.to_string(), ..one.clone() }).collect();
    Dataset { kind: Kind::Sudoku, side: 4, train, validation: vec![], test: vec![one] }
}

#[tokio::test]
async fn a_dataset_comes_back_as_it_was_stored() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    assert_eq!((set.train_count, set.test_count, set.side), (24, 6, 4));
    assert_eq!((set.generated.as_ref(), set.kind.as_str()), (Some(&spec(1)), "sudoku"));
    assert_eq!(stored::load_dataset(&db.pool, &set).await.expect("the puzzles"), puzzles(1));
    for key in ["set".to_owned(), set.id.to_string()] {
        assert_eq!(datasets::find(&db.pool, &Viewer::Everything, &key).await.expect("the dataset"), set);
    }
    assert_eq!(datasets::generated_from(&db.pool, TeamId::LOCAL, &spec(1)).await.expect("an answer"), Some(set));
    assert_eq!(datasets::generated_from(&db.pool, TeamId::LOCAL, &spec(2)).await.expect("an answer"), None);
}

#[tokio::test]
async fn an_import_is_stored_whole_or_not_at_all() {
    let db = database().await;
    let mut broken = many(12_000);
    // PostgreSQL's text holds no NUL, so that the last batch is refused after two have been written.
    broken.train[11_999].source = "\0".into();
    let refused = datasets::create(&db.pool, imported("set"), &broken).await;
    assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
    let count = sqlx::query_scalar::<_, i64>("SELECT (SELECT count(*) FROM puzzles) + (SELECT count(*) FROM datasets)");
    assert_eq!(count.fetch_one(&db.pool).await.expect("a count"), 0);

    let whole = many(12_000);
    let set = datasets::create(&db.pool, imported("set"), &whole).await.expect("a dataset");
    assert_eq!(stored::load_dataset(&db.pool, &set).await.expect("the puzzles"), whole);
}

#[tokio::test]
async fn names_and_contents_are_unique() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    for (name, seed, expected) in [("set", 2, "datasets_name_key"), ("other", 1, "datasets_content_hash_key")] {
        let refused = datasets::create(&db.pool, imported(name), &puzzles(seed)).await;
        assert!(matches!(&refused, Err(Error::Conflict { constraint, .. }) if constraint == expected), "{refused:?}");
    }
    let found = datasets::find_or_create(&db.pool, imported("other"), &puzzles(1)).await;
    assert_eq!(found.expect("the dataset"), set);
    let taken = datasets::find_or_create(&db.pool, imported("set"), &puzzles(2)).await;
    assert!(matches!(taken, Err(Error::Conflict { .. })), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn storing_the_same_puzzles_at_once_stores_them_once() {
    let db = database().await;
    let tasks: Vec<_> = (0..6)
        .map(|i| {
            let pool = db.pool.clone();
            tokio::spawn(async move {
                let name = format!("set-{i}");
                datasets::find_or_create(&pool, imported(&name), &puzzles(1)).await.expect("a dataset").id
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.expect("no panic"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(
        datasets::list(&db.pool, &Viewer::Everything, DatasetFilter::default(), &Slice::newest(10))
            .await
            .expect("a page")
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn changed_puzzles_are_noticed() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let change = sqlx::query("UPDATE puzzles SET rating = rating + 1 WHERE split = 'test' AND position = 3");
    assert_eq!(change.execute(&db.pool).await.expect("a change").rows_affected(), 1);
    let loaded = stored::load_dataset(&db.pool, &set).await;
    assert!(matches!(loaded, Err(Error::Corrupt { what: "dataset", .. })), "{loaded:?}");
}

#[tokio::test]
async fn puzzles_and_datasets_are_paged() {
    let db = database().await;
    let first = dataset(&db.pool, "first", 1).await;
    let second = dataset(&db.pool, "second", 2).await;
    let page = datasets::list(&db.pool, &Viewer::Everything, DatasetFilter::default(), &Slice::newest(1))
        .await
        .expect("a page");
    assert_eq!((page.items, page.next_cursor), (vec![second.clone()], Some(second.id.to_string())));
    let behind = Slice::newest(1).behind(&second.id.to_string()).expect("a cursor");
    let page = datasets::list(&db.pool, &Viewer::Everything, DatasetFilter::default(), &behind).await.expect("a page");
    assert_eq!((page.items, page.next_cursor), (vec![first.clone()], None));

    let page = stored::list(&db.pool, first.id, Split::Test, None, 4).await.expect("a page");
    assert_eq!(page.items.iter().map(|puzzle| puzzle.position).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(page.next_cursor.as_deref(), Some("3"));
    let page = stored::list(&db.pool, first.id, Split::Test, Some(3), 4).await.expect("a page");
    assert_eq!(page.items.iter().map(|puzzle| puzzle.position).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(page.next_cursor, None);
    assert_eq!(page.items[0].question, puzzles(1).test[4].question.text(Kind::Sudoku));
}
