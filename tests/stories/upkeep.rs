//! Upkeep from the command line: outboxes changed and killed, secrets rotated and revoked, phases switched off, the database mended.
use sqlx::AssertSqlSafe;

use crate::home::Home;
use crate::office::Office;
use crate::screen::Screen;

/// Everything the everyday database holds, schema and rows, without what a start is allowed to write.
fn dump(home: &Home) -> Vec<String> {
    home.on("countersign", async |conn| {
        let mut all: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) FROM information_schema.columns
              WHERE table_schema = 'public'
            UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
              WHERE connamespace = 'public'::regnamespace ORDER BY 1",
        )
        .fetch_all(&mut *conn)
        .await
        .expect("the catalogue can be read");
        let tables: Vec<String> =
            // An engine notes which lists of providers it will ask for what their webhooks missed.
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'crm_sync_cursors' ORDER BY 1")
                .fetch_all(&mut *conn)
                .await
                .expect("tables can be listed");
        for table in tables {
            // The name comes out of the catalogue.
            let rows = AssertSqlSafe(format!("SELECT t::text FROM {table} t ORDER BY 1"));
            let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut *conn).await.expect("rows can be read");
            all.extend(rows.into_iter().map(|row| format!("{table} {row}")));
        }
        all
    })
}

/// R26: starting twice changes nothing: a dispatcher, a console and every command that only looks leave the database as it was.
#[test]
fn a_second_start_changes_nothing() {
    let office = Office::with_approved(2);
    office.import(3);
    office.dispatch().finish().ends_with(0);
    let before = dump(&office.home);
    for _ in 0..2 {
        office.dispatch().finish().ends_with(0);
        for words in [["db", "migrate"], ["db", "status"], ["db", "repair"], ["outboxes", "list"]] {
            office.home.run(&words).ends_with(0);
        }
        let mut screen = Screen::open(&office.home, &[]);
        screen.shows("dispatcher ok");
        screen.shows("Roof 3");
        screen.send("q");
        screen.ended_well();
    }
    let after = dump(&office.home);
    let differ: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(before.len() > 100 && before.len() == after.len() && differ.is_empty(), "{differ:?}");
}

/// R25: eight processes that start together, on nothing at all and on the schema of an older release, all find it ready.
#[test]
fn eight_processes_start_together() {
    let mut home = Home::new();
    let together = |home: &Home| {
        let starters: Vec<_> = (0..8).map(|_| home.start(&["companies", "list"])).collect();
        for starter in starters {
            starter.finish().ends_with(0);
        }
    };
    together(&home);
    home.keep_server();
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    let whole = dump(&home);
    let migrations = countersign_tests::server::root().join("migrations");
    home.on("countersign", async |conn| {
        let mut migrator = sqlx::migrate::Migrator::new(migrations).await.expect("the folder can be read");
        migrator.set_locking(false);
        migrator.undo(&mut *conn, 3).await.expect("back to an older release");
    });
    assert_ne!(dump(&home).len(), whole.len());
    together(&home);
    // When each migration ran is not the same; everything else is.
    let lasting = |dump: Vec<String>| {
        dump.into_iter().filter(|line| !line.starts_with("_sqlx_migrations (")).collect::<Vec<_>>()
    };
    assert_eq!(lasting(dump(&home)), lasting(whole));
}

/// An outbox is shown, changed, killed and opened again; what is refused says why.
#[test]
fn an_outbox_is_changed_killed_and_opened_again() {
    let mut office = Office::with_approved(2);
    let home = &mut office.home;
    let set = home.json(&["outboxes", "set", "main", "--daily-cap", "80", "--niche", "roofs"]);
    assert_eq!(set["done"]["changed"].as_array().map(Vec::len), Some(2), "{set}");
    home.run(&["outboxes", "set", "main", "--zone", "Mars/Base"]).ends_with(2).complains("zone");
    home.run(&["outboxes", "set", "nothing", "--daily-cap", "1"]).ends_with(1).complains("outboxes list");
    let sender = ["outboxes", "set", "main", "--from-for-new-drafts", "Bea <bea@acme.example>"];
    assert!(
        home.run(&sender).ends_with(0).out.contains("2 drafts and approved messages keep the old sender")
    );
    home.run(&["outboxes", "kill", "main", "--reason", "wrong list"]).ends_with(0);
    let shown = home.run(&["outboxes", "show", "main"]).ends_with(0).out;
    assert!(shown.contains("KILLED: wrong list") && shown.contains("2 approved"), "{shown}");
    home.run(&["outboxes", "kill", "main", "--reason", "again"]).ends_with(3);
    let mut screen = Screen::open(home, &[]);
    screen.shows("dispatcher ok");
    screen.send("2");
    screen.shows("KILLED: wrong list");
    screen.send("p");
    screen.shows("main is killed, not paused: X lifts that");
    screen.send("q");
    screen.ended_well();
    assert_eq!(office.provider.ledger().len(), 0);
    let id = home.texts("SELECT id::text FROM crm_outboxes").remove(0);
    home.run(&["outboxes", "resume", &id]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.ledger().len(), 2);
}

/// S23: rotate, revoke, and what stops; values are printed nowhere.
#[test]
fn a_secret_is_rotated_and_revoked() {
    let office = Office::with_approved(1);
    office.home.run_with(&["secrets", "rotate", "resent"], "x").ends_with(1).complains("does not exist");
    office.home.run_with(&["secrets", "rotate", "resend"], "re_second").ends_with(0);
    office.home.run(&["secrets", "revoke", "resend:latest", "--reason", "x"]).ends_with(2);
    let first = office.home.json(&["secrets", "revoke", "resend:1", "--reason", "leaked"]);
    assert_eq!((first["stop"].to_string(), first["goOn"].to_string()), ("[]".to_owned(), "[]".to_owned()));
    let last = office.home.run(&["secrets", "revoke", "resend:2", "--reason", "leaked"]).ends_with(0).out;
    assert!(last.contains("main") && last.contains("countersign secrets rotate resend"), "{last}");
    let listed = office.home.run(&["secrets", "list"]).ends_with(0).out;
    assert!(listed.matches("revoked").count() == 2 && !listed.contains("re_second"), "{listed}");
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.home.texts("SELECT hold_code FROM crm_activities"), ["credential_revoked"]);
    assert_eq!(office.provider.ledger().len(), 0);
    let shown = office.home.run(&["outboxes", "list"]).ends_with(0).out;
    assert!(shown.contains("paused: secret `resend:latest` was revoked"), "{shown}");
    office.home.run_with(&["secrets", "rotate", "resend"], "re_third").ends_with(0);
    office.home.run(&["outboxes", "resume", "main"]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(1);
}

/// A phase that is switched off: what needs it says so, the console opens and says so, nothing is sent, nothing is lost.
#[test]
fn a_phase_is_switched_off_and_on_again() {
    let mut office = Office::with_approved(2);
    let before = dump(&office.home);
    office.home.set("COUNTERSIGN_DATABASE__PHASES_OFF", "b,c");
    let sentence = "phase b (outboxes, quota) is switched off in the configuration";
    for words in
        [["outboxes", "list"], ["approvals", "list"], ["queue", "list"], ["dispatch", "--until-idle"]]
    {
        office.home.run(&words).ends_with(2).complains(sentence);
    }
    office.home.run(&["operators", "list"]).ends_with(0);
    office.home.run(&["secrets", "list"]).ends_with(0);
    assert!(office.home.run(&["db", "status"]).ends_with(0).out.contains("switched off"));
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("dispatcher off");
    screen.shows(sentence);
    screen.send("2");
    screen.shows("switched off");
    screen.send("q");
    screen.ended_well();
    assert_eq!(office.provider.ledger().len(), 0);
    assert_eq!(dump(&office.home), before);

    office.home.set("COUNTERSIGN_DATABASE__PHASES_OFF", "a");
    office.home.run(&["db", "status"]).ends_with(2).complains("everything needs it");
    office.home.set("COUNTERSIGN_DATABASE__PHASES_OFF", "");
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.ledger().len(), 2);

    office.home.run(&["db", "revert", "--phase", "a", "--yes"]).ends_with(1).complains("b");
    office.home.run(&["db", "revert", "--phase", "b", "--yes"]).ends_with(1).complains("c");
    office.home.run(&["db", "revert", "--phase", "c", "--yes"]).ends_with(0);
    let answer = office.home.run(&["db", "revert", "--phase", "b", "--yes"]).ends_with(0);
    assert!(answer.out.contains("the next command makes its tables again, empty"), "{}", answer.out);
    assert_eq!(office.home.json(&["outboxes", "list"])["items"].as_array().map(Vec::len), Some(0));
}

/// Repair looks before it mends, says when there is nothing to do, and leaves to people what is theirs.
#[test]
fn a_database_is_looked_at_and_mended() {
    let office = Office::open("0s");
    office.home.change("DELETE FROM crm_credential_buckets");
    let looked = office.home.run(&["db", "repair"]).ends_with(0).out;
    assert!(looked.contains("outbox main has no quota bucket") && looked.contains("--apply"), "{looked}");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_credential_buckets"), 0);
    office.home.run(&["db", "repair", "--apply"]).ends_with(0);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_credential_buckets"), 1);
    assert!(office.home.run(&["db", "repair"]).ends_with(0).out.contains("nothing to do"));
    office.home.change("UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1");
    let left = office.home.run(&["db", "repair", "--apply"]).ends_with(1).out;
    assert!(left.contains("0001") && left.contains("never rewritten"), "{left}");
}
