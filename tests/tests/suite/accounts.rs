//! How lists of accounts and contacts come in: whole, once, and without taking anything from anybody.
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::account::view::Narrow;
use countersign_core::account::{Report, check, import_accounts, import_contacts, store_read};
use countersign_core::actor::Actor;
use countersign_core::draft::file::Mode;
use countersign_core::error::Error;
use countersign_tests::world::{World, draft};
use serde_json::{Value, json};

async fn accounts(world: &World, actor: &Actor, lines: &[Value], mode: Mode) -> Result<Report, Error> {
    let inputs: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| (index + 1, check::account(line.to_string().as_bytes()).expect("an account")))
        .collect();
    import_accounts(&world.pool, actor, world.company, &inputs, mode, &|_| {}).await
}

async fn contacts(world: &World, lines: &[Value], mode: Mode) -> Report {
    let inputs: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| (index + 1, check::contact(line.to_string().as_bytes()).expect("a contact")))
        .collect();
    import_contacts(&world.pool, &world.approver, world.company, &inputs, mode, &|_| {})
        .await
        .expect("imports")
}

/// Every row of the tables an import may touch, with the place where it is stored: a rewritten row shows as well.
async fn everything(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for query in [
        "SELECT ctid || x::text FROM crm_accounts x ORDER BY id",
        "SELECT ctid || x::text FROM crm_contacts x ORDER BY id",
        "SELECT ctid || x::text FROM crm_contact_addresses x ORDER BY kind, address",
        "SELECT ctid || x::text FROM crm_audit_log x ORDER BY id",
        "SELECT ctid || x::text FROM crm_change_counters x ORDER BY company_id",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(&world.pool).await.expect("reads");
        all.extend(rows);
    }
    all
}

fn counts(report: &Report) -> [usize; 4] {
    [report.inserted, report.updated, report.identical, report.errors.len()]
}

fn problems(report: &Report) -> Vec<(usize, &str)> {
    report.errors.iter().map(|error| (error.line, error.field.as_str())).collect()
}

/// R26: a second import of the same files leaves every row where it is.
#[tokio::test]
async fn importing_twice_changes_nothing() {
    let world = World::new().await;
    let firms = [
        json!({"name": "Nordlys", "domain": "nordlys.example", "tier": 1, "valueMinor": 250_000, "currency": "NOK", "country": "NO"}),
        json!({"name": "Bellecour"}),
    ];
    let people = [
        json!({"name": "Zoë", "account": "Nordlys", "email": "Zoe@Example.com", "phone": "+4791234567"}),
        json!({"email": "zoe@example.com", "handle": "urn:li:person:1"}),
        json!({"name": "Luc", "account": "Lumière", "handle": "luc", "country": "FR"}),
    ];
    let approver = &world.approver;
    assert_eq!(
        counts(&accounts(&world, approver, &firms, Mode::AllOrNothing).await.expect("imports")),
        [2, 0, 0, 0]
    );
    let report = contacts(&world, &people, Mode::AllOrNothing).await;
    assert_eq!((counts(&report), report.accounts_made), ([2, 1, 0, 0], 1));
    let before = everything(&world).await;
    assert_eq!(
        counts(&accounts(&world, approver, &firms, Mode::AllOrNothing).await.expect("imports")),
        [0, 0, 2, 0]
    );
    assert_eq!(counts(&contacts(&world, &people, Mode::AllOrNothing).await), [0, 0, 3, 0]);
    assert_eq!(everything(&world).await, before);
    let audited = "SELECT count(*) FROM crm_audit_log WHERE action IN ('account.import', 'contact.import')";
    assert_eq!(world.count(audited).await, 2);
}

/// An empty value takes nothing away; another one replaces what was known.
#[tokio::test]
async fn only_values_replace_values() {
    let world = World::new().await;
    let approver = &world.approver;
    let full = json!({"name": "Nordlys", "tier": 1, "valueMinor": 5, "currency": "EUR", "country": "NO"});
    accounts(&world, approver, &[full], Mode::AllOrNothing).await.expect("imports");
    let again = json!({"name": "Nordlys", "tier": 2, "country": ""});
    let report = accounts(&world, approver, &[again], Mode::AllOrNothing).await.expect("imports");
    assert_eq!(counts(&report), [0, 1, 0, 0]);
    let mut conn = world.pool.acquire().await.expect("a connection");
    let rows =
        store_read::accounts(&mut conn, world.company, &Narrow::default(), None, 10).await.expect("reads");
    let row = &rows[0];
    assert_eq!((row.tier, row.value_minor, row.country.as_deref()), (Some(2), Some(5), Some("NO")));
}

/// An address is never moved, two lines never contradict each other, and one bad line keeps all of them out.
#[tokio::test]
async fn conflicts_are_named_and_keep_the_file_out() {
    let world = World::new().await;
    let known =
        [json!({"name": "Ana", "email": "ana@example.com"}), json!({"name": "Bo", "phone": "+4791234567"})];
    contacts(&world, &known, Mode::AllOrNothing).await;
    let before = everything(&world).await;
    let lines = [
        json!({"name": "Cy", "email": "cy@example.com", "account": "New"}),
        json!({"email": "ana@example.com", "phone": "+4791234567"}),
        json!({"name": "Cyril", "email": "cy@example.com"}),
    ];
    let report = contacts(&world, &lines, Mode::AllOrNothing).await;
    assert_eq!((problems(&report), counts(&report)), (vec![(2, "phone"), (3, "name")], [0, 0, 0, 2]));
    assert!(
        report.errors[0].reason.contains("belongs to another contact, Bo"),
        "{}",
        report.errors[0].reason
    );
    assert!(report.errors[1].reason.contains("line 1 says otherwise"), "{}", report.errors[1].reason);
    assert_eq!(everything(&world).await, before);
    let report = contacts(&world, &lines, Mode::Partial).await;
    assert_eq!(counts(&report), [1, 0, 0, 2]);
    assert_eq!(world.count("SELECT count(*) FROM crm_contacts").await, 3);
}

/// I10: viewers and agents import nothing.
#[tokio::test]
async fn importing_needs_an_approver() {
    let world = World::new().await;
    let before = everything(&world).await;
    for actor in [&world.viewer, &Actor::Agent { name: "scout".to_owned() }] {
        let refused = accounts(&world, actor, &[json!({"name": "A"})], Mode::AllOrNothing).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        let refused =
            import_contacts(&world.pool, actor, world.company, &[], Mode::AllOrNothing, &|_| {}).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
    }
    assert_eq!(everything(&world).await, before);
}

/// Drafts and imports match the same people: a draft finds an imported contact, an import finds a drafted one.
#[tokio::test]
async fn drafts_and_imports_speak_of_the_same_people() {
    let world = World::new().await;
    contacts(&world, &[json!({"name": "One", "email": "Person-1@example.com"})], Mode::AllOrNothing).await;
    world.file(&[draft(1), draft(2)]).await;
    assert_eq!(world.count("SELECT count(*) FROM crm_contacts").await, 2);
    let report = contacts(
        &world,
        &[json!({"email": "person-2@example.com", "zone": "Europe/Oslo"})],
        Mode::AllOrNothing,
    )
    .await;
    assert_eq!(counts(&report), [0, 1, 0, 0]);
}

/// Many lines go in chunk by chunk, are counted on the way, and a list is read page by page without loss.
#[tokio::test]
async fn a_long_file_is_imported_in_chunks_and_read_in_pages() {
    let world = World::new().await;
    let inputs: Vec<_> = (1..=4_500)
        .map(|number| {
            let line = json!({"name": format!("Person {}", number % 7), "email": format!("p{number}@example.com"), "account": "Big"});
            (number, check::contact(line.to_string().as_bytes()).expect("a contact"))
        })
        .collect();
    let (calls, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let advance = |done| {
        calls.fetch_add(1, Ordering::Relaxed);
        last.store(done, Ordering::Relaxed);
    };
    let report =
        import_contacts(&world.pool, &world.approver, world.company, &inputs, Mode::AllOrNothing, &advance)
            .await
            .expect("imports");
    assert_eq!((counts(&report), report.accounts_made), ([4_500, 0, 0, 0], 1));
    assert_eq!((calls.into_inner(), last.into_inner()), (3, 4_500));
    let mut conn = world.pool.acquire().await.expect("a connection");
    let narrow = Narrow { account: Some("Big".to_owned()), ..Narrow::default() };
    let (mut seen, mut after) = (std::collections::HashSet::new(), None);
    loop {
        let page =
            store_read::contacts(&mut conn, world.company, &narrow, after, 1_000).await.expect("reads");
        let Some(end) = page.last() else { break };
        after = Some(end.id);
        seen.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(seen.len(), 4_500);
}
