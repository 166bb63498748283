//! The committed metadata of checked queries against a database of today: a stale cache compiles in silence, and fails here.
use std::collections::BTreeSet;
use std::path::PathBuf;

use countersign_tests::server::{Database, root};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

const HINT: &str = "run `cargo run -p countersign-tests --example prepare` and commit .sqlx";

fn cached() -> Vec<(PathBuf, Value)> {
    let folder = root().join(".sqlx");
    let files =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}; {HINT}", folder.display()));
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            (path, serde_json::from_str(&text).expect("the file holds JSON"))
        })
        .collect()
}

/// Every cached statement still has the parameters, columns and types that were committed.
#[tokio::test]
async fn the_metadata_of_queries_fits_the_schema() {
    let database = Database::migrated().await;
    let pool = database.pool().await;
    let mut conn = pool.acquire().await.expect("a connection");
    let cached = cached();
    assert!(cached.len() > 50, "only {} statements; {HINT}", cached.len());
    for (path, cached) in cached {
        let query = cached["query"].as_str().expect("a query").to_owned();
        // The text comes from the sources, by way of the cache.
        let described = conn.describe(AssertSqlSafe(query.clone()).into_sql_str()).await;
        let described = described.unwrap_or_else(|error| panic!("{query}\n{error}; {HINT}"));
        let described = serde_json::to_value(&described).expect("JSON");
        // Whether a column of an outer join can be null is read off the plan, which depends on what the tables hold.
        let parts = if query.contains("LEFT JOIN") {
            &["columns", "parameters"][..]
        } else {
            &["columns", "parameters", "nullable"]
        };
        for part in parts {
            assert_eq!(described[part], cached["describe"][part], "{}: {query}\n{HINT}", path.display());
        }
    }
}

/// The cache holds nothing that no source asks for any more.
#[test]
fn no_metadata_is_left_over() {
    let mut sources = String::new();
    for file in super::architecture::sources("core/src") {
        sources.push_str(&file.text);
    }
    // Escapes are written out in the cache and not in raw strings, so the text is compared word by word.
    let words =
        |text: &str| text.split_whitespace().map(|word| word.replace('\\', "")).collect::<Vec<_>>().join(" ");
    let sources = words(&sources);
    let unused: BTreeSet<String> = cached()
        .into_iter()
        .map(|(_, cached)| words(cached["query"].as_str().expect("a query")))
        .filter(|query| !sources.contains(query.as_str()))
        .collect();
    assert!(unused.is_empty(), "no source asks for {unused:#?}\n{HINT}");
}
