//! What an outbox of Instagram has to say, and may say.
use countersign_core::channel::Setting;

/// The account that writes and posts.
pub(super) const IG_ID: &str = "ig_id";

/// Where the pictures of posts lie.
pub(super) const MEDIA_URL: &str = "media_url";

/// Whether the account may answer under the human-agent tag.
pub(super) const HUMAN_AGENT: &str = "human_agent";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: IG_ID,
        is_required: true,
        what: "the id of the Instagram account, digits like 17841400000000001",
        fits: is_id,
    },
    Setting {
        key: MEDIA_URL,
        is_required: false,
        what: "where the pictures of posts can be fetched as {sha256}.jpg, https://…/ with a slash at its end",
        fits: is_folder,
    },
    Setting {
        key: HUMAN_AGENT,
        is_required: false,
        what: "yes where Meta granted the account the human-agent feature",
        fits: |value| value == "yes",
    },
];

/// Ids of accounts, people and containers are digits.
pub(super) fn is_id(value: &str) -> bool {
    (1..=32).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_folder(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:%".contains(&byte);
    let host = value.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    host.is_some_and(|host| host.contains('.')) && value.ends_with('/') && value.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::SETTINGS;

    #[rstest]
    #[case("ig_id", "17841400000000001", true)]
    #[case("ig_id", "acme.renovacion", false)]
    #[case("ig_id", "1/../2", false)]
    #[case("ig_id", "", false)]
    #[case("media_url", "https://pictures.example/by-hash/", true)]
    #[case("media_url", "https://pictures.example:8443/", true)]
    #[case("media_url", "https://pictures.example/by-hash", false)]
    #[case("media_url", "http://pictures.example/", false)]
    #[case("media_url", "https://pictures.example/?x=/", false)]
    #[case("media_url", "https://user@pictures.example/", false)]
    #[case("media_url", "https://bücher.example/", false)]
    #[case("media_url", "https:///", false)]
    #[case("human_agent", "yes", true)]
    #[case("human_agent", "1", false)]
    fn a_setting_is_written_in_one_way(#[case] key: &str, #[case] value: &str, #[case] fits: bool) {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("a setting");
        assert_eq!((setting.fits)(value), fits);
    }
}
