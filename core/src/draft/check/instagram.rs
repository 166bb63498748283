//! What Instagram takes: direct messages to somebody who wrote, and pictures with a caption on the feed.
use serde::Deserialize;

use super::{FieldError, check_line, check_text};
use crate::activity::payload::{InstagramAction, Parts, Payload, PayloadHash};

/// Bytes of a direct message in UTF-8.
const MESSAGE_BYTES: usize = 1000;

/// Characters of a caption.
const CAPTION_CHARS: usize = 2200;

/// Hashtags of a caption.
const HASHTAGS: usize = 30;

/// Accounts a caption mentions.
const MENTIONS: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Instagram {
    action: InstagramAction,
    text: String,
    #[serde(default)]
    image_sha256: Option<String>,
    #[serde(default)]
    human_agent: bool,
}

pub(super) fn fill(payload: &mut Payload, draft: Instagram) -> Result<(&'static str, String), FieldError> {
    check_line("to", &payload.to, 320)?;
    check_text("payload.text", &draft.text)?;
    match draft.action {
        InstagramAction::Dm => message(&draft)?,
        InstagramAction::Post => post(&draft)?,
    }
    payload.parts = Parts::Instagram {
        action: draft.action,
        text: draft.text,
        image_sha256: draft.image_sha256,
        human_agent: draft.human_agent,
    };
    Ok(("handle", payload.to.clone()))
}

fn message(draft: &Instagram) -> Result<(), FieldError> {
    let length = draft.text.len();
    if length > MESSAGE_BYTES {
        let reason = format!("{length} bytes, a direct message takes {MESSAGE_BYTES}");
        return Err(FieldError::new("payload.text", reason));
    }
    match &draft.image_sha256 {
        Some(_) => Err(FieldError::new("payload.imageSha256", "a direct message is text only; leave it out")),
        None => Ok(()),
    }
}

fn post(draft: &Instagram) -> Result<(), FieldError> {
    let limits = [
        (draft.text.chars().count(), CAPTION_CHARS, "characters"),
        (marked(&draft.text, '#'), HASHTAGS, "hashtags"),
        (marked(&draft.text, '@'), MENTIONS, "mentions"),
    ];
    if let Some((count, limit, what)) = limits.into_iter().find(|(count, limit, _)| count > limit) {
        return Err(FieldError::new("payload.text", format!("{count} {what}, a caption takes {limit}")));
    }
    let is_digest = |text: &str| {
        // The picture is fetched by this name; one spelling, one file.
        text.parse::<PayloadHash>().is_ok() && !text.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    if !draft.image_sha256.as_deref().is_some_and(is_digest) {
        let reason =
            "a post shows a picture; give the sha256 of the JPEG in 64 hexadecimal digits, letters small";
        return Err(FieldError::new("payload.imageSha256", reason));
    }
    if draft.human_agent {
        return Err(FieldError::new("payload.humanAgent", "the tag is for direct messages; leave it out"));
    }
    Ok(())
}

/// Words that a sign makes a hashtag or a mention. Hashtags may stand close together; an @ inside a word is one of a mail address.
fn marked(text: &str, sign: char) -> usize {
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(now) = chars.next() {
        let begins = now == sign && (sign == '#' || !before.is_alphanumeric());
        if begins && chars.peek().is_some_and(|next| next.is_alphanumeric() || *next == '_') {
            count += 1;
        }
        before = now;
    }
    count
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::samples;
    use super::marked;
    use crate::channel::ChannelName;

    fn check(payload: &Value) -> Result<(), String> {
        samples::check(ChannelName::Instagram, "17841400000000009", payload)
    }

    const PICTURE: &str = "5f0c2a8b9d3e4f7a1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d2e4f6a8b0c2d4e6f80";

    fn post(text: &str) -> Value {
        json!({ "action": "post", "text": text, "imageSha256": PICTURE })
    }

    #[rstest]
    #[case(json!({ "action": "dm", "text": "é".repeat(500) }))]
    #[case(json!({ "action": "dm", "text": "x", "humanAgent": true }))]
    #[case(post(&"é".repeat(2200)))]
    #[case(post(&"#a ".repeat(30)))]
    #[case(post(&"@a ".repeat(20)))]
    fn what_instagram_takes_is_filed(#[case] payload: Value) {
        assert_eq!(check(&payload), Ok(()));
    }

    /// The provider counts a direct message in bytes and a caption in characters.
    #[rstest]
    #[case(json!({ "action": "dm", "text": format!("{}x", "é".repeat(500)) }), "payload.text: 1001 bytes, a direct message takes 1000")]
    #[case(json!({ "action": "dm", "text": "" }), "payload.text")]
    #[case(json!({ "action": "dm", "text": "a\0b" }), "payload.text")]
    #[case(json!({ "action": "dm", "text": "x", "imageSha256": PICTURE }), "payload.imageSha256")]
    #[case(json!({ "action": "dm", "text": "x", "image": PICTURE }), "payload.image")]
    #[case(post(&"é".repeat(2201)), "payload.text: 2201 characters, a caption takes 2200")]
    #[case(post(&"#a ".repeat(31)), "payload.text: 31 hashtags, a caption takes 30")]
    #[case(post(&"@a ".repeat(21)), "payload.text: 21 mentions, a caption takes 20")]
    #[case(json!({ "action": "post", "text": "x" }), "payload.imageSha256")]
    #[case(json!({ "action": "post", "text": "x", "imageSha256": "../x" }), "payload.imageSha256")]
    #[case(json!({ "action": "post", "text": "x", "imageSha256": PICTURE.to_uppercase() }), "payload.imageSha256")]
    #[case(json!({ "action": "post", "text": "x", "imageSha256": PICTURE, "humanAgent": true }), "payload.humanAgent")]
    fn what_instagram_does_not_take_names_its_field(#[case] payload: Value, #[case] field: &str) {
        let error = check(&payload).expect_err("refused");
        assert!(error.starts_with(field), "{error}");
    }

    #[rstest]
    #[case("#a#b ##c # d #_f", '#', 4)]
    #[case("@ana, ana@example.com @", '@', 1)]
    #[case("#日本 #été", '#', 2)]
    fn a_sign_marks_the_word_behind_it(#[case] text: &str, #[case] sign: char, #[case] count: usize) {
        assert_eq!(marked(text, sign), count);
    }
}
