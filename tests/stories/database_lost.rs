//! The database goes away under an open console.
use std::fs::File;

use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};

use crate::home::Home;
use crate::office::Office;
use crate::process;
use crate::screen::Screen;

/// Stops the server and keeps everybody from starting another: they wait for a supervisor that is no supervisor.
pub(crate) fn keep_stopped(home: &Home) -> File {
    let path = home.path("data/countersign/pg/supervisor.lock");
    crate::wait("the place of the supervisor is taken", || {
        home.run(&["db", "stop"]).ends_with(0);
        let file = File::options().read(true).write(true).open(&path).expect("the lock file opens");
        file.try_lock().is_ok().then_some(file)
    })
}

/// R19, F20: a banner instead of a hang, decisions are refused, and when the server is back the console finds out by itself.
#[test]
fn while_the_database_is_away_nothing_can_be_decided() {
    let office = Office::open("0s");
    office.import(2);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");

    let place = keep_stopped(&office.home);
    screen.shows("stale since");
    screen.shows("reconnecting");
    screen.shows("read only");
    screen.send("a");
    screen.shows("the database does not answer, so nothing can be decided");
    // Keys that only look go on working.
    screen.send("?");
    screen.shows("approve the marked");
    screen.send("?");
    screen.hides("approve the marked");

    drop(place);
    screen.hides("stale since");
    screen.shows("live");
    office.home.revive_server();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0, "no decision was kept in memory");

    screen.approve("Person 1");
    crate::until("it is sent", || !office.provider.ledger().is_empty());
    screen.send("q");
    screen.ended_well();
}

/// Takes connections as the product's role until the server has none left.
async fn fill(home: &Home) -> Vec<PgConnection> {
    let options = home.location().connect_options("countersign").expect("a password");
    let mut taken = Vec::new();
    loop {
        match PgConnection::connect_with(&options).await {
            Ok(connection) => taken.push(connection),
            Err(error) => {
                let code = error.as_database_error().and_then(|error| error.code().map(Into::into));
                assert_eq!(code, Some("53300".to_owned()), "{error}");
                return taken;
            }
        }
    }
}

/// F25: others take every connection there is. An open console goes on with those it has: it decides, and its engine sends. Whoever
/// starts now hears why it cannot and what to do, and starts when there is room again.
#[test]
fn a_full_server_does_not_stop_an_open_console() {
    let office = Office::open("0s");
    office.import(2);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    // A small limit reached is as good as a big one, and kinder to the machine.
    office.home.change("ALTER DATABASE countersign CONNECTION LIMIT 40");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let taken = runtime.block_on(fill(&office.home));
    assert!(taken.len() > 10, "there was room");

    screen.approve("Person 1");
    crate::until("it is sent", || office.provider.ledger().len() == 1);
    screen.shows("live");
    for words in [&["approvals", "list"][..], &["dispatch", "--until-idle"], &["serve"]] {
        let answer = office.home.run(words).ends_with(5);
        let answer = answer.complains("its server has no connection left (too many connections for database");
        answer.complains("end what uses them, or raise max_connections");
    }
    drop(taken);
    drop(runtime);
    crate::until("there is room again", || office.home.run(&["approvals", "list"]).code == Some(0));
    screen.approve("Person 2");
    crate::until("it is sent", || office.provider.ledger().len() == 2);
    screen.send("q");
    screen.ended_well();
    office.sent_each_once(2);
}

/// R19, F20, F21: the server stops at once in the middle of an approval: what the screen shows is what is stored, and the next key decides.
#[test]
fn a_server_that_stops_in_the_middle_of_an_approval_is_not_believed() {
    let office = Office::open("0s");
    office.import(2);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    let (_, postmaster) = office.home.server();
    // The approval waits here, all but done, until its server is gone.
    let waits = office.home.on("countersign", async |conn| {
        sqlx::raw_sql("BEGIN; LOCK TABLE crm_decisions IN SHARE MODE")
            .execute(&mut *conn)
            .await
            .expect("locks");
        let give_up = countersign_core::clock::monotonic() + crate::DEADLINE;
        loop {
            screen.send("a");
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crm_decisions'::regclass",
            )
            .fetch_one(&mut *conn)
            .await
            .expect("it can be asked");
            if waiting > 0 {
                // An immediate stop: no process of the server finishes anything.
                process::signal(postmaster, Signal::QUIT);
                return true;
            }
            if countersign_core::clock::monotonic() >= give_up {
                return false;
            }
            std::thread::sleep(crate::GLANCE);
        }
    });
    assert!(waits, "the approval reached the lock");
    crate::until("the old server is gone", || matches!(process::state(postmaster), None | Some('Z')));
    screen.shows("1 Approvals 2");
    screen.shows("live");
    office.home.revive_server();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0, "nothing was decided");
    assert_eq!(office.provider.seen().count, 0, "nothing left");
    // These words would stand where the answer to a key is looked for.
    screen.shows("the database answers again");
    screen.approve("Person 1");
    crate::until("it is sent", || !office.provider.ledger().is_empty());
    screen.send("q");
    screen.ended_well();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 1);
}

/// F26, F27: supervisor and server are killed under a console; it brings them back and goes on.
#[test]
fn a_killed_server_comes_back_under_the_console() {
    let office = Office::open("0s");
    office.import(2);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("1 Approvals 2");
    let (supervisor, postmaster) = office.home.server();
    process::signal(supervisor, Signal::KILL);
    process::signal(postmaster, Signal::KILL);
    crate::until("the old server is gone", || {
        [supervisor, postmaster].iter().all(|number| matches!(process::state(*number), None | Some('Z')))
    });
    crate::until("another supervisor is at work", || {
        countersign_core::db::private::status(&office.home.location()).supervisor.is_some()
    });
    office.import(3);
    screen.shows("1 Approvals 3");
    screen.send("q");
    screen.ended_well();
}
