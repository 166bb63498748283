//! What is under way or stuck: approved and waiting, uncertain, failed, blocked. The times keep the dispatcher from sending
//! everything in the first minute.
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::message::{Decided, Life, Try, id_at};
use super::open::{booking, keep_quiet, template};
use super::plan::{Picker, Plan};
use super::threads::came;
use crate::activity::payload::Kind;
use crate::activity::status::Status;
use crate::ids::ClaimId;

/// Scheduled mail: the outbox, and in how many minutes it may leave.
const SCHEDULED: [(&str, i64); 9] = [
    ("main", 22),
    ("main", 47),
    ("news-fr", 95),
    ("main", 140),
    ("sur", 205),
    ("news-fr", 290),
    ("main", 385),
    ("sur", 460),
    ("news-fr", 590),
];

/// Tells it.
pub(super) fn tell(plan: &mut Plan, people: &mut Picker) {
    for (index, (outbox, minutes)) in SCHEDULED.into_iter().enumerate() {
        let contact = people.take_reader(plan, outbox);
        let decided =
            by_turns(index, plan.now - SignedDuration::from_mins(9 + 11 * i64::try_from(index).unwrap_or(0)));
        let send_after = plan.now + SignedDuration::from_mins(minutes);
        let life = Life::Holding { decided, code: "scheduled" };
        mail(
            plan,
            contact,
            outbox,
            index,
            decided.at - SignedDuration::from_mins(70),
            Some(send_after),
            life,
        );
    }
    elsewhere(plan, people);
    for index in 0..3 {
        uncertain(plan, people, index);
    }
    for index in 0..3 {
        failed(plan, people, index);
    }
    for index in 0..2 {
        let contact = people.take_struck(plan);
        let at = plan.now - SignedDuration::from_mins(35 + 90 * i64::try_from(index).unwrap_or(0));
        let decided = by_turns(index, at - SignedDuration::from_secs(31));
        let life = Life::Blocked { decided, at, code: "not_on_allowlist" };
        mail(plan, contact, "main", 3 + index, decided.at - SignedDuration::from_mins(120), None, life);
    }
}

fn by_turns(index: usize, at: Timestamp) -> Decided {
    Decided { by: if index.is_multiple_of(2) { "ana" } else { "ben" }, at }
}

fn mail(
    plan: &mut Plan,
    contact: usize,
    outbox_name: &str,
    topic: usize,
    created_at: Timestamp,
    send_after: Option<Timestamp>,
    life: Life,
) {
    let outbox = plan.outbox(outbox_name);
    keep_quiet(plan, contact, Kind::FollowUp);
    let mut rng = plan.rng.fork();
    let reader = plan.reader(contact, outbox);
    let drafter = reader.drafter(Kind::FollowUp);
    let mut input =
        reader.draft_mail(reader.mail(topic, Kind::FollowUp, None, &mut rng), Kind::FollowUp, &drafter);
    input.send_after = send_after;
    plan.add(contact, outbox, input, created_at, life);
}

/// Approved on the other channels: what waits for its time.
fn elsewhere(plan: &mut Plan, people: &mut Picker) {
    for index in 0..5_u8 {
        let at = plan.now - SignedDuration::from_mins(14 + 17 * i64::from(index));
        let created_at = at - SignedDuration::from_mins(50);
        let life = Life::Holding { decided: by_turns(index.into(), at), code: "scheduled" };
        match index {
            0 | 1 => {
                let contact = people.take(plan, |contact, _| contact.phone.is_some());
                let outbox = plan.outbox("wa-fr");
                let mut rng = plan.rng.fork();
                let reader = plan.reader(contact, outbox);
                let payload = template(&reader.short(&reader.book.chat, &mut rng));
                let input = reader.draft(reader.contact.phone.clone(), payload, Kind::FollowUp, "writer-2");
                plan.add(contact, outbox, input, created_at, life);
            }
            2 => {
                // Comments may wait, messages may not.
                let contact = people.take(plan, |contact, _| contact.linkedin.is_some());
                let outbox = plan.outbox("li-jp");
                let reader = plan.reader(contact, outbox);
                let payload = json!({ "action": "comment", "text": reader.nth(&reader.book.social, 1) });
                let to = Some(super::open::POSTS[2].to_owned());
                let input = reader.draft(to, payload, Kind::FollowUp, "social-1");
                plan.add(contact, outbox, input, created_at, life);
            }
            3 => {
                let contact = people.take(plan, |contact, _| contact.instagram.is_some());
                let outbox = plan.outbox("ig-lima");
                let to = plan.contacts[contact].instagram.clone();
                came(plan, contact, outbox, created_at - SignedDuration::from_hours(2), to.clone());
                let mut rng = plan.rng.fork();
                let reader = plan.reader(contact, outbox);
                let payload = json!({ "action": "dm", "text": reader.short(&reader.book.chat, &mut rng), "humanAgent": false });
                let input = reader.draft(to, payload, Kind::Reply, "social-1");
                plan.add(contact, outbox, input, created_at, life);
            }
            _ => {
                let contact = people.take(plan, |contact, _| contact.email.is_some());
                booking(plan, contact, created_at, life);
            }
        }
        let again = plan.now + SignedDuration::from_mins(17 + i64::from(index));
        // What was told last of each is what waits.
        if let Some(message) = plan.messages.last_mut() {
            message.send_after = again;
        }
    }
}

fn attempt(
    plan: &mut Plan,
    wire_at: Timestamp,
    millis: i64,
    outcome: &'static str,
    code: &'static str,
    detail: &'static str,
) -> Try {
    Try {
        claim: ClaimId(id_at(wire_at, &mut plan.rng)),
        wire_at,
        closed_at: wire_at + SignedDuration::from_millis(millis),
        outcome,
        provider_ref: None,
        code: Some(code),
        detail: Some(detail),
    }
}

/// Three ways not to know: a key that was used for other bytes, a refusal after a lost answer, a worker that vanished.
fn uncertain(plan: &mut Plan, people: &mut Picker, index: usize) {
    let now = plan.now;
    let (outbox, tries) = match index {
        0 => {
            let at = now - SignedDuration::from_mins(52);
            let detail = "Same idempotency key used with a different request payload.";
            ("main", vec![attempt(plan, at, 310, "maybe_sent", "invalid_idempotent_request", detail)])
        }
        1 => {
            let at = now - SignedDuration::from_mins(125);
            let lost = "connection reset after the request was sent";
            let refused = "Invalid `to` field. The address is on the suppression list of the account.";
            let first = attempt(plan, at, 4_100, "maybe_sent", "no_answer", lost);
            let second = at + SignedDuration::from_secs(38);
            ("news-fr", vec![first, attempt(plan, second, 260, "rejected", "validation_error", refused)])
        }
        _ => {
            let at = now - SignedDuration::from_hours(26);
            let detail = "the worker that sent it gave no sign of life; it was found 25 h later";
            ("main", vec![attempt(plan, at, 25 * 3_600_000, "maybe_sent", "worker_lost", detail)])
        }
    };
    stuck(plan, people, index, outbox, tries, Status::Uncertain);
}

/// Refused by the provider for good.
fn failed(plan: &mut Plan, people: &mut Picker, index: usize) {
    const REFUSALS: [(&str, &str, &str, i64); 3] = [
        ("main", "validation_error", "Invalid `to` field. The domain does not accept mail.", 9),
        (
            "sur",
            "validation_error",
            "Invalid `headers` field. The List-Unsubscribe address does not exist.",
            170,
        ),
        ("main", "security_error", "We may have found a security issue with the request.", 20 * 60),
    ];
    let (outbox, code, detail, minutes) = REFUSALS[index];
    let wire_at = plan.now - SignedDuration::from_mins(minutes);
    let tries = vec![attempt(plan, wire_at, 240, "rejected", code, detail)];
    stuck(plan, people, index + 1, outbox, tries, Status::Failed);
}

fn stuck(plan: &mut Plan, people: &mut Picker, index: usize, outbox: &str, tries: Vec<Try>, end: Status) {
    let Some(first) = tries.first() else {
        return;
    };
    let decided = by_turns(index, first.wire_at - SignedDuration::from_millis(30_700));
    let contact = people.take_reader(plan, outbox);
    let created_at = decided.at - SignedDuration::from_mins(95);
    mail(plan, contact, outbox, index, created_at, None, Life::Left { decided, tries, end });
}
