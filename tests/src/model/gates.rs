//! What the gates of the product say about an item of the model.
use std::sync::LazyLock;

use countersign_core::channel::ChannelName;
use countersign_core::contact::allowlist::Allowlist;
use countersign_core::gate::{Facts, Ruling, deciding, judge_all};

use super::item::hash;
use super::{Item, Model};

static EVERYONE: LazyLock<Allowlist> = LazyLock::new(|| Allowlist::new(["@example.com".to_owned()]));
static NOBODY: LazyLock<Allowlist> = LazyLock::new(Allowlist::default);

impl Model {
    /// The verdict that decides, with its code; `None` if nothing stands against it.
    pub(super) fn judge(&self, item: &Item) -> Option<(Ruling, &'static str)> {
        let outbox = &self.outboxes[item.outbox];
        let own_hash = item.hash();
        let facts = Facts {
            now: self.now,
            channel: ChannelName::Email,
            has_line: true,
            is_readable: true,
            fits_outbox: true,
            is_rendered: true,
            outbox: "model",
            paused: (!outbox.enabled).then_some("paused"),
            killed: outbox.killed.then_some("killed"),
            cool_until: outbox.cool_until,
            expires_at: Some(item.expires_at),
            send_after: item.send_after,
            recipients: vec!["person@example.com".to_owned()],
            allowlist_enforced: true,
            allowlist: if self.allowed { &EVERYONE } else { &NOBODY },
            payload_sha256: own_hash,
            stored_sha256: Some(own_hash),
            decided_sha256: item.approved_words(item.round).map(|words| hash(item.index, words)),
            is_draft: false,
        };
        deciding(&judge_all(&facts)).map(|verdict| (verdict.ruling, verdict.code))
    }
}
