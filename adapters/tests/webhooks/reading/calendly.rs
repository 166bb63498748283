//! Calendly: invitees.
use countersign_core::inbound::provider::Provider;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACTIVITY, add, at, meeting, ours, theirs, word};
use crate::desk::read_one;

const INVITEE: &str = "https://api.calendly.com/scheduled_events/AAAA/invitees/BBBB";
const OLD: &str = "https://api.calendly.com/scheduled_events/AAAA/invitees/OLD";
const NEW: &str = "https://api.calendly.com/scheduled_events/AAAA/invitees/NEW";

fn invitee(event: &str, more: Value) -> Value {
    let mut payload = json!({
        "uri": INVITEE, "email": "ann@example.com", "name": "Ann", "status": "active", "timezone": "Europe/Berlin",
        "event": "https://api.calendly.com/scheduled_events/AAAA", "rescheduled": false, "old_invitee": null, "new_invitee": null,
        "tracking": {"utm_campaign": null, "utm_content": null, "salesforce_uuid": null},
        "scheduled_event": {"uri": "https://api.calendly.com/scheduled_events/AAAA", "start_time": "2026-01-08T09:00:00.000000Z"},
    });
    add(&mut payload, more);
    json!({"event": event, "created_at": "2026-01-01T00:00:00.000000Z", "created_by": "https://api.calendly.com/users/U", "payload": payload})
}

#[rstest]
#[case("invitee.created", json!({}), "booked")]
#[case("invitee.created", json!({"old_invitee": OLD}), "moved")]
#[case("invitee.canceled", json!({"status": "canceled"}), "cancelled")]
#[case("invitee.canceled", json!({"status": "canceled", "rescheduled": true, "new_invitee": NEW}), "moved")]
#[case("invitee_no_show.created", json!({"invitee": INVITEE}), "missed")]
#[case("invitee_no_show.deleted", json!({"invitee": INVITEE}), "other invitee_no_show.deleted")]
#[case("routing_form_submission.created", json!({}), "other routing_form_submission.created")]
fn what_became_of_a_meeting(#[case] kind: &str, #[case] more: Value, #[case] expected: &str) {
    let event = read_one(Provider::Calendly, &invitee(kind, more).to_string());
    assert_eq!(word(&event), expected);
    assert_eq!(event.external_id, format!("{kind}:{INVITEE}:2026-01-01T00:00:00.000000Z"));
    assert_eq!(event.occurred_at, at("2026-01-01T00:00:00Z"));
}

#[test]
fn a_meeting_says_who_and_when() {
    let more = json!({"cancellation": {"reason": "ill", "canceled_by": "Ann"}});
    let event = read_one(Provider::Calendly, &invitee("invitee.canceled", more).to_string());
    let told = meeting(&event);
    assert_eq!((told.uid.as_str(), told.reason.as_deref()), (INVITEE, Some("ill")));
    assert_eq!(
        (told.attendees.as_slice(), told.starts_at),
        (&["ann@example.com".to_owned()][..], at("2026-01-08T09:00:00Z"))
    );
    assert_eq!(event.about, [theirs(INVITEE)]);
}

/// The old half of a moved meeting does not say when they meet now.
#[test]
fn a_moved_meeting_names_both() {
    let created =
        read_one(Provider::Calendly, &invitee("invitee.created", json!({"old_invitee": OLD})).to_string());
    assert_eq!(created.about, [theirs(INVITEE), theirs(OLD)]);
    assert!(meeting(&created).starts_at.is_some());
    let more = json!({"rescheduled": true, "new_invitee": NEW});
    let off = read_one(Provider::Calendly, &invitee("invitee.canceled", more).to_string());
    assert_eq!(off.about, [theirs(INVITEE), theirs(NEW)]);
    assert_eq!(meeting(&off).starts_at, None);
}

#[rstest]
#[case(json!({"utm_content": ACTIVITY}), true)]
#[case(json!({"salesforce_uuid": ACTIVITY}), true)]
#[case(json!({"utm_content": "newsletter", "salesforce_uuid": "5003000000D8cuIQAA"}), false)]
#[case(json!(null), false)]
fn the_link_that_was_followed_may_name_our_message(#[case] tracking: Value, #[case] is_named: bool) {
    let event =
        read_one(Provider::Calendly, &invitee("invitee.created", json!({"tracking": tracking})).to_string());
    assert_eq!(event.about.first() == Some(&ours()), is_named);
    assert_eq!(event.about.last(), Some(&theirs(INVITEE)));
}

/// A no-show is a thing of its own, with an id of its own.
#[test]
fn a_no_show_names_its_invitee() {
    let own = "https://api.calendly.com/invitee_no_shows/X";
    let body = json!({"event": "invitee_no_show.created", "created_at": "2026-01-08T10:00:00Z", "payload": {"uri": own, "invitee": INVITEE}});
    let event = read_one(Provider::Calendly, &body.to_string());
    assert_eq!((meeting(&event).uid.as_str(), event.about.as_slice()), (INVITEE, &[theirs(INVITEE)][..]));
    assert_eq!(event.external_id, format!("invitee_no_show.created:{own}:2026-01-08T10:00:00Z"));
}

#[test]
fn a_meeting_of_nobody_is_kept() {
    let event = read_one(Provider::Calendly, &invitee("invitee.created", json!({"uri": null})).to_string());
    assert_eq!(word(&event), "unreadable");
}
