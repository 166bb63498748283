//! Judging: what the gates let go, what waits and what stops, of one batch under lock; and how much of it there is quota for.
use std::collections::HashSet;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::claim::{Claimed, elapsed};
use super::settle::may_replay;
use super::store::Held;
use crate::activity::payload::{Envelope, Kind};
use crate::activity::status::Status;
use crate::channel::{Line, Past};
use crate::error::Error;
use crate::gate::store::{Batch as Judging, Candidate};
use crate::gate::{self, Ruling};
use crate::ids::{ActivityId, CompanyId, ContactId};
use crate::outbox::store::OutboxSettings;
use crate::quota;

/// A row that nothing stands against.
pub(super) struct Ready {
    pub(super) claimed: Claimed,
    /// Version of the credential under which it may have been sent before.
    secret_version: Option<i32>,
    was: Status,
}

#[derive(Default)]
/// What became of the rows of a batch.
pub(super) struct Judged {
    pub(super) ready: Vec<Ready>,
    pub(super) held: Vec<Held>,
    /// Places whose item becomes a draft again.
    places: HashSet<(ContactId, Kind)>,
}

/// Asks the gates about every row of a batch.
pub(super) fn judge(mut judging: Judging, line: Option<&Line>, is_time_known: bool) -> Judged {
    // Where nobody knows how much time passed, no key is known to be remembered.
    let keeps_keys_for = line.filter(|_| is_time_known).and_then(|line| line.channel.keeps_keys_for());
    let mut judged = Judged::default();
    let candidates = std::mem::take(&mut judging.candidates);
    for candidate in candidates {
        let verdicts = gate::judge_all(&judging.facts(&candidate, line.is_some(), None));
        judged.sort(candidate, &verdicts, judging.now, keeps_keys_for);
    }
    judged
}

impl Judged {
    fn sort(
        &mut self,
        candidate: Candidate,
        verdicts: &[gate::Verdict],
        now: Timestamp,
        keeps_keys_for: Option<Duration>,
    ) {
        let item = &candidate.item;
        let is_replay = candidate.status == Status::Dispatching;
        let held = |status, code: &str, send_after| Held {
            id: item.id,
            was: candidate.status,
            payload_sha256: item.payload_sha256,
            round: candidate.round,
            status,
            code: code.to_owned(),
            send_after,
        };
        if let Some(verdict) = gate::deciding(verdicts) {
            let held = match verdict.ruling {
                // It may have been sent already, so it can neither be repeated nor called blocked.
                Ruling::Block { .. } | Ruling::Reopen if is_replay => {
                    held(Status::Uncertain, verdict.code, item.send_after)
                }
                // At most one open draft has a place; what would be the second one waits, and takes it over when its turn comes.
                Ruling::Reopen if !self.places.insert((item.contact, item.kind)) => {
                    held(candidate.status, verdict.code, now + SignedDuration::from_mins(1))
                }
                Ruling::Reopen => held(Status::DraftPendingApproval, verdict.code, item.send_after),
                Ruling::Block { status } => held(status, verdict.code, item.send_after),
                // Nothing waits beyond its end.
                Ruling::Defer { until } => {
                    let until = item.expires_at.map_or(until, |end| until.min(end));
                    held(candidate.status, verdict.code, until)
                }
                Ruling::Pass => return,
            };
            self.held.push(held);
            return;
        }
        let since_first_wire = candidate.first_wire_at.map_or(Duration::ZERO, |at| elapsed(at, now));
        let tries = i16::try_from(candidate.tries + 1).unwrap_or(i16::MAX);
        if is_replay && !may_replay(keeps_keys_for, since_first_wire, tries) {
            self.held.push(held(Status::Uncertain, "window_closed", item.send_after));
            return;
        }
        let (secret_version, was) = (candidate.secret_version, candidate.status);
        let recipients = item.recipients();
        let is_post = item.is_post();
        // The channel gate passed, so there is a request.
        if let Some(Envelope { payload, request: Some(request), .. }) = candidate.item.envelope {
            let claimed = Claimed {
                id: candidate.item.id,
                round: candidate.round,
                attempt: candidate.attempt + 1,
                payload_sha256: candidate.item.payload_sha256,
                payload,
                request,
                is_replay,
                first_wire_at: candidate.first_wire_at,
                quota_day: candidate.quota_day.unwrap_or_default(),
                tries,
                recipients,
                is_post,
                worded_at: candidate.item.worded_at,
                past: Past::default(),
            };
            self.ready.push(Ready { claimed, secret_version, was });
        }
    }

    /// Another credential may be another account, where the key of an earlier attempt means nothing: a repeat would be a second
    /// message.
    pub(super) fn hold_under_other_credential(&mut self, version: i32) {
        let (changed, ready) = std::mem::take(&mut self.ready).into_iter().partition(|ready| {
            ready.claimed.is_replay && ready.secret_version.is_some_and(|before| before != version)
        });
        self.ready = ready;
        self.held.extend(changed.into_iter().map(|ready: Ready| Held {
            id: ready.claimed.id,
            was: ready.was,
            payload_sha256: ready.claimed.payload_sha256,
            round: ready.claimed.round,
            status: Status::Uncertain,
            code: "credential_changed".to_owned(),
            send_after: ready.claimed.first_wire_at.unwrap_or_default(),
        }));
    }

    pub(super) fn hold_all(&mut self, code: &str, until: Timestamp) {
        let held = self.ready.drain(..).map(|ready| Held {
            id: ready.claimed.id,
            was: ready.was,
            payload_sha256: ready.claimed.payload_sha256,
            round: ready.claimed.round,
            status: ready.was,
            code: code.to_owned(),
            send_after: until,
        });
        self.held.extend(held);
    }

    /// Rows that repeat an attempt hold their quota already. Of the others as many go as there is quota; the rest waits for the next
    /// local day. Returns the day whose quota was taken.
    pub(super) async fn take_quota(
        &mut self,
        conn: &mut sqlx::PgConnection,
        company: CompanyId,
        outbox: &OutboxSettings,
        now: Timestamp,
    ) -> Result<Date, Error> {
        let today = quota::day::local_day(now, &outbox.zone);
        let wanted = self.ready.iter().filter(|ready| !ready.claimed.is_replay).count();
        if wanted == 0 {
            return Ok(today);
        }
        let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
        let (granted, today) = quota::store::take(conn, company, outbox.id, today, wanted).await?;
        let mut left = usize::try_from(granted).unwrap_or(0);
        let next_day = quota::day::next_reset(now, &outbox.zone);
        let code = gate::quota::exhausted(outbox.limits.is_ramped(outbox.daily_cap, today));
        let mut ready = Vec::with_capacity(self.ready.len());
        for mut one in self.ready.drain(..) {
            if one.claimed.is_replay {
                ready.push(one);
            } else if left > 0 {
                left -= 1;
                one.claimed.quota_day = today;
                ready.push(one);
            } else {
                self.held.push(Held {
                    id: one.claimed.id,
                    was: one.was,
                    payload_sha256: one.claimed.payload_sha256,
                    round: one.claimed.round,
                    status: Status::BlockedByQuota,
                    code: code.to_owned(),
                    send_after: next_day,
                });
            }
        }
        self.ready = ready;
        Ok(today)
    }

    /// Rows that waited for quota and have it now: they are approved again before they are claimed.
    pub(super) fn released(&self) -> Vec<ActivityId> {
        self.ready
            .iter()
            .filter(|ready| ready.was == Status::BlockedByQuota)
            .map(|ready| ready.claimed.id)
            .collect()
    }
}
