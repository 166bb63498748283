//! The model beside a real database: every step is taken by both, by the use cases and the dispatcher's own phases on one side,
//! and after every step the rows must say what the model says.
mod compare;
mod script;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::approval::{self, Item as Seen, ItemOutcome};
use countersign_core::channel::{ChannelName, Lines};
use countersign_core::contact::suppression::{self, Identity, Reason};
use countersign_core::dispatch::step::{Answered, Claimed, OnTheWire, Stepper};
use countersign_core::dispatch::{Engine, Settings};
use countersign_core::draft::revise;
use countersign_core::engine::board::Board;
use countersign_core::error::Error;
use countersign_core::ids::{ActivityId, ClaimId, ContactId, OutboxId};
use countersign_core::inbound::{self, Direction, Noted};
use countersign_core::outbox::{self, Change};
use fastrand::Rng;
use serde_json::json;
use tokio::sync::Notify;

use self::script::Script;
use crate::model::op::ZONES;
use crate::model::{ITEMS, LEASE, Model, Move, OUTBOXES, Op, Reply, Setup, TICK, WORKERS};
use crate::provider::{keyless_by, mail_by};
use crate::standing_clock::{self, Clock};
use crate::world::{World, mail_outbox, rendering};

const NAMES: [&str; OUTBOXES] = ["first", "last"];

/// What a worker holds in memory.
#[derive(Default)]
struct Hand {
    token: Option<ClaimId>,
    claimed: Option<Claimed>,
    on_the_wire: Vec<OnTheWire>,
    answered: Vec<Answered>,
}

impl Hand {
    /// The call for that message.
    fn take(&mut self, id: Option<ActivityId>) -> OnTheWire {
        let place = self.on_the_wire.iter().position(|call| Some(call.activity()) == id);
        self.on_the_wire.remove(place.expect("the message is on the wire"))
    }
}

/// A model and a database that should be alike.
pub struct Replica {
    /// What should be.
    pub model: Model,
    world: World,
    clock: Clock,
    stepper: Stepper,
    script: Script,
    outboxes: [OutboxId; OUTBOXES],
    ids: [Option<ActivityId>; ITEMS],
    /// Hash of each wording of each message, as it was made last.
    hashes: HashMap<(usize, u8), PayloadHash>,
    hands: [Hand; WORKERS],
    is_allowed: bool,
}

impl Replica {
    /// The beginning, in a database of its own.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn new(setup: Setup) -> Self {
        let model = Model::new(setup);
        let mut world = World::new().await;
        let mut clock = standing_clock::stop(&mut world).await;
        clock.begin(model.now).await;
        let mut outboxes = [world.outbox; OUTBOXES];
        for ((id, name), own) in outboxes.iter_mut().zip(NAMES).zip(&model.outboxes) {
            let mut new = mail_outbox(name);
            new.daily_cap = own.cap;
            if setup.has_undo_window {
                new.undo_window = Duration::from_secs(Setup::UNDO_WINDOW_SECS.into());
            }
            *id = world.add_outbox(&new).await;
        }
        let script = Script::default();
        let lines = if setup.keeps_keys { mail_by(script.clone()) } else { keyless_by(script.clone()) };
        let settings = Settings { lease: LEASE, worker: "stepped".to_owned(), ..Settings::default() };
        let (pool, key) = (world.pool.clone(), world.key.clone());
        let (wake, board) = (Arc::new(Notify::new()), Board::default());
        let stepper = Stepper::new(Engine { pool, lines, key, settings, wake, board });
        Self {
            model,
            world,
            clock,
            stepper,
            script,
            outboxes,
            ids: [None; ITEMS],
            hashes: HashMap::new(),
            hands: Default::default(),
            is_allowed: true,
        }
    }

    /// Takes one step on both sides and compares them.
    ///
    /// # Errors
    /// The rule the model breaks, or what the database says otherwise.
    pub async fn step(&mut self, op: Op) -> Result<(), String> {
        let meant = self.meant(op);
        if matches!(op, Op::Wait { .. }) && self.model.clock_went_back() {
            // The upkeep looks before the clock has caught up.
            self.clock.set(self.model.now + TICK).await;
            let kept = self.stepper.keep(self.world.company).await;
            kept.map_err(|error| format!("the upkeep fails: {error:?}"))?;
        }
        self.model.step(op).map_err(|breach| breach.to_string())?;
        self.clock.set(self.model.now).await;
        self.apply(op, meant).await.map_err(|error| format!("the database refuses: {error:?}"))?;
        self.compare().await
    }

    /// The item a step is about.
    fn meant(&self, op: Op) -> usize {
        match op {
            Op::Approve { item, .. } | Op::Reject { item } | Op::Edit { item } => {
                self.model.pick(item, Status::DraftPendingApproval)
            }
            Op::Settle { item, .. } => self.model.pick(item, Status::Uncertain),
            Op::File { item, .. } | Op::Undo { item } | Op::Suppress { item, .. } | Op::Hear { item } => {
                item.into()
            }
            _ => 0,
        }
    }

    /// What a person sees of an item.
    fn seen(&self, item: usize, is_stale: bool) -> Option<Seen> {
        let (id, words) = (self.ids[item]?, self.model.items[item].words);
        let hash = if is_stale { PayloadHash::of(b"other words") } else { self.hashes[&(item, words)] };
        Some(Seen::seen(id, hash))
    }

    async fn apply(&mut self, op: Op, item: usize) -> Result<(), Error> {
        let (pool, company) = (self.world.pool.clone(), self.world.company);
        let (admin, approver) = (self.world.admin.clone(), self.world.approver.clone());
        let outbox_id = |outbox: u8| self.outboxes[usize::from(outbox)];
        match op {
            Op::File { .. } => self.file(item).await,
            Op::Approve { is_stale, .. } => {
                if let Some(seen) = self.seen(item, is_stale) {
                    self.world.try_approve(&approver, &[seen]).await;
                }
            }
            Op::Reject { .. } => {
                if let Some(seen) = self.seen(item, false) {
                    self.world.try_reject(&approver, &[seen]).await;
                }
            }
            Op::Edit { .. } => self.edit(item).await?,
            Op::Undo { .. } => {
                if let Some(id) = self.ids[item] {
                    self.world.undo(&[id]).await;
                }
            }
            Op::Settle { resolution, .. } => {
                if let Some(id) = self.ids[item] {
                    approval::resolve(&pool, &approver, company, id, resolution, "looked").await?;
                }
            }
            Op::Work { worker, outbox, limit, reply, dice } => {
                let outbox = outbox_id(outbox);
                self.work(worker.into(), outbox, limit.into(), reply, dice).await?;
            }
            Op::GiveBack { worker } => {
                if let Some(claimed) = self.hands[usize::from(worker)].claimed.take() {
                    self.stepper.give_back(claimed).await?;
                }
            }
            Op::Crash { worker, .. } => self.hands[usize::from(worker)] = Hand::default(),
            Op::Renew { worker } => {
                let is_busy = self.model.workers[usize::from(worker)].is_busy();
                if let (true, Some(token)) = (is_busy, self.hands[usize::from(worker)].token) {
                    self.stepper.renew(company, token).await?;
                }
            }
            Op::Recover => {
                self.stepper.recover().await?;
            }
            Op::Keep => self.stepper.keep(company).await?,
            Op::Land { .. } | Op::Wait { .. } | Op::Turn { .. } => {}
            Op::Cap { outbox, cap } => {
                let change = Change { daily_cap: Some(cap.into()), ..Change::default() };
                outbox::change(&pool, &admin, company, outbox_id(outbox), &change, &Lines::new()).await?;
            }
            Op::Zone { outbox, zone } => {
                let zone = Some(ZONES[usize::from(zone)].to_owned());
                let change = Change { zone, ..Change::default() };
                outbox::change(&pool, &admin, company, outbox_id(outbox), &change, &Lines::new()).await?;
            }
            Op::Pause { outbox } => {
                unless_killed(outbox::pause(&pool, &approver, company, outbox_id(outbox), "a test").await)?;
            }
            Op::Kill { outbox } => {
                unless_killed(outbox::kill(&pool, &approver, company, outbox_id(outbox), "a test").await)?;
            }
            Op::Resume { outbox } => outbox::resume(&pool, &admin, company, outbox_id(outbox)).await?,
            Op::Rotate => {
                let value = script::credential(self.model.credential);
                self.world.set_secret("resend", &value).await;
            }
            Op::Allow { allowed } => self.allow(allowed).await,
            Op::Suppress { suppressed, .. } => self.suppress(item, suppressed).await?,
            Op::Hear { .. } => self.hear(item).await?,
        }
        Ok(())
    }

    async fn file(&mut self, index: usize) {
        let own = &self.model.items[index];
        if self.ids[index].is_some() || !own.is_filed() {
            return;
        }
        let mut line = json!({
            "channel": "email", "outbox": NAMES[own.outbox], "to": address(index), "kind": "first_touch",
            "payload": { "subject": script::subject(index, own.words), "text": "Dear person,\nthis is an offer." },
            "clientDedupKey": format!("draft-{index}"), "proposedBy": "scout", "expiresAt": own.expires_at.to_string(),
        });
        if own.send_after > self.model.now {
            line["sendAfter"] = own.send_after.to_string().into();
        }
        let filed = self.world.file(&[line]).await;
        self.ids[index] = Some(filed[0].id);
        self.hashes.insert((index, 0), filed[0].payload_sha256);
    }

    async fn edit(&mut self, index: usize) -> Result<(), Error> {
        let world = &self.world;
        // The model has the new words already, if it could be edited; the person saw the ones before.
        let Some(id) = self.ids[index] else { return Ok(()) };
        let seen = Seen::seen(id, world.hash(id).await);
        let words = self.model.items[index].words;
        let text = format!(
            "--- subject ---\n{}\n--- text ---\nDear person,\nthis is an offer.\n",
            script::subject(index, words)
        );
        let done = revise(&world.pool, &world.approver, world.company, seen, &text, &rendering()).await?;
        if let ItemOutcome::Revised { payload_sha256 } = done.outcome {
            self.hashes.insert((index, words), payload_sha256);
        }
        Ok(())
    }

    async fn suppress(&mut self, index: usize, suppressed: bool) -> Result<(), Error> {
        if self.ids[index].is_none() {
            return Ok(());
        }
        let World { pool, approver, admin, company, .. } = &self.world;
        let identity = Identity::parse(&address(index))?;
        if suppressed {
            suppression::suppress(pool, approver, *company, &identity, Reason::Manual, None).await?;
        } else {
            suppression::lift(pool, admin, *company, &identity, "a test").await?;
        }
        Ok(())
    }

    async fn hear(&mut self, index: usize) -> Result<(), Error> {
        let Some(id) = self.ids[index] else { return Ok(()) };
        let world = &self.world;
        let contact =
            sqlx::query_scalar("SELECT contact_id FROM crm_activities WHERE company_id = $1 AND id = $2")
                .bind(world.company.0)
                .bind(id.0)
                .fetch_one(&world.pool)
                .await?;
        let note = "not today".to_owned();
        let noted = Noted {
            contact: ContactId(contact),
            channel: ChannelName::Email,
            direction: Direction::In,
            at: None,
            note,
        };
        inbound::record(&world.pool, &world.approver, world.company, &noted).await?;
        Ok(())
    }

    async fn allow(&mut self, allowed: bool) {
        if allowed != self.is_allowed {
            self.is_allowed = allowed;
            if allowed {
                self.world.allow("@example.com").await;
            } else {
                self.world.disallow("@example.com").await;
            }
        }
    }

    /// Does what the model says that worker does.
    async fn work(
        &mut self,
        worker: usize,
        outbox: OutboxId,
        limit: usize,
        reply: Reply,
        dice: u8,
    ) -> Result<(), Error> {
        let company = self.world.company;
        let hand = &mut self.hands[worker];
        match self.model.made {
            Some(Move::Claim) => {
                let claimed = self.stepper.claim(company, outbox, limit).await?;
                *hand = Hand { token: claimed.as_ref().map(Claimed::token), claimed, ..Hand::default() };
            }
            Some(Move::Depart) => {
                if let Some(claimed) = hand.claimed.take() {
                    hand.on_the_wire = self.stepper.depart(claimed).await?;
                }
            }
            Some(Move::Call(item)) => {
                let call = hand.take(self.ids[item]);
                self.script.expect(reply.answer());
                hand.answered.push(self.stepper.call(call).await);
                let (round, words, credential) = self.model.carried(worker, item).expect("it was called");
                self.script.check(self.ids[item].expect("filed"), round, item, words, credential);
            }
            Some(Move::Write(is_last)) => {
                let answered = std::mem::take(&mut hand.answered);
                self.stepper.write(answered, is_last, &mut Rng::with_seed(dice.into())).await?;
            }
            Some(Move::Skip(item)) => {
                let call = hand.take(self.ids[item]);
                let stood_still = self.model.since_departure(worker);
                hand.answered.push(self.stepper.call(call.stood_still(stood_still)).await);
            }
            None => {}
        }
        Ok(())
    }
}

/// Whom a message is for.
fn address(item: usize) -> String {
    format!("person-{item}@example.com")
}

/// A killed outbox is neither paused nor killed again.
fn unless_killed(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::Conflict(_)) => Ok(()),
        other => other,
    }
}
