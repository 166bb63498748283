//! Time as it passes and as the clock of the database shows it.
//!
//! Windows in which a key is trusted are measured by that clock, and the key is forgotten in time that really passed. So the clock may
//! not go back by more than a key is trusted less than its provider promises, unless somebody notices. What the product does not
//! notice, and is therefore not covered by these runs beyond [`UNNOTICED`]:
//!
//! - A clock that goes back by less than an hour while a batch holds a message that may have been accepted. Its lease then stands for
//!   as long as the clock went back, and when it runs out the clock shows again what it showed before. (These runs bound larger turns
//!   there as well, although the product takes such a lease for one of a clock that went back.)
//! - A clock that goes back no further than to what it showed when something was written last.
//! - A clock that has caught up before anybody looked: no dispatcher ran meanwhile.
use std::time::Duration;

use countersign_core::company::store::CLOCK_TOLERANCE;
use countersign_core::dispatch::LATEST;
use countersign_core::dispatch::settle::KEY_MARGIN;
use jiff::SignedDuration;

use super::{Item, Model, Token};

/// How long after its wire a request may still reach the provider. No rule of the product bounds that: what is underway for longer than
/// a key is trusted less than promised is a second message.
pub(super) const UNDERWAY: Duration = Duration::from_secs(20 * 60);

/// How far the clock may go back, all in all, where nobody notices: what is left of the margin.
const UNNOTICED: Duration =
    KEY_MARGIN.checked_sub(LATEST).expect("a margin").checked_sub(UNDERWAY).expect("a margin");

/// How often the upkeep looks whether the clock went back.
const GLANCE: Duration = Duration::from_secs(60);

impl Model {
    /// Time goes by.
    pub(super) fn pass(&mut self, time: Duration) {
        self.passed += time;
        self.now += time;
    }

    /// A longer time goes by. If the clock went back, the upkeep looks before it has caught up.
    pub(super) fn wait(&mut self, time: Duration) {
        if self.clock_went_back() {
            self.keep();
        }
        self.pass(time);
    }

    /// Whether the clock is below what it showed before by more than clocks of one server differ.
    #[must_use]
    pub fn clock_went_back(&self) -> bool {
        self.seen > self.now + CLOCK_TOLERANCE
    }

    /// Something was written, and with it what the clock shows.
    pub(super) fn note_written(&mut self) {
        self.seen = self.seen.max(self.now);
    }

    /// Somebody sets the clock of the database.
    pub(super) fn turn(&mut self, by: SignedDuration) {
        let is_ambiguous = |item: &&Item| item.is_ambiguous_or_on_the_wire();
        let is_noticed = self.seen > self.now + by + CLOCK_TOLERANCE + GLANCE;
        let goes_unnoticed = by.is_negative()
            && self.items.iter().filter(is_ambiguous).any(|item| item.token != Token::Waiting || !is_noticed);
        if goes_unnoticed {
            if (self.turned_back - by).unsigned_abs() > UNNOTICED {
                return;
            }
            self.turned_back -= by;
        }
        self.now += by;
    }
}
