//! Ninety days of routine: mail on working days, a few drafts that were rejected, a few that nobody looked at in time.
use jiff::SignedDuration;

use super::letter::Mail;
use super::message::{Decided, Life, office_time, sent};
use super::plan::Plan;
use super::threads::left;
use crate::activity::payload::Kind;
use crate::activity::status::Status;

/// Days of history.
const DAYS: i32 = 90;

/// Mails of an ordinary working day, by outbox.
const A_DAY: [(&str, i64); 3] = [("main", 34), ("news-fr", 17), ("sur", 13)];

const REASONS: [&str; 6] = [
    "tone: too eager for a board",
    "wrong building, they moved in March",
    "agreed by phone already",
    "the price is not confirmed yet",
    "too long, nobody reads this on a phone",
    "not this account before the fair",
];

/// Tells the routine.
pub(super) fn tell(plan: &mut Plan) {
    for (name, a_day) in A_DAY {
        let outbox = plan.outbox(name);
        let zone = plan.outboxes[outbox].settings.zone.clone();
        let mut readers: Vec<usize> = (0..plan.contacts.len())
            .filter(|contact| plan.books[plan.contacts[*contact].book].outbox == name)
            .collect();
        plan.rng.shuffle(&mut readers);
        let mut touches = vec![Touches::default(); plan.contacts.len()];
        let mut turn = 0;
        for days_ago in (0..DAYS).rev() {
            let count = plan.rng.i64(a_day - 6..a_day + 7);
            for _ in 0..count {
                let mut rng = plan.rng.fork();
                let Some(wire_at) = office_time(plan.now, &zone, days_ago, &mut rng) else {
                    continue;
                };
                let Some(contact) = next_reader(plan, &readers, &mut turn, wire_at) else {
                    continue;
                };
                routine(plan, contact, outbox, &mut touches[contact], wire_at, &mut rng);
            }
        }
    }
}

/// What was said to a contact so far.
#[derive(Clone, Debug, Default)]
struct Touches {
    count: usize,
    /// Message-ID of a mail that waits for an answer.
    unanswered: Option<String>,
}

/// The next in turn whom nothing else is told about at that time.
fn next_reader(plan: &Plan, readers: &[usize], turn: &mut usize, at: jiff::Timestamp) -> Option<usize> {
    (0..readers.len()).find_map(|_| {
        let contact = readers[*turn % readers.len()];
        *turn += 1;
        (plan.quiet_from[contact] > at).then_some(contact)
    })
}

fn routine(
    plan: &mut Plan,
    contact: usize,
    outbox: usize,
    touches: &mut Touches,
    wire_at: jiff::Timestamp,
    rng: &mut fastrand::Rng,
) {
    let answered = touches.unanswered.take();
    let kind = match (&answered, touches.count) {
        (Some(_), _) => Kind::Reply,
        (None, 0) => Kind::FirstTouch,
        (None, _) => Kind::FollowUp,
    };
    let reader = plan.reader(contact, outbox);
    let drafter = reader.drafter(kind);
    let topic = contact + touches.count / 2;
    let input = reader.draft_mail(reader.mail(topic, kind, answered, rng), kind, &drafter);
    let (decided, attempt) = sent(wire_at, rng);
    let created_at = decided.at - SignedDuration::from_mins(rng.i64(8..290));
    let lot = rng.u16(0..1000);
    if lot < 35 {
        let by = Decided { by: decided.by, at: decided.at };
        plan.add(
            contact,
            outbox,
            input,
            created_at,
            Life::Rejected { decided: by, reason: REASONS[usize::from(lot) % REASONS.len()] },
        );
        return;
    }
    let expired_at = created_at + crate::draft::file::DEFAULT_LIFE;
    if lot < 45 && expired_at < plan.now {
        plan.add(contact, outbox, input, created_at, Life::Expired { at: expired_at });
        return;
    }
    touches.count += 1;
    let came_at = wire_at + SignedDuration::from_mins(rng.i64(20..900));
    let answer = if lot > 955 && came_at < plan.now - SignedDuration::from_hours(30) {
        let account = reader.account.map_or("", |account| account.domain.as_str());
        touches.unanswered = Some(format!("<{:016x}.{}@mail.{account}>", rng.u64(..), rng.u16(100..999)));
        let theirs = reader.answer(topic, rng);
        let mail = Mail { to: reader.contact.email.clone().unwrap_or_default(), ..theirs };
        Some(reader.draft_mail(mail, Kind::Reply, "inbound"))
    } else {
        None
    };
    plan.add(contact, outbox, input, created_at, left(decided, attempt));
    if let Some(answer) = answer {
        plan.add(contact, outbox, answer, came_at, Life::Noted { status: Status::Received });
    }
}
