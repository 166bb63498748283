//! A model of the dispatch core: a few messages, two outboxes, two workers, a provider, a clock that may be moved.
//!
//! Whatever the product decides in a pure function is decided here by that same function, so that breaking the rule breaks the
//! model. What the product does in SQL is stated here once more, as small functions over small values. [`check`] holds the rules
//! the model must keep at every step, and [`heal`] what must come about once every fault is over. The model is driven twice: by a
//! seeded simulator ([`simulate`](crate::simulate)) and beside a real database ([`replica`](crate::replica)).
//!
//! Any operation may come in any state; what makes no sense there does nothing. So every part of a sequence is a sequence.
pub mod check;
mod claim;
mod gates;
mod heal;
pub mod item;
pub mod op;
mod outbox;
mod passing;
mod people;
mod provider;
pub mod reply;
mod upkeep;
pub mod worker;

use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::settle::KEY_MARGIN;
use jiff::{SignedDuration, Timestamp};

use self::gates::Desk;

pub use self::check::Breach;
pub use self::item::{Item, Token};
pub use self::op::{Op, Setup};
pub use self::outbox::Outbox;
use self::provider::{Provider, Stray};
pub use self::reply::{Answer, Reply};
pub use self::worker::{Move, Worker};

const DRAFT: Status = Status::DraftPendingApproval;

/// Messages there can be.
pub const ITEMS: usize = 4;
/// Outboxes; all of them share one credential.
pub const OUTBOXES: usize = 2;
/// Workers.
pub const WORKERS: usize = 2;
/// Wordings a message can have; an edit goes on to the next, and round again.
pub const WORDINGS: u8 = 3;
/// How long a claim stands without a sign of life.
pub const LEASE: Duration = Duration::from_secs(30);
/// How much time every step takes.
pub const TICK: Duration = Duration::from_millis(1);
/// For how long a provider that keeps keys keeps them.
pub const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// For how long the product trusts such a key.
const WINDOW: Duration = KEYS_KEPT.saturating_sub(KEY_MARGIN);

/// A batch as it is stored: its row is the lease.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The fencing token.
    pub token: u32,
    outbox: usize,
    /// When it runs out.
    pub until: Timestamp,
    /// Version of the credential it was made under.
    credential: i32,
    /// A bit for each item it was opened with.
    items: u8,
}

impl Lease {
    /// Whether its worker counts as lost: it ran out, or it ends so late that the clock must have gone back.
    pub(crate) fn is_lost(&self, now: Timestamp) -> bool {
        self.until < now || self.until > now + SignedDuration::from_hours(1)
    }
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct Model {
    /// The database's clock.
    pub now: Timestamp,
    /// How much time really passed; the clock that also counts the sleep of the machine.
    passed: Duration,
    /// The latest the database's clock showed when something was written.
    pub seen: Timestamp,
    /// How far the clock went back where nothing tells.
    turned_back: SignedDuration,
    /// The circumstances.
    pub setup: Setup,
    /// Messages, filed or not.
    pub items: [Item; ITEMS],
    /// Sending identities.
    pub outboxes: [Outbox; OUTBOXES],
    /// Batches that are open.
    pub leases: Vec<Lease>,
    /// Workers with what they hold in memory.
    pub workers: [Worker; WORKERS],
    provider: Provider,
    /// Requests nobody waits for that may still reach the provider.
    strays: Vec<Stray>,
    /// Version of the credential.
    pub credential: i32,
    /// Whether the recipients are on the allowlist.
    pub allowed: bool,
    /// What a worker did in the last step, if it was one of its steps.
    pub made: Option<Move>,
    tokens: u32,
    filed: u8,
    breach: Option<Breach>,
    desk: Desk,
}

impl Model {
    /// The beginning: nothing is filed, nothing is taken.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let now = setup.start();
        Self {
            now,
            passed: Duration::ZERO,
            seen: now,
            turned_back: SignedDuration::ZERO,
            setup,
            // The last outbox has one message, the first has all the others.
            items: std::array::from_fn(|item| Item::unfiled(item, usize::from(item + 1 == ITEMS), now)),
            outboxes: std::array::from_fn(|outbox| Outbox::new(setup.cap(outbox), now)),
            leases: Vec::new(),
            workers: Default::default(),
            provider: Provider::default(),
            strays: Vec::new(),
            credential: 1,
            allowed: true,
            made: None,
            tokens: 0,
            filed: 0,
            breach: None,
            desk: Desk::default(),
        }
    }

    /// Takes one step and checks everything.
    ///
    /// # Errors
    /// The rule that does not hold any more.
    pub fn step(&mut self, op: Op) -> Result<(), Breach> {
        // No two steps at one instant: the database's clock does not stand still either.
        self.pass(TICK);
        self.made = None;
        self.apply(op);
        match self.breach.take() {
            Some(breach) => Err(breach),
            None => check::check(self),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::File { item, life_hours, delay_hours } => self.file(item.into(), life_hours, delay_hours),
            Op::Approve { item, is_stale } => self.approve(self.pick(item, DRAFT), is_stale),
            Op::Reject { item } => self.reject(self.pick(item, DRAFT)),
            Op::Edit { item } => self.edit(self.pick(item, DRAFT)),
            Op::Undo { item } => self.undo(item.into()),
            Op::Settle { item, resolution } => {
                self.settle_by_hand(self.pick(item, Status::Uncertain), resolution);
            }
            Op::Work { worker, outbox, limit, reply, dice } => {
                self.work(worker.into(), outbox.into(), limit.into(), reply, dice);
            }
            Op::GiveBack { worker } => self.hand_back(worker.into()),
            Op::Crash { worker, keeps_flying } => self.crash(worker.into(), keeps_flying),
            Op::Land { arrives } => self.land(arrives),
            Op::Renew { worker } => self.renew(worker.into()),
            Op::Recover => self.recover(),
            Op::Keep => self.keep(),
            Op::Wait { secs } => self.wait(Duration::from_secs(secs.into())),
            Op::Turn { mins } => self.turn(SignedDuration::from_mins(mins.into())),
            Op::Cap { outbox, cap } => self.set_cap(outbox.into(), cap.into()),
            Op::Zone { outbox, zone } => self.set_zone(outbox.into(), op::ZONES[usize::from(zone)]),
            Op::Pause { outbox } => self.pause(outbox.into()),
            Op::Kill { outbox } => self.kill(outbox.into()),
            Op::Resume { outbox } => self.resume(outbox.into()),
            Op::Rotate => {
                self.credential += 1;
                self.note_written();
            }
            Op::Allow { allowed } => self.allow(allowed),
            Op::Suppress { item, suppressed } => self.suppress(item.into(), suppressed),
            Op::Hear { item } => self.hear(item.into()),
        }
    }

    /// Whom a person means who looks for an item in that status from this place on; the place itself if there is none.
    #[must_use]
    pub fn pick(&self, from: u8, status: Status) -> usize {
        let places = (0..ITEMS).map(|step| (usize::from(from) + step) % ITEMS);
        let fits = |place: &usize| self.items[*place].is_filed() && self.items[*place].status == status;
        places.into_iter().find(fits).unwrap_or(from.into())
    }

    /// Notes a rule that was broken within a step.
    fn breach(&mut self, rule: &'static str, item: usize) {
        self.breach.get_or_insert(Breach { rule, item: Some(item) });
    }

    fn has_lease(&self, token: u32) -> bool {
        self.leases.iter().any(|lease| lease.token == token)
    }

    /// Messages that were filed.
    fn filed(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.is_filed())
    }
}
