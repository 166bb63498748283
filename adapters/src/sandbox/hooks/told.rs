//! What providers tell, in their own words. They tell what they can: no mail is read, and no message is opened.
use countersign_core::inbound::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::form;

/// The account of ours that writes and is written to, where a provider names it by a number.
const ACCOUNT: &str = "17841400000000000";

/// Which message something is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Our own id, where the provider gives it back.
    pub activity: Option<&'a str>,
    /// The provider's id.
    pub id: &'a str,
    /// Who got it.
    pub to: &'a str,
}

/// One thing that can be told.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// The provider works on it.
    Accepted(About<'a>),
    /// It takes longer.
    Delayed(About<'a>),
    /// It arrived.
    Delivered(About<'a>),
    /// It was opened.
    Opened(About<'a>),
    /// It was shown to the recipient.
    Read(About<'a>),
    /// The address takes nothing.
    Bounced(About<'a>),
    /// It came back, and may arrive another time.
    SoftBounced(About<'a>),
    /// It was called spam.
    Complained(About<'a>),
    /// It did not arrive, for the reason with that code.
    Failed(About<'a>, &'a str),
    /// Somebody wrote. A mail is only announced: its words have to be fetched.
    Reply {
        /// Who.
        from: &'a str,
        /// To which address or number of ours.
        to: &'a str,
        /// The words.
        text: &'a str,
        /// The provider's id of what they wrote.
        id: &'a str,
        /// The provider's id of the message they answer, if they quote it.
        answers: Option<&'a str>,
    },
    /// Something was sent under our account.
    Echo {
        /// To whom.
        to: &'a str,
        /// The words.
        text: &'a str,
        /// The provider's id of it.
        id: &'a str,
    },
    /// A meeting was booked.
    Booked(About<'a>),
    /// A meeting was moved.
    Moved(About<'a>),
    /// A meeting was called off.
    Cancelled(About<'a>),
    /// They did not come.
    Missed(About<'a>),
    /// Somebody commented on a post of ours.
    Comment {
        /// The provider's id of the post.
        post: &'a str,
        /// The provider's id of the comment, or of the notification.
        id: &'a str,
        /// The words.
        text: &'a str,
    },
}

impl Told<'_> {
    /// The body in which a provider tells it; `None` if it cannot.
    pub(super) fn body(&self, provider: Provider, at: Timestamp) -> Option<Vec<u8>> {
        let value = match provider {
            Provider::Resend => self.resend(at)?,
            Provider::Twilio => return self.twilio(),
            Provider::CalCom => self.calcom(at)?,
            Provider::Calendly => self.calendly(at)?,
            Provider::Linkedin => self.linkedin(at)?,
            Provider::Instagram => self.instagram(at)?,
        };
        Some(value.to_string().into_bytes())
    }

    fn resend(&self, at: Timestamp) -> Option<Value> {
        let at = at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let bounce = |kind: &str, sub: &str| json!({"type": kind, "subType": sub, "message": "the recipient's server said no"});
        let (kind, about, more) = match self {
            Self::Accepted(about) => ("email.sent", about, None),
            Self::Delayed(about) => ("email.delivery_delayed", about, None),
            Self::Delivered(about) => ("email.delivered", about, None),
            Self::Opened(about) => ("email.opened", about, None),
            Self::Complained(about) => ("email.complained", about, None),
            Self::Bounced(about) => {
                ("email.bounced", about, Some(("bounce", bounce("Permanent", "NoEmail"))))
            }
            Self::SoftBounced(about) => {
                ("email.bounced", about, Some(("bounce", bounce("Transient", "MailboxFull"))))
            }
            Self::Failed(about, code) => ("email.failed", about, Some(("failed", json!({"reason": code})))),
            Self::Reply { from, to, id, .. } => {
                return Some(json!({"type": "email.received", "created_at": at, "data": {
                    "email_id": id, "created_at": at, "from": from, "to": [to], "cc": [], "bcc": [], "received_for": [to],
                    "message_id": format!("<{id}@sandbox.invalid>"), "subject": "Re: your message", "attachments": [],
                }}));
            }
            _ => return None,
        };
        let mut data = json!({
            "email_id": about.id, "created_at": at, "from": "Sandbox <us@sandbox.invalid>", "to": [about.to], "subject": "A message",
            "message_id": format!("<{}@sandbox.invalid>", about.id), "tags": {},
        });
        if let Some(activity) = about.activity {
            data["tags"]["activity_id"] = json!(activity);
        }
        if let Some((name, more)) = more {
            data[name] = more;
        }
        Some(json!({"type": kind, "created_at": at, "data": data}))
    }

    fn twilio(&self) -> Option<Vec<u8>> {
        let account = format!("AC{}", "0".repeat(32));
        let (about, status, code) = match self {
            Self::Accepted(about) => (about, "sent", None),
            Self::Delivered(about) => (about, "delivered", None),
            Self::Read(about) => (about, "read", None),
            Self::Failed(about, code) => (about, "undelivered", Some(*code)),
            Self::Reply { from, to, text, id, answers } => {
                let (from, to) = (format!("whatsapp:{from}"), format!("whatsapp:{to}"));
                let mut pairs = vec![
                    ("SmsMessageSid", *id),
                    ("NumMedia", "0"),
                    ("ProfileName", "Somebody"),
                    ("MessageType", "text"),
                    ("SmsSid", *id),
                    ("SmsStatus", "received"),
                    ("Body", *text),
                    ("To", &to),
                    ("NumSegments", "1"),
                    ("MessageSid", *id),
                    ("AccountSid", &account),
                    ("From", &from),
                    ("ApiVersion", "2010-04-01"),
                ];
                pairs.extend(answers.map(|sid| ("OriginalRepliedMessageSid", sid)));
                return Some(form(&pairs));
            }
            _ => return None,
        };
        let to = format!("whatsapp:{}", about.to);
        let mut pairs = vec![
            ("SmsSid", about.id),
            ("SmsStatus", status),
            ("MessageStatus", status),
            ("ChannelToAddress", about.to),
            ("To", &to),
            ("MessageSid", about.id),
            ("AccountSid", &account),
            ("ApiVersion", "2010-04-01"),
        ];
        pairs.extend(code.map(|code| ("ErrorCode", code)));
        Some(form(&pairs))
    }

    fn calcom(&self, at: Timestamp) -> Option<Value> {
        let (trigger, about) = match self {
            Self::Booked(about) => ("BOOKING_CREATED", about),
            Self::Moved(about) => ("BOOKING_RESCHEDULED", about),
            Self::Cancelled(about) => ("BOOKING_CANCELLED", about),
            Self::Missed(about) => ("BOOKING_NO_SHOW_UPDATED", about),
            _ => return None,
        };
        let is_missed = matches!(self, Self::Missed(_));
        let starts = at + SignedDuration::from_hours(24);
        let mut payload = json!({
            "uid": about.id, "bookingId": 1, "type": "call", "title": "A call", "status": "ACCEPTED", "metadata": {},
            "startTime": starts.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "attendees": [{"email": about.to, "name": "Somebody", "timeZone": "Etc/UTC", "noShow": is_missed}],
            "responses": {"email": {"label": "your_email", "value": about.to}},
        });
        if let Some(activity) = about.activity {
            payload["metadata"]["countersign_activity_id"] = json!(activity);
        }
        if matches!(self, Self::Cancelled(_)) {
            payload["status"] = json!("CANCELLED");
            payload["cancellationReason"] = json!("something came up");
        }
        Some(
            json!({"triggerEvent": trigger, "createdAt": at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(), "payload": payload}),
        )
    }

    fn calendly(&self, at: Timestamp) -> Option<Value> {
        let (event, about) = match self {
            Self::Booked(about) | Self::Moved(about) => ("invitee.created", about),
            Self::Cancelled(about) => ("invitee.canceled", about),
            Self::Missed(about) => ("invitee_no_show.created", about),
            _ => return None,
        };
        let at = at.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
        if matches!(self, Self::Missed(_)) {
            let uri = "https://api.calendly.com/invitee_no_shows/SANDBOX";
            return Some(
                json!({"event": event, "created_at": at, "payload": {"uri": uri, "invitee": about.id, "created_at": at}}),
            );
        }
        let old = matches!(self, Self::Moved(_)).then(|| format!("{}-old", about.id));
        let is_off = matches!(self, Self::Cancelled(_));
        let mut payload = json!({
            "uri": about.id, "email": about.to, "name": "Somebody", "status": if is_off { "canceled" } else { "active" },
            "rescheduled": false, "old_invitee": old, "new_invitee": null, "tracking": {"utm_content": about.activity},
            "scheduled_event": {"uri": "https://api.calendly.com/scheduled_events/SANDBOX", "start_time": at},
        });
        if is_off {
            payload["cancellation"] =
                json!({"canceled_by": "Somebody", "reason": "something came up", "canceler_type": "invitee"});
        }
        Some(
            json!({"event": event, "created_at": at, "created_by": "https://api.calendly.com/users/SANDBOX", "payload": payload}),
        )
    }

    fn linkedin(&self, at: Timestamp) -> Option<Value> {
        let Self::Comment { post, id, text } = self else { return None };
        Some(json!({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [{
            "notificationId": id, "organizationalEntity": "urn:li:organization:1", "action": "COMMENT", "sourcePost": post,
            "generatedActivity": format!("urn:li:comment:({post},1)"), "lastModifiedAt": at.as_millisecond(),
            "decoratedGeneratedActivity": {"comment": {"owner": "urn:li:person:sandbox", "text": text}},
        }]}))
    }

    fn instagram(&self, at: Timestamp) -> Option<Value> {
        let at = at.as_millisecond();
        let between = |from: &str, to: &str, name: &str, thing: Value| {
            let mut item = json!({"sender": {"id": from}, "recipient": {"id": to}, "timestamp": at});
            item[name] = thing;
            json!({"object": "instagram", "entry": [{"id": ACCOUNT, "time": at, "messaging": [item]}]})
        };
        Some(match self {
            Self::Reply { from, text, id, answers, .. } => {
                let mut message = json!({"mid": id, "text": text});
                if let Some(answers) = answers {
                    message["reply_to"] = json!({"mid": answers});
                }
                between(from, ACCOUNT, "message", message)
            }
            Self::Echo { to, text, id } => {
                between(ACCOUNT, to, "message", json!({"mid": id, "text": text, "is_echo": true}))
            }
            Self::Read(about) => between(about.to, ACCOUNT, "read", json!({"mid": about.id})),
            Self::Comment { post, id, text } => {
                json!({"object": "instagram", "entry": [{"id": ACCOUNT, "time": at, "changes": [
                    {"field": "comments", "value": {"id": id, "text": text, "from": {"id": "1", "username": "somebody"}, "media": {"id": post}}},
                ]}]})
            }
            _ => return None,
        })
    }
}
