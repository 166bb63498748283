//! A disk that is really full: a table lies on a small file system of its own, and the rest of it is filled.
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use countersign_core::activity::status::Status;
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// A small file system. It goes away also when the test fails.
struct Small(TempDir);

impl Small {
    /// Makes one of 1 MiB that belongs to the server's user; `None` where the machine does not allow it.
    fn mount(owner: u32) -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("cs-full-").tempdir_in("/tmp").expect("a folder can be made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path());
        let is_mounted = mount.output().is_ok_and(|done| done.status.success());
        if !is_mounted {
            return None;
        }
        let small = Self(folder);
        chown(small.0.path(), Some(owner), None).expect("it can be given away");
        Some(small)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

async fn run(owner: &mut PgConnection, statement: &str) -> Result<(), String> {
    // The texts are written in this file; each is a transaction of its own.
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(owner).await;
    done.map(drop).map_err(|error| match error.as_database_error() {
        Some(refused) => refused.code().unwrap_or_default().into_owned(),
        None => error.to_string(),
    })
}

/// Fills what is left of the file system, to the last page.
async fn fill(owner: &mut PgConnection, place: &str) {
    run(owner, &format!("CREATE TABLE filler (t text) TABLESPACE {place}")).await.expect("there is room");
    run(owner, "ALTER TABLE filler ALTER t SET STORAGE plain").await.expect("it is a column");
    for rows in [20, 1] {
        loop {
            let more = format!("INSERT INTO filler SELECT repeat('x', 7500) FROM generate_series(1, {rows})");
            match run(owner, &more).await {
                Ok(()) => {}
                Err(code) => break assert_eq!(code, "53100", "the disk is full"),
            }
        }
    }
}

/// F23: no room for a claim: nothing is sent. No room for an outcome: it waits and is not repeated. When there is room again, all goes on
/// without a restart.
#[rstest]
#[case::no_room_for_a_claim("crm_dispatch_claims", 0)]
#[case::no_room_for_an_outcome("crm_dispatch_attempts", 3)]
#[tokio::test]
async fn on_a_full_disk_nothing_is_sent_twice(#[case] table: &str, #[case] requests: u64) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    let data: String =
        sqlx::query_scalar("SHOW data_directory").fetch_one(&mut owner).await.expect("it is somewhere");
    let user = std::fs::metadata(Path::new(&data)).expect("it is there").uid();
    let Some(small) = Small::mount(user) else {
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: on_a_full_disk_nothing_is_sent_twice needs to mount a file system"
        );
        return;
    };
    world.approved_email(3).await;
    let place = format!("full_{table}");
    run(&mut owner, &format!("CREATE TABLESPACE {place} LOCATION '{}'", small.0.path().display()))
        .await
        .expect("a place");
    run(&mut owner, &format!("ALTER TABLE {table} SET TABLESPACE {place}")).await.expect("it moves");
    fill(&mut owner, &place).await;

    let worker = Worker::start(&world, provider.lines(), quick()).await;
    let task = if requests == 0 { countersign_core::engine::DISPATCHER } else { "outcomes" };
    let says_why = || {
        worker.board.tasks().into_iter().any(|told| {
            told.name == task && told.error.is_some_and(|error| error.contains("No space left on device"))
        })
    };
    world.until("the board says why", async || says_why()).await;
    assert_eq!(provider.requests(), requests);
    assert_eq!(world.statuses().await.get("sent"), None);
    // Whoever only reads can go on.
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 3);

    run(&mut owner, "DROP TABLE filler").await.expect("there is room again");
    run(&mut owner, "CHECKPOINT").await.expect("the room is given back");
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 3, "nothing was repeated");
    books::compare(&world, &provider).await;
    run(&mut owner, &format!("ALTER TABLE {table} SET TABLESPACE pg_default")).await.expect("it moves");
    run(&mut owner, &format!("DROP TABLESPACE {place}")).await.expect("it is empty");
}
