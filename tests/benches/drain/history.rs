//! What a company leaves behind in years: closed messages with everything that belongs to them.
//!
//! Written by SQL, in steps. Unique keys and checks stay on. Foreign keys, and the trigger that makes a message begin as a draft, are
//! off meanwhile, because row by row they take minutes; afterwards every foreign key is looked at as a whole.
use countersign_tests::world::World;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Rows a statement.
const STEP: usize = 50_000;

/// Messages a contact got.
const PER_CONTACT: usize = 10;

/// Of a hundred: 92 sent, 4 rejected, 2 expired, 2 withdrawn, evenly mixed, over half a year, over all outboxes.
pub(crate) async fn write(world: &World, rows: usize) {
    let mut conn =
        PgConnection::connect_with(&world.admin_options()).await.expect("the server answers its owner");
    run(
        &mut conn,
        "SET synchronous_commit = off; ALTER TABLE crm_activities DISABLE TRIGGER crm_guard_insert",
    )
    .await;
    let contacts = format!(
        "CREATE TEMP TABLE past AS SELECT k, {id} AS id FROM generate_series(0, {last}) k;
        INSERT INTO crm_contacts (company_id, id, name, created_at)
          SELECT '{company}', id, 'Past ' || k, now() - interval '200 days' FROM past;
        INSERT INTO crm_contact_addresses (company_id, kind, address, contact_id, skeleton)
          SELECT '{company}', 'email', 'past-' || k || '@example.com', id, 'past-' || k || '@example.com' FROM past;
        CREATE UNIQUE INDEX ON past (k);
        CREATE TEMP TABLE boxes AS SELECT row_number() OVER (ORDER BY name, id) - 1 AS k, id FROM crm_outboxes",
        id = uuid_v7("now() - interval '200 days' + make_interval(secs => k)", "'c' || k"),
        last = rows / PER_CONTACT,
        company = world.company,
    );
    run(&mut conn, &contacts).await;
    for first in (0..rows).step_by(STEP) {
        let last = rows.min(first + STEP) - 1;
        run(&mut conn, &step(world, first, last, rows)).await;
    }
    run(
        &mut conn,
        "ALTER TABLE crm_activities ENABLE TRIGGER crm_guard_insert; DROP TABLE past; DROP TABLE boxes",
    )
    .await;
}

async fn run(conn: &mut PgConnection, statements: &str) {
    // The text is made in this file, from numbers and ids.
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(conn).await.expect("history can be written");
}

/// An id as the product makes them: by time first.
fn uuid_v7(at: &str, seed: &str) -> String {
    format!(
        "(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '7' || substr(md5({seed}), 1, 3)
          || '8' || substr(md5({seed}), 4, 15))::uuid"
    )
}

fn step(world: &World, first: usize, last: usize, rows: usize) -> String {
    let (company, approver) = (world.company, world.approver.id().expect("an operator"));
    format!(
        "CREATE TEMP TABLE made AS
          SELECT n, at, {id} AS id, {decision} AS decision, {approved} AS approved, {closed} AS closed, past.id AS contact, boxes.id AS outbox,
            CASE WHEN n % 100 < 92 THEN 'sent' WHEN n % 100 < 96 THEN 'rejected' WHEN n % 100 < 98 THEN 'expired' ELSE 'withdrawn' END
              AS status,
            convert_to('{{\"payload\":{{\"number\":' || n || ',\"text\":\"' || repeat(md5('t' || n) || ' ', 18) || '\"}}}}', 'UTF8') AS envelope
          FROM generate_series({first}, {last}) n,
            LATERAL (SELECT now() - interval '180 days' * (1 - n::float8 / {rows}) - interval '1 day' AS at) clock,
            past, boxes
          WHERE past.k = n / {PER_CONTACT} AND boxes.k = n % (SELECT count(*) FROM boxes);
        INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope, created_at)
          SELECT '{company}', id, sha256(envelope), envelope, at FROM made;
        INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id, reason, at)
          SELECT '{company}', decision, id, 1, sha256(envelope), CASE status WHEN 'sent' THEN 'approve' ELSE 'reject' END, true, 'operator',
            '{approver}', CASE status WHEN 'rejected' THEN 'not now' END, at FROM made WHERE status IN ('sent', 'rejected');
        INSERT INTO crm_activities (company_id, id, outbox_id, contact_id, channel, kind, status, payload_sha256, created_at, expires_at,
            closed_at, send_after, hold_code, attempt, wire_at, first_wire_at, quota_day)
          SELECT '{company}', id, outbox, contact, 'email', CASE n % {PER_CONTACT} WHEN 0 THEN 'first_touch' ELSE 'follow_up' END, status,
            sha256(envelope), made.at, made.at + interval '7 days', made.at + interval '2 minutes', made.at + interval '1 minute',
            CASE status WHEN 'expired' THEN 'expired' END, (status = 'sent')::int, sent.at, sent.at, sent.at::date
          FROM made, LATERAL (SELECT CASE made.status WHEN 'sent' THEN made.at + interval '2 minutes' END AS at) sent;
        INSERT INTO crm_activity_details (company_id, activity_id, recipient, headline, proposed_kind, proposed_by, client_dedup_key,
            recipients)
          SELECT '{company}', id, address, 'Offer ' || n, 'agent', 'scout', 'past-' || n, ARRAY[address]
          FROM made, LATERAL (SELECT 'past-' || n / {PER_CONTACT} || '@example.com' AS address) x;
        INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, closed_at,
            secret_version, provider_ref, evidence, outcome)
          SELECT '{company}', id, 1, 1, decision, 'countersign-' || id || '-1', at + interval '2 minutes', at + interval '2 minutes', 1,
            'past-' || n, '{{\"code\": null, \"detail\": null}}', 'accepted' FROM made WHERE status = 'sent';
        INSERT INTO crm_audit_log (company_id, id, at, actor_kind, actor_id, actor_name, action, subject_id, payload_sha256)
          SELECT '{company}', approved, at, 'operator', '{approver}', 'ben', 'approval.approve', id, sha256(envelope)
          FROM made WHERE status = 'sent';
        INSERT INTO crm_audit_log (company_id, id, at, actor_kind, actor_name, action, subject_id, payload_sha256, detail)
          SELECT '{company}', closed, at + interval '2 minutes', 'engine', 'dispatcher', 'dispatch.' || status, id, sha256(envelope),
            '{{\"attempt\": 1, \"outcome\": \"accepted\", \"providerRef\": null}}' FROM made;
        DROP TABLE made",
        id = uuid_v7("at", "'a' || n"),
        decision = uuid_v7("at", "'d' || n"),
        approved = uuid_v7("at", "'l' || n"),
        closed = uuid_v7("at", "'m' || n"),
    )
}
