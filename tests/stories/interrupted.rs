//! A service that is killed between hearing of something and having done it.
use std::thread;

use rstest::rstest;

use crate::caller::{ask, endpoint, get, place, signed};
use crate::child::Child;
use crate::holds::Hold;
use crate::office::Office;

const WITHDRAWN: &str =
    "SELECT count(*) FROM crm_activities WHERE status = 'withdrawn' AND hold_code = 'booked'";

fn meeting() -> String {
    serde_json::json!({
        "triggerEvent": "BOOKING_CREATED", "createdAt": "2026-01-02T03:04:05Z",
        "payload": { "uid": "booking-1", "attendees": [{ "email": "person1@example.com" }] },
    })
    .to_string()
}

fn serve(office: &Office, hold: Option<&Hold>) -> Child {
    let mut command = office.home.command(["serve"]);
    if let Some(hold) = hold {
        let (name, folder) = hold.variable();
        command.env(name, folder);
    }
    Child::start(command, "")
}

/// R12, F38, F44: killed after an event was stored, while it is applied, or right afterwards: the provider tells it again, and what it
/// does was done once. Nothing leaves meanwhile for whom it concerns.
#[rstest]
#[case::stored_and_not_acknowledged("received")]
#[case::applied_and_not_committed("applying")]
#[case::applied_and_committed("applied")]
fn an_event_is_applied_once_whenever_its_service_is_killed(#[case] point: &'static str) {
    let mut office = Office::open("1h");
    office.home.set("COUNTERSIGN_LISTENER__LISTEN", "127.0.0.1:0");
    office.import(2);
    office.approve_all();
    let path = endpoint(&office.home);
    let hold = Hold::at(&office.home, point);
    let server = serve(&office, Some(&hold));
    let listens = place(&office.home);
    let request = signed(&path, &meeting());
    let telling = thread::spawn({
        let request = request.clone();
        move || ask(listens, request.as_bytes())
    });
    hold.is_reached();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_inbound_events"), 1, "it is on file");
    server.kill();
    hold.release();
    let told = telling.join().expect("the caller does not panic").map(|(status, _)| status);
    assert!(point != "received" || told.is_none(), "acknowledged too early: {told:?}");

    let logged = office.home.logs().matches("listener on ").count();
    let server = serve(&office, None);
    crate::until("it listens again", || office.home.logs().matches("listener on ").count() > logged);
    let listens = place(&office.home);
    crate::until("it is ready", || get(listens, "/readyz").is_some_and(|(status, _)| status == 200));
    let again = ask(listens, request.as_bytes()).map(|(status, _)| status);
    assert_eq!(again, Some(200));
    crate::until("what waited is withdrawn", || office.home.count(WITHDRAWN) == 1);
    crate::until("the event is applied", || {
        office.home.count("SELECT count(*) FROM crm_inbound_events WHERE state = 'applied'") == 1
    });
    for (action, times) in [("inbound.apply", 1), ("activity.withdraw", 1)] {
        let rows = office.home.on("countersign", async |conn| {
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM crm_audit_log WHERE action = $1")
                .bind(action)
                .fetch_one(conn)
                .await
                .expect("the log can be counted")
        });
        assert_eq!(rows, times, "C7: {action}");
    }
    assert_eq!(office.home.count("SELECT count(*) FROM crm_inbound_events"), 1);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_contact_holds"), 0);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'approved'"), 1);
    assert_eq!(office.provider.ledger().len(), 0);
    server.kill();
}
