//! What can happen, and how it is drawn.
use std::sync::LazyLock;

use countersign_core::approval::Resolution;
use fastrand::Rng;
use jiff::Timestamp;

use super::reply::Reply;
use super::{ITEMS, OUTBOXES, WORKERS};

/// Zones an outbox can be in.
pub const ZONES: [&str; 5] =
    ["UTC", "Europe/Paris", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati"];

/// One thing that happens. Numbers of items, outboxes and workers are within their bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A draft comes in.
    File {
        /// Which.
        item: u8,
        /// It expires after so long.
        life_hours: u8,
        /// It asks not to leave before so long.
        delay_hours: u8,
    },
    /// A person approves what they saw.
    Approve {
        /// Which; the next draft from there on, if there is one.
        item: u8,
        /// They saw other words than it has now.
        is_stale: bool,
    },
    /// A person says no.
    Reject {
        /// Which, as above.
        item: u8,
    },
    /// A person changes the words.
    Edit {
        /// Which, as above.
        item: u8,
    },
    /// A person takes the decision back.
    Undo {
        /// Which.
        item: u8,
    },
    /// A person settles what is uncertain, rightly or wrongly.
    Settle {
        /// Which; the next uncertain one from there on.
        item: u8,
        /// What they say.
        resolution: Resolution,
    },
    /// A worker takes its next step: claims, puts on the wire, calls, writes.
    Work {
        /// Who.
        worker: u8,
        /// Where it claims, if that is its step.
        outbox: u8,
        /// How much it claims at most.
        limit: u8,
        /// What the provider does, if it calls.
        reply: Reply,
        /// The randomness of the step.
        dice: u8,
    },
    /// A worker gives back what it claimed and did not put on the wire.
    GiveBack {
        /// Who.
        worker: u8,
    },
    /// A worker is lost with all it has in memory.
    Crash {
        /// Who.
        worker: u8,
        /// Its calls are in the socket and may still arrive.
        keeps_flying: bool,
    },
    /// A request nobody waits for reaches the provider, or is lost for good.
    Land {
        /// It reaches the provider.
        arrives: bool,
    },
    /// A worker renews its lease.
    Renew {
        /// Who.
        worker: u8,
    },
    /// One batch whose lease ran out is taken over.
    Recover,
    /// Drafts expire, windows close.
    Keep,
    /// Time goes by.
    Wait {
        /// So much.
        secs: u32,
    },
    /// The clock of the database is set.
    Turn {
        /// By so much.
        mins: i16,
    },
    /// An outbox gets another cap.
    Cap {
        /// Which.
        outbox: u8,
        /// The cap.
        cap: u8,
    },
    /// An outbox moves.
    Zone {
        /// Which.
        outbox: u8,
        /// Index into [`ZONES`].
        zone: u8,
    },
    /// A person pauses an outbox.
    Pause {
        /// Which.
        outbox: u8,
    },
    /// A person kills an outbox.
    Kill {
        /// Which.
        outbox: u8,
    },
    /// An admin lets an outbox send again.
    Resume {
        /// Which.
        outbox: u8,
    },
    /// The credential gets a new version: another account, for all one knows.
    Rotate,
    /// The recipients are put on the allowlist, or taken off.
    Allow {
        /// On it.
        allowed: bool,
    },
    /// The contact of an item is suppressed, or an admin lifts that.
    Suppress {
        /// Which.
        item: u8,
        /// It is.
        suppressed: bool,
    },
    /// The contact of an item wrote.
    Hear {
        /// Which.
        item: u8,
    },
}

/// The circumstances of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Whether the provider keeps keys.
    pub keeps_keys: bool,
    /// Whether decisions can be taken back for [`Setup::UNDO_WINDOW_SECS`].
    pub has_undo_window: bool,
    /// Cap of the first outbox.
    pub cap: u8,
    /// Index into [`STARTS`].
    pub start: u8,
    /// What happens more often.
    pub focus: Focus,
}

/// What a run is about: runs that are about everything at once hardly ever get far with anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Focus {
    /// Caps, zones, days.
    Quota,
    /// Workers that are lost or late.
    Loss,
    /// Decisions, taken back and made anew.
    People,
    /// Outboxes, credentials and recipients that are stopped, and the clock.
    Stops,
    /// A provider that gives no clear answer for a while.
    Outage,
}

/// When runs begin: an ordinary day, and the evenings before Paris and Los Angeles change their clocks.
const STARTS: [&str; 4] =
    ["2026-06-10T10:00:00Z", "2026-03-28T21:30:00Z", "2026-10-24T20:30:00Z", "2026-11-01T06:30:00Z"];

impl Setup {
    /// Seconds a decision can be taken back.
    pub const UNDO_WINDOW_SECS: u32 = 30;

    /// Draws circumstances.
    pub fn draw(dice: &mut Rng) -> Self {
        let focuses = [Focus::Quota, Focus::Loss, Focus::People, Focus::Stops, Focus::Outage];
        Self {
            keeps_keys: dice.u8(0..3) > 0,
            has_undo_window: dice.u8(0..4) == 0,
            cap: dice.u8(1..4),
            start: below(dice, STARTS.len()),
            focus: focuses[dice.usize(0..focuses.len())],
        }
    }

    pub(super) fn start(self) -> Timestamp {
        static READ: LazyLock<[Timestamp; STARTS.len()]> =
            LazyLock::new(|| STARTS.map(|start| start.parse().expect("a time")));
        READ[usize::from(self.start)]
    }

    pub(super) fn cap(self, outbox: usize) -> i32 {
        if outbox == 0 { self.cap.into() } else { 2 }
    }
}

fn below(dice: &mut Rng, count: usize) -> u8 {
    u8::try_from(dice.usize(0..count)).unwrap_or(0)
}

impl Op {
    /// Draws one thing that happens: one of three belongs to what the run is about, the others are likely things more often. An outage
    /// is one only where it lasts.
    pub fn draw(dice: &mut Rng, focus: Focus) -> Self {
        let of_three = if focus == Focus::Outage { 2 } else { 1 };
        if dice.u8(0..3) < of_three { Self::draw_about(dice, focus) } else { Self::draw_any(dice) }
    }

    fn draw_about(dice: &mut Rng, focus: Focus) -> Self {
        let (item, outbox) = (below(dice, ITEMS), u8::from(dice.u8(0..4) == 0));
        let worker = below(dice, WORKERS);
        match (focus, dice.u8(0..8)) {
            (Focus::Quota, 0..2) => Self::Cap { outbox, cap: dice.u8(0..4) },
            (Focus::Quota, 2..4) => Self::Zone { outbox, zone: below(dice, ZONES.len()) },
            (Focus::Quota, 4 | 5) => Self::Wait { secs: 12 * 3_600 },
            (Focus::Quota, _) => Self::GiveBack { worker },
            (Focus::Loss, 0..2) => Self::Wait { secs: 31 },
            (Focus::Loss, 2..4) => Self::Recover,
            (Focus::Loss, 4 | 5) => Self::Crash { worker, keeps_flying: dice.bool() },
            (Focus::Loss, 6) => Self::Renew { worker },
            (Focus::Loss, _) => Self::Land { arrives: true },
            (Focus::People, 0) => Self::Edit { item },
            (Focus::People, 1..3) => Self::Undo { item },
            (Focus::People, 3) => Self::Settle { item, resolution: Resolution::BackToDraft },
            (Focus::People, 4) => Self::Suppress { item, suppressed: dice.bool() },
            (Focus::People, 5) => Self::Hear { item },
            (Focus::People, _) => Self::Approve { item, is_stale: false },
            (Focus::Stops, 0) => Self::Pause { outbox },
            (Focus::Stops, 1..3) => Self::Resume { outbox },
            (Focus::Stops, 3) => Self::Turn { mins: TURNS[dice.usize(0..TURNS.len())] },
            (Focus::Stops, 4) => Self::Rotate,
            (Focus::Stops, 5) => Self::Suppress { item, suppressed: dice.u8(0..3) > 0 },
            (Focus::Stops, 6) => Self::Hear { item },
            (Focus::Stops, _) => Self::Allow { allowed: dice.u8(0..3) > 0 },
            (Focus::Outage, 0) => Self::Wait { secs: if dice.u8(0..4) > 0 { 2 } else { 300 } },
            (Focus::Outage, _) => {
                let reply = if dice.bool() { Reply::IsAway } else { Reply::FailsBefore };
                Self::Work { worker: 0, outbox: 0, limit: 3, reply, dice: dice.u8(..) }
            }
        }
    }

    fn draw_any(dice: &mut Rng) -> Self {
        let item = below(dice, ITEMS);
        let outbox = below(dice, OUTBOXES);
        let worker = below(dice, WORKERS);
        match dice.u8(0..100) {
            0..3 => Self::file(item, dice),
            3..11 => Self::Approve { item, is_stale: dice.u8(0..8) == 0 },
            11 => Self::Reject { item },
            12..14 => Self::Edit { item },
            14..17 => Self::Undo { item },
            17..20 => {
                let all = Resolution::ALL;
                Self::Settle { item, resolution: all[dice.usize(0..all.len())] }
            }
            20..67 => Self::Work {
                worker,
                outbox: u8::from(dice.u8(0..5) == 0),
                limit: dice.u8(1..4),
                reply: Reply::draw(dice),
                dice: dice.u8(..),
            },
            67 => Self::GiveBack { worker },
            68..72 => Self::Crash { worker, keeps_flying: dice.bool() },
            72..74 => Self::Land { arrives: dice.u8(0..4) > 0 },
            74 => Self::Renew { worker },
            75..80 => Self::Recover,
            80..82 => Self::Keep,
            82..92 => Self::Wait { secs: WAITS[dice.usize(0..WAITS.len())] },
            92 => Self::Turn { mins: TURNS[dice.usize(0..TURNS.len())] },
            93 => Self::Cap { outbox, cap: dice.u8(0..4) },
            94 => Self::Zone { outbox, zone: below(dice, ZONES.len()) },
            95 => Self::Pause { outbox },
            96 if dice.bool() => Self::Kill { outbox },
            96 | 97 => Self::Resume { outbox },
            98 => Self::Rotate,
            _ => Self::Allow { allowed: dice.bool() },
        }
    }

    fn file(item: u8, dice: &mut Rng) -> Self {
        Self::File {
            item,
            life_hours: LIVES[dice.usize(0..LIVES.len())],
            delay_hours: if dice.u8(0..6) == 0 { 2 } else { 0 },
        }
    }

    /// How a run begins: most messages are there, and most of them are decided about.
    pub fn opening(dice: &mut Rng) -> Vec<Self> {
        let mut steps = Vec::with_capacity(64);
        for item in (0..).take(ITEMS) {
            if dice.u8(0..8) > 0 {
                steps.push(Self::file(item, dice));
                if dice.u8(0..4) > 0 {
                    steps.push(Self::Approve { item, is_stale: false });
                }
            }
        }
        steps
    }
}

/// Hours until a draft expires.
const LIVES: [u8; 5] = [1, 12, 72, 72, 72];

/// A moment, a lease, a few minutes, an hour, half a day, less than a window, a day.
const WAITS: [u32; 10] = [1, 31, 31, 31, 300, 300, 3_600, 12 * 3_600, 22 * 3_600, 24 * 3_600];

/// Steps of the clock, in minutes: within what clocks of one server differ, an hour, a day.
const TURNS: [i16; 7] = [-3, -7, 3, -60, 60, -24 * 60, 24 * 60];
