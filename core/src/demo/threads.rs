//! Thirty conversations: what was sent, what came back, and the draft that answers it.
//!
//! Mail was sent by the dispatcher; on the other channels people wrote by hand, so their part is `recorded`.
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::message::{Decided, Life, Try, sent, working_time};
use super::plan::{Picker, Plan};
use crate::activity::payload::Kind;
use crate::activity::status::Status;

/// Mail conversations by outbox, with how many of each.
const MAIL: [(&str, usize); 3] = [("main", 12), ("news-fr", 6), ("sur", 2)];

/// A draft of the last hours was filed then: most are fresh, some are older than the four hours within which people decide.
pub(super) fn recently(plan: &mut Plan) -> Timestamp {
    let now = plan.now;
    let minutes = if plan.rng.u8(0..100) < 78 { plan.rng.i64(2..235) } else { plan.rng.i64(241..359) };
    now - SignedDuration::from_secs(minutes * 60 + plan.rng.i64(0..60))
}

/// Tells the conversations.
pub(super) fn tell(plan: &mut Plan, people: &mut Picker) {
    for (outbox, count) in MAIL {
        for index in 0..count {
            let contact = people.take_reader(plan, outbox);
            mail_thread(plan, contact, outbox, index);
        }
    }
    for _ in 0..4 {
        let contact = people.take(plan, |contact, _| contact.phone.is_some());
        chat_thread(plan, contact, "wa-fr");
    }
    for _ in 0..4 {
        let contact = people.take(plan, |contact, _| contact.instagram.is_some());
        chat_thread(plan, contact, "ig-lima");
    }
    for _ in 0..2 {
        let contact = people.take(plan, |contact, _| contact.linkedin.is_some());
        chat_thread(plan, contact, "li-jp");
    }
}

fn mail_thread(plan: &mut Plan, contact: usize, outbox_name: &str, topic: usize) {
    let outbox = plan.outbox(outbox_name);
    let zone = plan.outboxes[outbox].settings.zone.clone();
    plan.quiet_from[contact] = Timestamp::MIN;
    for (days_ago, kind) in [(24, Kind::FirstTouch), (10, Kind::FollowUp)] {
        let mut rng = plan.rng.fork();
        let wire_at = working_time(plan.now, &zone, days_ago, &mut rng);
        let reader = plan.reader(contact, outbox);
        let drafter = reader.drafter(kind);
        let input = reader.draft_mail(reader.mail(topic, kind, None, &mut rng), kind, &drafter);
        let (decided, attempt) = sent(wire_at, &mut rng);
        let created_at = decided.at - SignedDuration::from_mins(rng.i64(20..200));
        plan.add(contact, outbox, input, created_at, left(decided, attempt));
    }
    let filed_at = recently(plan);
    let mut rng = plan.rng.fork();
    let came_at = filed_at - SignedDuration::from_mins(rng.i64(4..50));
    let domain = plan.contacts[contact].account.map_or("", |account| plan.accounts[account].domain.as_str());
    let message_id = format!("<{:016x}.{}@mail.{domain}>", rng.u64(..), rng.u16(100..999));
    let reader = plan.reader(contact, outbox);
    let answer = reader.answer(topic, &mut rng);
    let theirs = reader.draft_mail(
        super::letter::Mail { to: reader.contact.email.clone().unwrap_or_default(), ..answer },
        Kind::Reply,
        "inbound",
    );
    let reply = reader.draft_mail(
        reader.mail(topic, Kind::Reply, Some(message_id), &mut rng),
        Kind::Reply,
        "reply-1",
    );
    plan.add(contact, outbox, theirs, came_at, Life::Noted { status: Status::Received });
    plan.add(contact, outbox, reply, filed_at, Life::Pending);
}

fn chat_thread(plan: &mut Plan, contact: usize, outbox_name: &str) {
    let outbox = plan.outbox(outbox_name);
    let filed_at = recently(plan);
    let mut rng = plan.rng.fork();
    plan.quiet_from[contact] = plan.now - SignedDuration::from_hours(3 * 24);
    let came_at = filed_at - SignedDuration::from_mins(rng.i64(3..40));
    let reader = plan.reader(contact, outbox);
    let (to, ours) = match outbox_name {
        "wa-fr" => (reader.contact.phone.clone(), reader.short(&reader.book.chat, &mut rng)),
        "ig-lima" => (reader.contact.instagram.clone(), reader.short(&reader.book.chat, &mut rng)),
        _ => (reader.contact.linkedin.clone(), reader.nth(&reader.book.social, 2)),
    };
    let theirs = reader.short(&reader.book.theirs, &mut rng);
    let reply = format!(
        "{}\n\n{}",
        // In a mail it follows the greeting and its comma; here it begins the message.
        capitalised(&reader.short(&reader.book.answer, &mut rng)),
        reader.short(&reader.book.ask, &mut rng)
    );
    let payload = |text: &str| match outbox_name {
        "wa-fr" => json!({ "text": text }),
        "ig-lima" => json!({ "action": "dm", "text": text, "humanAgent": false }),
        _ => json!({ "action": "message", "text": text, "thread": format!("urn:li:thread:demo-{contact}") }),
    };
    let first = reader.draft(to.clone(), payload(&ours), Kind::FirstTouch, "ana");
    let came = reader.draft(to.clone(), payload(&theirs), Kind::Reply, "inbound");
    let drafter = if outbox_name == "wa-fr" { "reply-1" } else { "social-1" };
    let draft = reader.draft(to, payload(&reply), Kind::Reply, drafter);
    plan.add(
        contact,
        outbox,
        first,
        came_at - SignedDuration::from_hours(rng.i64(20..70)),
        Life::Noted { status: Status::Recorded },
    );
    plan.add(contact, outbox, came, came_at, Life::Noted { status: Status::Received });
    plan.add(contact, outbox, draft, filed_at, Life::Pending);
}

/// What a contact wrote on a chat channel: from then on it may be answered for a while.
pub(super) fn came(plan: &mut Plan, contact: usize, outbox: usize, at: Timestamp, to: Option<String>) {
    let mut rng = plan.rng.fork();
    let reader = plan.reader(contact, outbox);
    let payload =
        json!({ "action": "dm", "text": reader.short(&reader.book.theirs, &mut rng), "humanAgent": false });
    let input = reader.draft(to, payload, Kind::Reply, "inbound");
    plan.add(contact, outbox, input, at, Life::Noted { status: Status::Received });
}

/// Sent at the first attempt.
pub(super) fn left(decided: Decided, attempt: Try) -> Life {
    Life::Left { decided, tries: vec![attempt], end: Status::Sent }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
