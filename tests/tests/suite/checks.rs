//! The checks themselves: after a good run they find nothing, and each of them finds what was planted for it.
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use countersign_adapters::sandbox::{Asked, Entry};
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_tests::check::{Check, Evidence, Finding, canary, examine, left};
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use jiff::SignedDuration;
use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A run that is over: three messages were sent, the fourth waits an hour for a reason, the fifth is a draft.
struct Run {
    world: World,
    items: Vec<Item>,
    ledger: Vec<Entry>,
    requests: Vec<Asked>,
}

impl Run {
    async fn over() -> Self {
        let (world, provider) = (World::new().await, Provider::start().await);
        let items = world.file_email(5).await;
        world.approve(&items[3..4]).await;
        world
            .sql("UPDATE crm_activities SET send_after = now() + interval '1 hour', hold_code = 'scheduled' WHERE status = 'approved'")
            .await;
        world.approve(&items[..3]).await;
        let worker = Worker::start(&world, provider.lines(), quick()).await;
        world.until_count(Status::Sent, 3).await;
        worker.stop().await;
        let (ledger, requests) = (provider.ledger(), provider.seen().log.into());
        let run = Self { world, items, ledger, requests };
        assert_eq!(run.findings().await, [], "a good run");
        run
    }

    async fn findings(&self) -> Vec<Finding> {
        let evidence =
            Evidence { ledger: Some(&self.ledger), requests: Some(&self.requests), is_at_rest: true };
        let mut conn = PgConnection::connect_with(&self.world.options()).await.expect("connects");
        examine(&mut conn, evidence).await.expect("the database can be read").findings
    }

    /// Changes rows as only the owner of the machine can: past every key, trigger and check.
    async fn plant(&self, statements: &str) {
        let mut text = statements.to_owned();
        for (index, item) in self.items.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), &format!("'{}'", item.id));
        }
        let text = format!(
            "SET session_replication_role = replica;
            DO $$ DECLARE c record; BEGIN FOR c IN SELECT conname, conrelid::regclass AS t FROM pg_constraint
              WHERE contype = 'c' AND connamespace = 'public'::regnamespace
              LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$;
            {text}"
        );
        let mut owner = PgConnection::connect_with(&self.world.admin_options()).await.expect("connects");
        // The text is written in this file.
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut owner).await.expect("the owner may do anything");
    }

    /// Expects a finding of that check about that row.
    async fn finds(&self, check: Check, row: &str, problem: &str) {
        let findings = self.findings().await;
        let found = findings
            .iter()
            .any(|found| found.check == check && found.row.contains(row) && found.problem.contains(problem));
        assert!(found, "{check:?} should find `{problem}` of {row}:\n{findings:#?}");
    }
}

/// C2 to C7, C9: what is wrong in the database.
#[rstest]
#[case::claimed_for_ever(Check::C2, "is open although",
    "INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
      SELECT company_id, id, outbox_id, 'lost', now() + interval '1 minute', '{}' FROM crm_activities WHERE id = {0}")]
#[case::a_token_of_no_claim(
    Check::C2,
    "does not exist",
    "UPDATE crm_activities SET status = 'dispatching', claim_id = id WHERE id = {0}"
)]
#[case::no_reason(
    Check::C2,
    "says no reason",
    "UPDATE crm_activities SET status = 'approved', hold_code = NULL, send_after = now() + interval '1 hour' WHERE id = {0}"
)]
#[case::another_hash_in_the_log(
    Check::C3,
    "names other bytes",
    "UPDATE crm_audit_log SET payload_sha256 = sha256('x') WHERE action = 'approval.approve' AND subject_id = {0}"
)]
#[case::changed_bytes(
    Check::C3,
    "have changed since",
    "UPDATE crm_payloads SET envelope = convert_to(replace(convert_from(envelope, 'UTF8'), 'offer', 'other'), 'UTF8') WHERE activity_id = {0}"
)]
#[case::lost_bytes(Check::C3, "that are not there", "DELETE FROM crm_payloads WHERE activity_id = {0}")]
#[case::nobody_approved(Check::C4, "nobody approved", "DELETE FROM crm_decisions WHERE activity_id = {0}")]
#[case::too_early(
    Check::C4,
    "before it was approved",
    "UPDATE crm_decisions SET at = now() + interval '1 hour' WHERE activity_id = {0}"
)]
#[case::on_the_wire_too_early(
    Check::C4,
    "went on the wire before",
    "UPDATE crm_dispatch_attempts SET wire_at = wire_at - interval '1 hour' WHERE activity_id = {0}"
)]
#[case::taken_back(Check::C4, "taken back",
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id, at)
      SELECT company_id, gen_random_uuid(), activity_id, round, payload_sha256, 'undo', true, actor_kind, actor_id, at
      FROM crm_decisions WHERE activity_id = {0}")]
#[case::expired(Check::C4, "had expired", "UPDATE crm_activities SET expires_at = created_at WHERE id = {0}")]
#[case::nothing_accepted(
    Check::C5,
    "no attempt was accepted",
    "UPDATE crm_dispatch_attempts SET outcome = 'retry' WHERE activity_id = {0}"
)]
#[case::accepted_and_failed(
    Check::C5,
    "was accepted in round 1 and is called failed",
    "UPDATE crm_activities SET status = 'failed' WHERE id = {0}"
)]
#[case::accepted_in_another_round(
    Check::C5,
    "was accepted in round 1",
    "UPDATE crm_activities SET round = 2 WHERE id = {0}"
)]
#[case::unknown_and_failed(
    Check::C5,
    "may have been sent",
    "UPDATE crm_dispatch_attempts SET outcome = 'maybe_sent' WHERE activity_id = {0}; UPDATE crm_activities SET status = 'failed' WHERE id = {0}"
)]
#[case::one_id_for_two(
    Check::C5,
    "3 messages one id",
    "UPDATE crm_dispatch_attempts SET provider_ref = 'same'"
)]
#[case::never_sent(
    Check::C5,
    "was never accepted",
    "UPDATE crm_activities SET status = 'sent', send_after = now() WHERE id = {3}"
)]
#[case::miscounted(Check::C6, "counts 4", "UPDATE crm_credential_buckets SET sent_today = 4")]
#[case::over_the_cap(Check::C6, "counts 3 of 2", "UPDATE crm_credential_buckets SET daily_cap = 2")]
#[case::an_outcome_without_record(
    Check::C7,
    "has 0 audit rows",
    "DELETE FROM crm_audit_log WHERE action = 'dispatch.sent' AND subject_id = {0}"
)]
#[case::an_outcome_recorded_twice(Check::C7, "has 2 audit rows",
    "INSERT INTO crm_audit_log SELECT company_id, gen_random_uuid(), at, actor_kind, actor_id, actor_name, action, subject_id, payload_sha256, reason, detail
      FROM crm_audit_log WHERE action = 'dispatch.sent' AND subject_id = {0}")]
#[case::a_gap(
    Check::C7,
    "counts 1 attempts",
    "UPDATE crm_dispatch_attempts SET attempt = 2 WHERE activity_id = {0}"
)]
#[case::a_state_without_record(
    Check::C7,
    "is called withdrawn",
    "UPDATE crm_activities SET status = 'withdrawn' WHERE id = {4}"
)]
#[case::a_decision_without_record(
    Check::C7,
    "decisions to approve",
    "DELETE FROM crm_audit_log WHERE action = 'approval.approve' AND subject_id = {0}"
)]
#[case::not_stopped(
    Check::C9,
    "was not stopped",
    "UPDATE crm_dispatch_attempts SET outcome = 'account_broken' WHERE activity_id = {0}"
)]
#[case::stopped_and_sent(Check::C9, "while its outbox was stopped",
    "INSERT INTO crm_audit_log (company_id, id, at, actor_kind, actor_name, action, subject_id)
      SELECT x.company_id, gen_random_uuid(), x.wire_at - interval '1 minute', 'engine', 'dispatcher', 'outbox.pause', a.outbox_id
      FROM crm_dispatch_attempts x JOIN crm_activities a ON a.id = x.activity_id WHERE a.id = {0}")]
#[tokio::test]
async fn a_planted_row_is_found(#[case] check: Check, #[case] problem: &str, #[case] statements: &str) {
    let run = Run::over().await;
    run.plant(statements).await;
    run.finds(check, "", problem).await;
}

/// C1, C3 to C5: what is wrong in the ledger.
#[rstest]
#[case::twice(Check::C1, "was accepted again", |ledger: &mut Vec<Entry>| {
    let again = Entry { id: "again".to_owned(), ..ledger[0].clone() };
    ledger.push(again);
})]
#[case::without_a_key(Check::C1, "without the key", |ledger: &mut Vec<Entry>| ledger[0].idempotency_key = None)]
#[case::for_another(Check::C1, "another activity", |ledger: &mut Vec<Entry>| ledger[0].activity_id = ledger[1].activity_id.clone())]
#[case::other_words(Check::C3, "other words", |ledger: &mut Vec<Entry>| ledger[0].body = ledger[0].body.replace("offer", "other"))]
#[case::another_recipient(Check::C3, "somebody else", |ledger: &mut Vec<Entry>| ledger[0].to = vec!["eve@example.com".to_owned()])]
#[case::another_copy(Check::C3, "somebody else", |ledger: &mut Vec<Entry>| ledger[0].to.push("eve@example.com".to_owned()))]
#[case::unknown(Check::C4, "no message of this database", |ledger: &mut Vec<Entry>| {
    ledger[0].idempotency_key = Some("countersign-00000000-0000-7000-8000-000000000001-1".to_owned());
})]
#[case::another_round(Check::C4, "nobody approved", |ledger: &mut Vec<Entry>| {
    ledger[0].idempotency_key = ledger[0].idempotency_key.as_ref().map(|key| format!("{}2", &key[..key.len() - 1]));
})]
#[case::too_early(Check::C4, "before it was approved", |ledger: &mut Vec<Entry>| ledger[0].at -= SignedDuration::from_hours(1))]
#[case::another_id(Check::C5, "another id", |ledger: &mut Vec<Entry>| ledger[0].id = "other".to_owned())]
#[case::lost(Check::C5, "was never accepted", |ledger: &mut Vec<Entry>| drop(ledger.remove(0)))]
#[tokio::test]
async fn a_planted_line_is_found(
    #[case] check: Check,
    #[case] problem: &str,
    #[case] plant: fn(&mut Vec<Entry>),
) {
    let mut run = Run::over().await;
    plant(&mut run.ledger);
    run.finds(check, "", problem).await;
}

/// C9: a request that came before the wait of its credential was over.
#[rstest]
#[case::in_seconds("600")]
#[case::as_a_date("Fri, 01 Jan 2100 00:00:00 GMT")]
#[tokio::test]
async fn an_early_request_is_found(#[case] retry_after: &str) {
    let mut run = Run::over().await;
    let (first, rest) = run.requests.split_first_mut().expect("requests");
    (first.status, first.retry_after) = (Some(429), Some(retry_after.to_owned()));
    let key = first.key.clone().expect("a key");
    for later in rest.iter_mut() {
        later.at += SignedDuration::from_mins(1);
    }
    // Both others were on the wire already when the answer came: they were free to go.
    run.plant(&format!(
        "UPDATE crm_dispatch_attempts SET outcome = 'retry', closed_at = wire_at + interval '30 seconds' WHERE idempotency_key = '{key}'"
    ))
    .await;
    assert!(run.findings().await.iter().all(|found| found.check != Check::C9));
    run.plant(&format!(
        "UPDATE crm_dispatch_attempts SET wire_at = wire_at + interval '59 seconds' WHERE idempotency_key <> '{key}'"
    ))
    .await;
    run.finds(Check::C9, "request", "before a wait").await;
}

/// C10: a session that holds something.
#[rstest]
#[case::a_lock("SELECT pg_advisory_lock(7)", "advisory lock")]
#[case::a_transaction("BEGIN; SELECT 1", "idle in transaction")]
#[tokio::test]
async fn a_session_that_holds_something_is_found(#[case] statements: &'static str, #[case] problem: &str) {
    let run = Run::over().await;
    let mut left = PgConnection::connect_with(&run.world.options()).await.expect("connects");
    sqlx::raw_sql(statements).execute(&mut left).await.expect("it can be held");
    run.finds(Check::C10, "pid", problem).await;
    left.close().await.expect("closes");
    assert_eq!(run.findings().await, []);
}

/// C10: a process, a socket, a pid file and half a file.
#[test]
fn what_is_left_on_the_machine_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    assert_eq!(left::on_the_machine(folder.path()), []);
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder can be made");
    let socket = UnixListener::bind(inner.join("socket")).expect("a socket can be made");
    for name in ["postmaster.pid", "ledger.tmp", "pgsql_tmp7.1", "kept"] {
        std::fs::write(inner.join(name), "").expect("a file can be made");
    }
    let mut sleeper =
        Command::new("sleep").arg("60").current_dir(&inner).stdin(Stdio::null()).spawn().expect("it starts");
    let found = left::on_the_machine(folder.path());
    sleeper.kill().and_then(|()| sleeper.wait()).expect("it ends");
    drop(socket);
    let problems: Vec<&str> = found.iter().map(|found| found.problem.as_str()).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    for words in ["runs: sleep", "socket", "server that is gone", "half written", "temporary file"] {
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    }
}

/// C12: a text that was planted is found in rows, as it is and in hexadecimal digits, and in outputs, and is not repeated.
#[tokio::test]
async fn a_canary_is_found_and_not_repeated() {
    let run = Run::over().await;
    let canaries = ["quiet".to_owned(), "ca'nary".to_owned()];
    let mut conn = PgConnection::connect_with(&run.world.options()).await.expect("connects");
    assert_eq!(canary::in_rows(&mut conn, &canaries).await.expect("reads"), []);
    run.plant(
        "UPDATE crm_audit_log SET reason = 'said ca''nary' WHERE subject_id = {0};
        UPDATE crm_dispatch_attempts SET evidence = jsonb_build_object('detail', encode('ca''nary', 'hex'))",
    )
    .await;
    let found = canary::in_rows(&mut conn, &canaries).await.expect("reads");
    let tables: Vec<&str> = found.iter().map(|found| found.row.as_str()).collect();
    assert_eq!(tables, ["crm_audit_log", "crm_dispatch_attempts"]);
    let said = canary::in_output("log", b"it said ca'nary", &canaries);
    assert_eq!(said.len(), 1);
    assert!(
        found
            .iter()
            .chain(&said)
            .all(|found| found.check == Check::C12 && !found.to_string().contains("ca'nary"))
    );
}

/// What cannot be looked at is said, C8 among it: there is no listener yet.
#[tokio::test]
async fn what_was_not_checked_is_said() {
    let run = Run::over().await;
    let mut conn = PgConnection::connect_with(&run.world.options()).await.expect("connects");
    let report = examine(&mut conn, Evidence::default()).await.expect("reads");
    let unchecked: Vec<Check> = report.unchecked.iter().map(|(check, _)| *check).collect();
    assert_eq!(unchecked, [Check::C1, Check::C3, Check::C5, Check::C8, Check::C9, Check::C10, Check::C11]);
    assert_eq!(report.findings, []);
}
