//! The table of base URLs that are allowed and refused.
use countersign_core::channel::ChannelName;
use rstest::rstest;

use super::{BaseUrl, BaseUrlProblem as P};

fn parse(text: &str) -> Result<BaseUrl, super::BaseUrlError> {
    BaseUrl::parse(ChannelName::Email, text, "email.base-url")
}

#[rstest]
#[case("https://api.resend.com", "https://api.resend.com", false)]
#[case("https://api.resend.com/", "https://api.resend.com", false)]
#[case("HTTPS://API.Resend.com:443", "https://api.resend.com", false)]
#[case("https://mail.example.org:8443", "https://mail.example.org:8443", false)]
#[case("https://8.8.8.8", "https://8.8.8.8", false)]
#[case("https://[2606:4700::1111]:444", "https://[2606:4700::1111]:444", false)]
#[case("http://127.0.0.1:8080", "http://127.0.0.1:8080", true)]
#[case("http://127.3.2.1:8080", "http://127.3.2.1:8080", true)]
#[case("http://[::1]:8080", "http://[::1]:8080", true)]
#[case("http://localhost:8080/", "http://localhost:8080", true)]
fn an_allowed_base_url_is_kept_as_scheme_host_and_port(
    #[case] text: &str,
    #[case] origin: &str,
    #[case] loopback: bool,
) {
    let base = parse(text).expect("allowed");
    assert_eq!((base.to_string().as_str(), base.is_loopback()), (origin, loopback));
}

/// S17: base URLs that lead inside, or that mean another host than they show.
#[rstest]
#[case("")]
#[case("api.resend.com")]
#[case("https:api.resend.com")]
#[case("https:/api.resend.com")]
#[case("https:\\\\api.resend.com")]
#[case("https://")]
#[case("https://api.resend.com\\@127.0.0.1")]
#[case("https://api.resend.com:99999")]
#[case(" https://api.resend.com")]
#[case("https://api.resend.com\t.example")]
#[case("https://api。resend。com")]
#[case("ftp://api.resend.com")]
#[case("file:///etc/passwd")]
#[case("gopher://127.0.0.1")]
#[case("unix:///run/x.sock")]
#[case("http://api.resend.com")]
#[case("http://8.8.8.8")]
#[case("https://user:word@api.resend.com")]
#[case("https://api.resend.com@127.0.0.1")]
#[case("https://@127.0.0.1")]
#[case("https://api.resend.com/v1")]
#[case("https://api.resend.com?x=1")]
#[case("https://api.resend.com/#x")]
#[case("https://127.0.0.1")]
#[case("https://localhost:8443")]
#[case("http://2130706433")]
#[case("http://0x7f000001")]
#[case("http://0x7f.1")]
#[case("http://0177.0.0.1")]
#[case("http://127.1")]
#[case("http://127.0.0.1.")]
#[case("http://%31%32%37.0.0.1")]
#[case("https://134744072")]
#[case("http://[::ffff:127.0.0.1]")]
#[case("http://[::ffff:7f00:1]")]
#[case("https://[::ffff:8.8.8.8]")]
#[case("http://[0:0:0:0:0:0:0:1]")]
#[case("http://[::0001]")]
#[case("http://0.0.0.0")]
#[case("http://[::]")]
#[case("https://169.254.169.254")]
#[case("http://169.254.169.254")]
#[case("https://10.0.0.1")]
#[case("https://192.168.0.1")]
#[case("https://[fd00::1]")]
#[case("https://[fe80::1]")]
#[case("https://metadata")]
#[case("https://metadata.google.internal")]
#[case("https://printer.local")]
#[case("https://api.resend.com.")]
#[case("http://localhost.")]
#[case("http://x.localhost")]
fn a_refused_base_url_names_the_key_and_the_fix(#[case] text: &str) {
    let error = parse(text).expect_err("refused").to_string();
    assert!(error.starts_with("email.base-url: "), "{error}");
    assert!(error.contains("; write "), "{error}");
    assert!(error.ends_with("or remove the key to use https://api.resend.com"), "{error}");
}

/// S17, S22: a credential written into the URL is not repeated by the error.
#[test]
fn the_error_never_repeats_user_information() {
    let error = parse("https://canary-user:canary-word@host.example/canary?canary").expect_err("refused");
    assert_eq!(error.problem, P::Userinfo);
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn the_error_says_what_an_unusual_spelling_means() {
    assert_eq!(
        parse("http://2130706433").expect_err("refused").to_string(),
        "email.base-url: the host of the base URL is an unusual spelling of 127.0.0.1; write the host the usual \
         way, or remove the key to use https://api.resend.com"
    );
}

/// S17: where a provider is reached is written here and nowhere else.
#[test]
fn every_provider_has_a_pinned_host() {
    let hosts = ChannelName::ALL.iter().map(|channel| {
        (channel.as_str(), BaseUrl::pinned(*channel).map(|base| base.host_label().to_owned()))
    });
    let expected = [
        ("email", Some("api.resend.com")),
        ("cal-com", Some("api.cal.com")),
        ("linkedin", Some("api.linkedin.com")),
        ("whatsapp", Some("api.twilio.com")),
        ("instagram", Some("graph.instagram.com")),
        ("dry-run", None),
    ];
    assert_eq!(hosts.collect::<Vec<_>>(), expected.map(|(name, host)| (name, host.map(str::to_owned))));
}

/// S17: the sandbox lives on this machine or nowhere.
#[test]
fn a_sandbox_elsewhere_is_refused() {
    assert!(BaseUrl::loopback("192.168.0.9:80".parse().expect("an address")).is_err());
    let base = BaseUrl::loopback("[::1]:4010".parse().expect("an address")).expect("allowed");
    assert_eq!((base.to_string().as_str(), base.is_loopback()), ("http://[::1]:4010", true));
}

/// S17: a path cannot move a request to another host.
#[test]
fn a_path_keeps_the_host() {
    let base = parse("http://127.0.0.1:8080").expect("allowed");
    for path in ["/emails", "//evil.example/x", "/@evil.example", "/\\evil.example", "/../x"] {
        assert_eq!(base.join(path).expect("a URL").host_str(), Some("127.0.0.1"), "{path}");
    }
    for path in ["emails", "@evil.example/", ".evil.example/", ":9/"] {
        assert_eq!(base.join(path), None, "{path}");
    }
}
