//! The spellings of its address that Twilio may have signed: it is not consistent about the standard port and about escapes.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Position, Url};

use super::webhook::PARAMETERS_LIMIT;

/// What the older of its encoders leaves as it is, beside letters and digits.
const LEFT_ALONE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Every spelling of an address with the query that came. The fragment of an address only tells the provider how to connect.
pub(super) fn spellings(given: &str, query: &str) -> Vec<String> {
    let base = given.trim().split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = parted(base);
    let asked = |query: &str| if query.is_empty() { String::new() } else { format!("?{query}") };
    let mut rests = vec![format!("{path}{}", asked(query))];
    if let Ok(url) = Url::parse(&format!("{base}{}", asked(query))) {
        rests.push(url[Position::BeforePath..].to_owned());
        let path = &url[Position::BeforePath..Position::AfterPath];
        rests.push(format!("{path}{}", asked(&re_encoded(url.query().unwrap_or_default()))));
    }
    let mut all = Vec::new();
    for authority in with_and_without_port(authority) {
        for rest in &rests {
            let spelling = format!("{authority}{rest}");
            if !all.contains(&spelling) {
                all.push(spelling);
            }
        }
    }
    all
}

/// `https://host:port` and what follows.
fn parted(base: &str) -> (&str, &str) {
    let host = base.find("://").map_or(0, |at| at + 3);
    let end = base[host..].find('/').map_or(base.len(), |at| host + at);
    base.split_at(end)
}

fn with_and_without_port(authority: &str) -> Vec<String> {
    let host = authority.rsplit(['@', '/']).next().unwrap_or_default();
    let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match bare {
        Some((_, port)) => {
            vec![authority.to_owned(), authority[..authority.len() - port.len() - 1].to_owned()]
        }
        None => {
            let port = if authority.starts_with("http://") { 80 } else { 443 };
            vec![authority.to_owned(), format!("{authority}:{port}")]
        }
    }
}

/// A query as the older encoder writes it: read and written again, the values of one name side by side.
fn re_encoded(query: &str) -> String {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()).take(PARAMETERS_LIMIT) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    let encoded = |text: &str| utf8_percent_encode(text, LEFT_ALONE).to_string();
    let pairs = names.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| format!("{}={}", encoded(name), encoded(value)))
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::spellings;

    #[rstest]
    #[case("https://h.example/in", "", &["https://h.example/in", "https://h.example:443/in"])]
    #[case("http://h.example/in", "", &["http://h.example/in", "http://h.example:80/in"])]
    #[case("https://h.example:8443/in", "", &["https://h.example:8443/in", "https://h.example/in"])]
    #[case("https://h.example:443/in", "", &["https://h.example:443/in", "https://h.example/in"])]
    #[case("https://[::1]/in", "", &["https://[::1]/in", "https://[::1]:443/in"])]
    #[case("https://[::1]:8443/in", "", &["https://[::1]:8443/in", "https://[::1]/in"])]
    #[case("https://u:1@h.example/in", "", &["https://u:1@h.example/in", "https://u:1@h.example:443/in"])]
    #[case("https://h.example/in#rc=2&rp=all", "", &["https://h.example/in", "https://h.example:443/in"])]
    #[case("https://h.example", "", &[
        "https://h.example", "https://h.example/", "https://h.example:443", "https://h.example:443/",
    ])]
    #[case("https://h.example/in?a=1", "b=2", &["https://h.example/in?b=2", "https://h.example:443/in?b=2"])]
    #[case("https://h.example/in", "b='x y+z&a", &[
        "https://h.example/in?b='x y+z&a", "https://h.example/in?b=%27x%20y+z&a", "https://h.example/in?b='x%20y%20z&a=",
        "https://h.example:443/in?b='x y+z&a", "https://h.example:443/in?b=%27x%20y+z&a",
        "https://h.example:443/in?b='x%20y%20z&a=",
    ])]
    fn the_spellings_of_an_address(#[case] given: &str, #[case] query: &str, #[case] expected: &[&str]) {
        assert_eq!(spellings(given, query), expected);
    }
}
