//! What LinkedIn takes: posts on a feed, comments under a post, messages to a member.
use serde::Deserialize;

use super::{FieldError, check_line, check_text};
use crate::activity::payload::{LinkedinAction, Parts, Payload};

/// Characters of a post, as people read it.
const POST_CHARS: usize = 3000;

/// Characters of an URN.
const URN_CHARS: usize = 320;

/// What can be commented on.
const COMMENTED: &[&str] = &["share", "ugcPost", "activity"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Linkedin {
    action: LinkedinAction,
    text: String,
    #[serde(default)]
    thread: Option<String>,
}

pub(super) fn fill(payload: &mut Payload, draft: Linkedin) -> Result<(&'static str, String), FieldError> {
    let Linkedin { action, text, thread } = draft;
    check_line("to", &payload.to, URN_CHARS)?;
    check_text("payload.text", &text)?;
    match action {
        LinkedinAction::Post => post(payload, &text, thread.as_deref())?,
        LinkedinAction::Comment => {
            one_of(
                "to",
                &payload.to,
                COMMENTED,
                "a comment goes to a post; write urn:li:share:…, urn:li:ugcPost:… or urn:li:activity:…",
            )?;
            if let Some(thread) = &thread {
                let reason =
                    "an answer names the comment it answers; write urn:li:comment:(…), or leave it out";
                one_of("payload.thread", thread, &["comment"], reason)?;
            }
        }
        LinkedinAction::Message => {
            one_of("to", &payload.to, &["person"], "a message goes to a member; write urn:li:person:…")?;
            if let Some(thread) = &thread {
                check_line("payload.thread", thread, URN_CHARS)?;
                if urn_kind(thread).is_none() {
                    return Err(FieldError::new(
                        "payload.thread",
                        "name the thread by its urn:li:…, or leave it out",
                    ));
                }
            }
        }
    }
    payload.parts = Parts::Linkedin { action, text, thread };
    Ok(("handle", payload.to.clone()))
}

fn post(payload: &Payload, text: &str, thread: Option<&str>) -> Result<(), FieldError> {
    if payload.to.strip_prefix("feed:").and_then(urn_kind).is_none() {
        return Err(FieldError::new("to", "a post goes to feed:{author urn}, like feed:urn:li:person:…"));
    }
    if thread.is_some() {
        return Err(FieldError::new("payload.thread", "a post belongs to no thread; leave it out"));
    }
    let length = text.chars().count();
    if length > POST_CHARS {
        return Err(FieldError::new(
            "payload.text",
            format!("{length} characters, a post takes {POST_CHARS}"),
        ));
    }
    Ok(())
}

fn one_of(field: &str, text: &str, kinds: &[&str], reason: &str) -> Result<(), FieldError> {
    check_line(field, text, URN_CHARS)?;
    match urn_kind(text) {
        Some(kind) if kinds.contains(&kind) => Ok(()),
        _ => Err(FieldError::new(field, reason)),
    }
}

/// What an URN names; it is printable ASCII, so that nothing in it looks like something else.
fn urn_kind(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("urn:li:")?;
    let (kind, id) = rest.split_once(':')?;
    let is_urn = !kind.is_empty() && !id.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
    is_urn.then_some(kind)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::samples;
    use crate::channel::ChannelName;

    fn check(to: &str, payload: &Value) -> Result<(), String> {
        samples::check(ChannelName::Linkedin, to, payload)
    }

    const FEED: &str = "feed:urn:li:person:1";
    const SHARE: &str = "urn:li:share:1";
    const MEMBER: &str = "urn:li:person:2";

    #[rstest]
    #[case(FEED, json!({ "action": "post", "text": "🌱".repeat(3000) }))]
    #[case(SHARE, json!({ "action": "comment", "text": "x".repeat(3001) }))]
    #[case("urn:li:activity:1", json!({ "action": "comment", "text": "x", "thread": "urn:li:comment:(urn:li:activity:1,2)" }))]
    #[case(MEMBER, json!({ "action": "message", "text": "Hi", "thread": "urn:li:thread:1" }))]
    fn what_linkedin_takes_is_filed(#[case] to: &str, #[case] payload: Value) {
        assert_eq!(check(to, &payload), Ok(()));
    }

    #[rstest]
    #[case(FEED, json!({ "action": "post", "text": "x".repeat(3001) }), "payload.text: 3001 characters, a post takes 3000")]
    #[case(FEED, json!({ "action": "post", "text": " " }), "payload.text")]
    #[case(FEED, json!({ "action": "post", "text": "a\0b" }), "payload.text")]
    #[case(FEED, json!({ "action": "post", "text": "x", "thread": "urn:li:comment:1" }), "payload.thread")]
    #[case(FEED, json!({ "action": "post", "text": "x", "subject": "y" }), "payload.subject")]
    #[case(FEED, json!({ "action": "like", "text": "x" }), "payload.action")]
    #[case(MEMBER, json!({ "action": "post", "text": "x" }), "to: a post goes to feed:")]
    #[case(FEED, json!({ "action": "message", "text": "x" }), "to: a message goes to a member")]
    #[case(FEED, json!({ "action": "comment", "text": "x" }), "to: a comment goes to a post")]
    #[case(MEMBER, json!({ "action": "comment", "text": "x" }), "to: a comment goes to a post")]
    #[case("urn:li:organization:1", json!({ "action": "message", "text": "x" }), "to: a message goes to a member")]
    #[case("urn:li:share:1\r\nx: y", json!({ "action": "comment", "text": "x" }), "to")]
    #[case("urn:li:share:\u{2028}1", json!({ "action": "comment", "text": "x" }), "to")]
    #[case("urn:li:share:bücher", json!({ "action": "comment", "text": "x" }), "to")]
    #[case(SHARE, json!({ "action": "comment", "text": "x", "thread": "urn:li:share:1" }), "payload.thread")]
    #[case(MEMBER, json!({ "action": "message", "text": "x", "thread": "9" }), "payload.thread")]
    fn what_linkedin_does_not_take_names_its_field(
        #[case] to: &str,
        #[case] payload: Value,
        #[case] field: &str,
    ) {
        let error = check(to, &payload).expect_err("refused");
        assert!(error.starts_with(field), "{error}");
    }
}
