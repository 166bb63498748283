//! Is an outbox still welcome? Complaints and mail that came back, against what it sent lately. Pure: what was counted is `store_health`'s.
use serde::Serialize;

/// Days that are looked at.
pub const DAYS: i32 = 7;

/// Complaints from which on people are warned: 0.10 % of what was sent (bulk sender rules of the large mailbox providers).
const COMPLAINTS_WARN: f64 = 0.001;

/// Complaints from which on nothing more is sent before a person says so: 0.30 %.
const COMPLAINTS_STOP: f64 = 0.003;

/// Share of mail that came back from which on the outbox waits a day.
const BOUNCES_STOP: f64 = 0.05;

/// Below so many messages a share says little. A single complaint among few is a warning, a second one a rate.
const SENT_LEAST: i64 = 50;

/// What was counted over the last [`DAYS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Messages that left.
    pub sent: i64,
    /// Of those, how many came back for good.
    pub bounced: i64,
    /// Of those, how many were called spam.
    pub complained: i64,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing.
    Good,
    /// People are told.
    Warn,
    /// It waits for a day.
    Rest,
    /// It is paused until a person resumes it.
    Stop,
}

/// Judges what was counted.
#[must_use]
pub fn judge(counts: Counts) -> Health {
    let share = |part: i64| part as f64 / counts.sent.max(1) as f64;
    if counts.complained > 0 {
        let is_known = counts.sent >= SENT_LEAST || counts.complained > 1;
        if is_known && share(counts.complained) >= COMPLAINTS_STOP {
            return Health::Stop;
        }
    }
    if counts.sent >= SENT_LEAST && share(counts.bounced) >= BOUNCES_STOP {
        return Health::Rest;
    }
    match share(counts.complained) >= COMPLAINTS_WARN {
        true => Health::Warn,
        false => Health::Good,
    }
}

impl Counts {
    /// What was counted, in words.
    #[must_use]
    pub fn sentence(self) -> String {
        let share = |part: i64| 100.0 * part as f64 / self.sent.max(1) as f64;
        format!(
            "{} complaints ({:.2} %) and {} bounces ({:.1} %) of {} sent in {DAYS} days",
            self.complained,
            share(self.complained),
            self.bounced,
            share(self.bounced),
            self.sent
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(0, 0, 0, Health::Good)]
    #[case(49, 49, 0, Health::Good)]
    #[case(50, 2, 0, Health::Good)]
    #[case(60, 3, 0, Health::Rest)]
    #[case(50, 3, 0, Health::Rest)]
    #[case(20, 0, 1, Health::Warn)]
    #[case(20, 0, 2, Health::Stop)]
    #[case(50, 0, 1, Health::Stop)]
    #[case(999, 0, 1, Health::Warn)]
    #[case(1001, 0, 1, Health::Good)]
    #[case(1000, 0, 3, Health::Stop)]
    #[case(1000, 0, 2, Health::Warn)]
    #[case(100, 10, 1, Health::Stop)]
    fn complaints_weigh_more_than_bounces(
        #[case] sent: i64,
        #[case] bounced: i64,
        #[case] complained: i64,
        #[case] health: Health,
    ) {
        assert_eq!(judge(Counts { sent, bounced, complained }), health);
    }
}
