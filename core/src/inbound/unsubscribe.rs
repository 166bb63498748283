//! One-click unsubscribe (RFC 8058): mails that nobody asked for carry a link of their own, and whoever posts to it is not written to
//! any more.
//!
//! A link is 256 random bits of which only the hash is kept. It names nobody, works as long as its message is on file, and needs no
//! login. Looking at it changes nothing: scanners of mail follow every link.
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::effect::INBOUND;
use super::{store_effect, store_unsubscribe as store};
use crate::activity::fact::Fact;
use crate::activity::payload::{Kind, Payload};
use crate::audit::{self, Entry};
use crate::channel::ChannelName;
use crate::company;
use crate::contact::suppression::{self, Identity, Reason};
use crate::db;
use crate::draft::check::{ONE_CLICK, UNSUBSCRIBE, UNSUBSCRIBE_POST};
use crate::error::Error;
use crate::secret::random_text;

/// What a link's own part begins with.
const PREFIX: &str = "csu_";

/// Gives a mail that nobody asked for a link of its own, unless it brings one. Returns the hash by which the link is known.
pub(crate) fn give_link(payload: &mut Payload, base: Option<&str>) -> Option<[u8; 32]> {
    let is_advance = matches!(payload.kind, Kind::FirstTouch | Kind::FollowUp);
    let base = base.filter(|_| payload.channel == ChannelName::Email && is_advance)?;
    if payload.headers.contains_key(UNSUBSCRIBE) {
        return None;
    }
    let token = random_text(PREFIX);
    payload
        .headers
        .insert(UNSUBSCRIBE.to_owned(), format!("<{}/u/{}>", base.trim_end_matches('/'), token.expose()));
    payload.headers.insert(UNSUBSCRIBE_POST.to_owned(), ONE_CLICK.to_owned());
    Some(hash(token.expose()))
}

/// Whether a link is one of ours. Changes nothing.
///
/// # Errors
/// A database fault.
pub async fn is_link(pool: &PgPool, token: &str) -> Result<bool, Error> {
    let Some(hash) = read(token) else { return Ok(false) };
    Ok(store::find(&mut *pool.acquire().await?, &hash).await?.is_some())
}

/// What following a link came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is one of ours.
    Known {
        /// Whether anything was changed by it.
        is_news: bool,
    },
    /// It is none of ours.
    Unknown,
}

/// Ends being written to: suppresses whom the message of this link went to. As often as it is used, it does the same once, and nobody is
/// told of it again.
///
/// # Errors
/// A database fault; then nothing was done.
pub async fn unsubscribe(pool: &PgPool, token: &str) -> Result<Followed, Error> {
    let Some(hash) = read(token) else { return Ok(Followed::Unknown) };
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        let Some(link) = store::find(&mut tx, &hash).await? else { return Ok(Followed::Unknown) };
        let mut is_news = false;
        // Somebody may have been lifted by hand since: a later click counts again.
        if let Ok(identity) = Identity::parse(&link.recipient) {
            let note = Some("used the link in a mail");
            is_news =
                suppression::note_in(&mut tx, &INBOUND, link.company, &identity, Reason::Unsubscribe, note)
                    .await?;
        }
        if store::note_use(&mut tx, &hash).await? {
            store_effect::note_fact(&mut tx, link.company, link.activity, Fact::Unsubscribed, link.now, None)
                .await?;
            let entry = Entry::new(&INBOUND, "activity.unsubscribe").subject(link.activity);
            audit::store::append(&mut tx, link.company, &[entry]).await?;
            is_news = true;
        }
        if is_news {
            company::store::bump(&mut tx, link.company).await?;
        }
        tx.commit().await?;
        Ok(Followed::Known { is_news })
    })
    .await
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The hash of what looks like the part of a link that is its own.
fn read(token: &str) -> Option<[u8; 32]> {
    let digits = token.strip_prefix(PREFIX)?;
    let is_token = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_token.then(|| hash(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::payload::Parts;
    use crate::ids::OutboxId;

    fn sample_mail() -> Payload {
        Payload {
            channel: ChannelName::Email,
            outbox_id: OutboxId::new(),
            credential_id: "resend".to_owned(),
            kind: Kind::FirstTouch,
            from: "acme@example.com".to_owned(),
            to: "bo@example.org".to_owned(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            headers: std::collections::BTreeMap::new(),
            parts: Parts::Email {
                subject: "Hello".to_owned(),
                text: "Hi".to_owned(),
                html: None,
                in_reply_to: None,
                attachments: Vec::new(),
            },
        }
    }

    #[rstest::rstest]
    #[case(Kind::FirstTouch, true)]
    #[case(Kind::FollowUp, true)]
    #[case(Kind::Reply, false)]
    fn what_nobody_asked_for_has_a_link(#[case] kind: Kind, #[case] has: bool) {
        let mut payload = Payload { kind, ..sample_mail() };
        let hash = give_link(&mut payload, Some("https://hooks.acme.example/crm/"));
        assert_eq!(hash.is_some(), has);
        let Some(link) = payload.headers.get(UNSUBSCRIBE) else { return assert!(!has) };
        let token =
            link.strip_prefix("<https://hooks.acme.example/crm/u/").unwrap().strip_suffix('>').unwrap();
        assert_eq!((read(token), payload.headers[UNSUBSCRIBE_POST].as_str()), (hash, ONE_CLICK));
    }

    #[test]
    fn a_link_of_its_own_stays() {
        let mut payload = sample_mail();
        payload.headers.insert(UNSUBSCRIBE.to_owned(), "<https://example.com/u>".to_owned());
        let before = payload.clone();
        assert_eq!(give_link(&mut payload, Some("https://a.example")), None);
        assert_eq!((give_link(&mut payload, None), payload), (None, before));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("csu_")]
    #[case("csu_0123")]
    #[case("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    #[case("csu_0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
    fn what_is_no_link_is_not_looked_up(#[case] token: &str) {
        assert_eq!(read(token), None);
    }
}
