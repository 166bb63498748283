//! Files that go with a mail: named by hash, frozen with the message, and sent as the bytes they were.
use bytes::Bytes;
use countersign_core::activity::payload::{Envelope, PayloadHash};
use countersign_core::activity::status::Status;
use countersign_core::approval::ItemOutcome;
use countersign_core::draft::file::Mode;
use countersign_core::error::Error;
use countersign_core::{draft, file};
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft as line, rendering};
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7 an offer";

async fn stored(world: &World, bytes: &'static [u8]) -> PayloadHash {
    file::add(&world.pool, &world.approver, world.company, &Bytes::from_static(bytes))
        .await
        .expect("stores")
        .0
}

fn with_file(number: usize, sha256: &str) -> Value {
    let mut line = line(number);
    line["payload"]["attachments"] =
        json!([{ "name": "Offer.pdf", "mime": "application/pdf", "sha256": sha256 }]);
    line
}

/// S10, I1: what is approved names the file by its hash, and what leaves are the bytes with that hash; an edit of the words keeps them.
#[tokio::test]
async fn a_file_leaves_as_it_was_approved() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let sha256 = stored(&world, PDF).await;
    let [item] = world.file(&[with_file(1, &sha256.to_string())]).await[..] else { panic!("one item") };
    let reasons = "SELECT risk_reasons::text FROM crm_activity_details";
    assert!(world.text(reasons).await.contains("carries 1 file"), "{}", world.text(reasons).await);
    let words = "--- subject ---\nOther\n--- text ---\nOther words.\n";
    let revised = draft::revise(&world.pool, &world.second, world.company, item, words, &rendering()).await;
    let ItemOutcome::Revised { payload_sha256 } = revised.expect("can be edited").outcome else {
        panic!("edited")
    };
    world.approve(&[countersign_core::approval::Item::seen(item.id, payload_sha256)]).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    let body: Value = serde_json::from_str(&provider.ledger()[0].body).expect("JSON");
    assert_eq!(
        (&body["subject"], &body["attachments"][0]["filename"]),
        (&json!("Other"), &json!("Offer.pdf"))
    );
    assert_eq!(body["attachments"][0]["content"], json!("JVBERi0xLjcgYW4gb2ZmZXI="));
    books::compare(&world, &provider).await;
}

/// S10: the bytes stand in the envelope, so that nothing that happens to the stored file afterwards changes what is sent.
#[tokio::test]
async fn a_stored_file_cannot_become_another() {
    let world = World::new().await;
    let sha256 = stored(&world, PDF).await;
    let [item] = world.file(&[with_file(1, &sha256.to_string())]).await[..] else { panic!("one item") };
    let changed = sqlx::query("UPDATE crm_files SET bytes = 'another'").execute(&world.pool).await;
    assert!(changed.is_err(), "the database compares the hash");
    world.sql("DELETE FROM crm_files").await;
    let envelope: Vec<u8> =
        sqlx::query_scalar("SELECT envelope FROM crm_payloads").fetch_one(&world.pool).await.expect("reads");
    let request = Envelope::open(&envelope).expect("an envelope").request.expect("rendered");
    assert!(request.body.contains("JVBERi0xLjcgYW4gb2ZmZXI="));
    assert_eq!(world.hash(item.id).await, item.payload_sha256);
}

/// A file that is not there, or is named in another way, is refused before anything is filed.
#[tokio::test]
async fn a_file_that_is_not_stored_is_named() {
    let world = World::new().await;
    let sha256 = PayloadHash::of(b"nothing").to_string();
    let field = async |sha256: &str| {
        let report = world.import(&[with_file(1, sha256)], Mode::AllOrNothing).await;
        report.errors.first().map(|error| error.field.clone())
    };
    assert_eq!(field(&sha256).await.as_deref(), Some("payload.attachments[0].sha256"));
    assert_eq!(field(&sha256.to_uppercase()).await.as_deref(), Some("payload.attachments[0].sha256"));
    assert_eq!(field("secret://resend:latest").await.as_deref(), Some("payload.attachments[0].sha256"));
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 0);
}

/// S25: a file of another company is not there.
#[tokio::test]
async fn a_file_belongs_to_its_company() {
    let world = World::new().await;
    let (other, admin) =
        countersign_core::company::add(&world.pool, "other", "Other", true, "ada").await.expect("adds");
    let bytes = Bytes::from_static(PDF);
    let (sha256, _) = file::add(&world.pool, &admin, other.id, &bytes).await.expect("stores");
    let report = world.import(&[with_file(1, &sha256.to_string())], Mode::AllOrNothing).await;
    assert_eq!(
        report.errors.first().map(|error| error.field.as_str()),
        Some("payload.attachments[0].sha256")
    );
}

#[tokio::test]
async fn limits_and_roles_hold() {
    let world = World::new().await;
    let add =
        async |actor, bytes: Vec<u8>| file::add(&world.pool, actor, world.company, &Bytes::from(bytes)).await;
    assert!(matches!(add(&world.viewer, vec![1]).await, Err(Error::Forbidden { .. })));
    assert!(matches!(add(&world.approver, Vec::new()).await, Err(Error::Invalid { .. })));
    assert!(matches!(
        add(&world.approver, vec![0; file::FILE_LIMIT_BYTES + 1]).await,
        Err(Error::Invalid { .. })
    ));
    let (first, is_new) =
        add(&world.approver, vec![0; file::FILE_LIMIT_BYTES]).await.expect("the largest is stored");
    assert!(is_new);
    assert_eq!(add(&world.second, vec![0; file::FILE_LIMIT_BYTES]).await.expect("again"), (first, false));
}
