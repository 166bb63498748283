//! What an outbox of LinkedIn has to say, and may say.
use countersign_core::channel::Setting;

/// Who posts and comments.
pub(super) const AUTHOR_URN: &str = "author_urn";

/// Who sees a post.
pub(super) const VISIBILITY: &str = "visibility";

/// Whether LinkedIn lets this account write messages.
pub(super) const PARTNER_MESSAGES: &str = "partner_messages";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: AUTHOR_URN,
        is_required: true,
        what: "who posts and comments, like urn:li:person:8675309 or urn:li:organization:2414183",
        fits: is_author,
    },
    Setting {
        key: VISIBILITY,
        is_required: false,
        what: "who sees a post, PUBLIC or CONNECTIONS; PUBLIC without it",
        fits: is_visibility,
    },
    Setting {
        key: PARTNER_MESSAGES,
        is_required: false,
        what: "yes where LinkedIn granted the partner permission to write messages",
        fits: |value| value == "yes",
    },
];

/// The prefix of a member; only members write messages.
pub(super) const PERSON: &str = "urn:li:person:";

pub(super) fn is_author(value: &str) -> bool {
    let is_id = |id: &str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_number = |id: &str| is_id(id) && id.bytes().all(|byte| byte.is_ascii_digit());
    value.strip_prefix(PERSON).is_some_and(is_id)
        || value.strip_prefix("urn:li:organization:").is_some_and(is_number)
}

pub(super) fn is_visibility(value: &str) -> bool {
    matches!(value, "PUBLIC" | "CONNECTIONS")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::SETTINGS;

    #[rstest]
    #[case("author_urn", "urn:li:person:8675309", true)]
    #[case("author_urn", "urn:li:person:a-B_9", true)]
    #[case("author_urn", "urn:li:organization:2414183", true)]
    #[case("author_urn", "urn:li:organization:acme", false)]
    #[case("author_urn", "urn:li:person:", false)]
    #[case("author_urn", "urn:li:person:a/../b", false)]
    #[case("author_urn", "urn:li:share:1", false)]
    #[case("author_urn", "8675309", false)]
    #[case("visibility", "PUBLIC", true)]
    #[case("visibility", "public", false)]
    #[case("partner_messages", "yes", true)]
    #[case("partner_messages", "true", false)]
    fn a_setting_is_written_in_one_way(#[case] key: &str, #[case] value: &str, #[case] fits: bool) {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("a setting");
        assert_eq!((setting.fits)(value), fits);
    }
}
