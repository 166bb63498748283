//! The headers a mail may set: each has one form that every mail program reads in the same way.
use std::collections::BTreeMap;

use super::{FieldError, address_error};
use crate::contact::address;
use crate::safe_text::SafeText;

/// Header names a draft may set; everything else is ours or the provider's.
pub const HEADER_NAMES: &[&str] = &[UNSUBSCRIBE, UNSUBSCRIBE_POST, REFERENCES];

pub(crate) const UNSUBSCRIBE: &str = "List-Unsubscribe";
pub(crate) const UNSUBSCRIBE_POST: &str = "List-Unsubscribe-Post";
const REFERENCES: &str = "References";

/// The one value RFC 8058 knows.
pub(crate) const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

pub(super) fn check(headers: &BTreeMap<String, String>) -> Result<(), FieldError> {
    for (name, value) in headers {
        let Some(name) = HEADER_NAMES.iter().find(|known| *known == name) else {
            let name = SafeText::line(name);
            return Err(FieldError::new(
                "payload.headers",
                format!("`{name}` may not be set by a draft; allowed are {}", HEADER_NAMES.join(", ")),
            ));
        };
        address::header_value("payload.headers", value).map_err(address_error("payload.headers"))?;
        let reason = match *name {
            UNSUBSCRIBE if !is_link(value) => {
                "use one https address in angle brackets, like <https://example.com/u/1>"
            }
            UNSUBSCRIBE_POST if value != ONE_CLICK => "the only value is List-Unsubscribe=One-Click",
            UNSUBSCRIBE_POST if !headers.contains_key(UNSUBSCRIBE) => {
                "it says how List-Unsubscribe is used; set that too, or leave this out"
            }
            REFERENCES if !are_message_ids(value) => MESSAGE_IDS,
            _ => continue,
        };
        return Err(FieldError::new(format!("payload.headers.{name}"), reason));
    }
    Ok(())
}

/// What is answered.
pub(super) fn check_in_reply_to(value: &str) -> Result<(), FieldError> {
    const FIELD: &str = "payload.inReplyTo";
    address::header_value(FIELD, value).map_err(address_error(FIELD))?;
    if are_message_ids(value) { Ok(()) } else { Err(FieldError::new(FIELD, MESSAGE_IDS)) }
}

const MESSAGE_IDS: &str =
    "use the Message-ID of a mail, like <1@example.com>; several are separated by one space each";

/// One `https` address with a plain host. A mail program would open or post to whatever else stood here.
fn is_link(value: &str) -> bool {
    let Some(rest) = value.strip_prefix("<https://").and_then(|rest| rest.strip_suffix('>')) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\'))
        && host.contains('.')
        && host.starts_with(|first: char| first.is_ascii_alphanumeric())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
}

fn are_message_ids(value: &str) -> bool {
    value.split(' ').all(|one| {
        let id = one.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
        id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'))
            && id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::samples::check;
    use crate::channel::ChannelName;

    fn mail(field: &str, value: &Value) -> Result<(), String> {
        let mut payload = json!({ "subject": "Hello", "text": "Hi" });
        payload[field] = value.clone();
        check(ChannelName::Email, "bo@example.org", &payload)
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({ "List-Unsubscribe": "<https://example.com>" }))]
    #[case(json!({ "List-Unsubscribe": "<https://u.example.com:8443/x?a=1,2&b=%20#c>" }))]
    #[case(json!({ "List-Unsubscribe": "<https://example.com/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }))]
    #[case(json!({ "References": "<1@example.org> <a.b+c$d@[10.0.0.1]>" }))]
    fn a_header_in_its_form_is_taken(#[case] headers: Value) {
        assert_eq!(mail("headers", &headers), Ok(()));
    }

    /// S15: a header in another form names itself and says what would be right.
    #[rstest]
    #[case("List-Unsubscribe", "<mailto:stop@example.com>", "one https address")]
    #[case("List-Unsubscribe", "<http://example.com/u>", "one https address")]
    #[case("List-Unsubscribe", "https://example.com/u", "one https address")]
    #[case("List-Unsubscribe", "<https://example.com/u>, <mailto:stop@example.com>", "one https address")]
    #[case("List-Unsubscribe", "<https://example.com/u> ", "one https address")]
    #[case("List-Unsubscribe", "<https://example.com/a b>", "one https address")]
    #[case("List-Unsubscribe", "<https://example.com@evil.example/u>", "one https address")]
    #[case("List-Unsubscribe", "<https://localhost/u>", "one https address")]
    #[case("List-Unsubscribe", "<https:///u.v>", "one https address")]
    #[case("List-Unsubscribe", "<https://b\u{fc}cher.example/u>", "one https address")]
    #[case("List-Unsubscribe", "", "one https address")]
    #[case("List-Unsubscribe-Post", "List-Unsubscribe=One-Click", "set that too")]
    #[case("List-Unsubscribe-Post", "One-Click", "the only value")]
    #[case("References", "", "the Message-ID")]
    #[case("References", "1@example.org", "the Message-ID")]
    #[case("References", "<1>", "the Message-ID")]
    #[case("References", "<@example.org>", "the Message-ID")]
    #[case("References", "<1@example.org><2@example.org>", "the Message-ID")]
    #[case("References", "<1@example.org>, <2@example.org>", "the Message-ID")]
    #[case("References", "<1@example.org> ", "the Message-ID")]
    fn a_header_in_another_form_is_refused(#[case] name: &str, #[case] value: &str, #[case] said: &str) {
        let error = mail("headers", &json!({ name: value })).expect_err("is refused");
        assert!(error.starts_with(&format!("payload.headers.{name}: ")) && error.contains(said), "{error}");
        if name == "References" {
            let error = mail("inReplyTo", &json!(value)).expect_err("is refused");
            assert!(error.starts_with("payload.inReplyTo: ") && error.contains(said), "{error}");
        }
    }
}
