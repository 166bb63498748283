//! What an outbox tells this provider besides its credential.
use countersign_core::channel::Setting;
use url::Url;

/// The account that messages belong to.
pub(super) const ACCOUNT: &str = "account_sid";
/// The service that chooses the sending number, in place of the outbox's own.
pub(super) const SERVICE: &str = "messaging_service_sid";
/// Where the provider reports what became of a message.
pub(super) const CALLBACK: &str = "status_callback";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: ACCOUNT,
        is_required: true,
        what: "the SID of the account, AC and 32 hexadecimal digits",
        fits: |value| is_sid("AC", value),
    },
    Setting {
        key: SERVICE,
        is_required: false,
        what: "the SID of a Messaging Service, MG and 32 hexadecimal digits; it then chooses the sending number",
        fits: |value| is_sid("MG", value),
    },
    Setting {
        key: CALLBACK,
        is_required: false,
        what: "the https URL that hears what became of a message; its host has no underscore",
        fits: is_callback,
    },
];

/// Whether a text is an id of the provider: two letters for the kind, then 32 hexadecimal digits.
pub(super) fn is_sid(kind: &str, text: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_callback(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let is_bare = url.username().is_empty() && url.password().is_none();
        let is_host = url.domain().is_some_and(|host| host.contains('.') && !host.contains('_'));
        // What is read is what is sent: a parser that has to mend the text has read another one.
        url.scheme() == "https"
            && is_bare
            && is_host
            && url.as_str().trim_end_matches('/') == text.trim_end_matches('/')
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{SETTINGS, is_callback};

    #[rstest]
    #[case("account_sid", "AC0123456789abcdef0123456789ABCDEF", true)]
    #[case("account_sid", "AC0123456789abcdef0123456789ABCDE", false)]
    #[case("account_sid", "AC0123456789abcdef0123456789ABCDEG", false)]
    #[case("account_sid", "SK0123456789abcdef0123456789ABCDEF", false)]
    #[case("account_sid", "AC/../23456789abcdef0123456789ABCD", false)]
    #[case("account_sid", "", false)]
    #[case("messaging_service_sid", "MG0123456789abcdef0123456789ABCDEF", true)]
    #[case("messaging_service_sid", "AC0123456789abcdef0123456789ABCDEF", false)]
    fn ids_are_two_letters_and_32_digits(#[case] key: &str, #[case] value: &str, #[case] fits: bool) {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("a setting");
        assert_eq!((setting.fits)(value), fits);
    }

    #[rstest]
    #[case("https://hooks.example.com/in/twilio", true)]
    #[case("https://hooks.example.com", true)]
    #[case("https://hooks.example.com:8443/in?outbox=wa", true)]
    #[case("http://hooks.example.com/in", false)]
    #[case("https://hooks_in.example.com/in", false)]
    #[case("https://user:pass@hooks.example.com/in", false)]
    #[case("https://127.0.0.1/in", false)]
    #[case("https://localhost/in", false)]
    #[case("https://hooks.example.com/in\r\n", false)]
    #[case("https:hooks.example.com/in", false)]
    #[case("hooks.example.com", false)]
    #[case("", false)]
    fn a_callback_is_a_plain_https_url(#[case] url: &str, #[case] fits: bool) {
        assert_eq!(is_callback(url), fits);
    }
}
