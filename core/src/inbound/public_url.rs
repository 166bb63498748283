//! The address under which the world reaches the listener: what providers are given, and what some of them sign.
use std::fmt;

/// The longest one, in bytes.
const LIMIT_BYTES: usize = 300;

/// `https://host[:port][/prefix][?query]`, spelled exactly as it was given: who signs an address signs its spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    base: String,
    query: Option<String>,
}

impl PublicUrl {
    /// Reads one.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LIMIT_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("use at most 300 characters of ASCII without spaces");
        }
        let rest = text.strip_prefix("https://").ok_or("it has to begin with https://")?;
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        let (authority, prefix) = place.split_at(place.find('/').unwrap_or(place.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err("name a host, as in https://crm.example.com");
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
            return Err("a port is a number up to 65535");
        }
        if text.contains('#') || prefix.contains("//") || prefix.split('/').any(|part| part == "..") {
            return Err("a plain path without `#`, `//` and `..` may stand behind the host");
        }
        Ok(Self {
            base: format!("https://{authority}{}", prefix.trim_end_matches('/')),
            query: query.map(str::to_owned),
        })
    }

    /// The host, with its port where one was named.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.base.strip_prefix("https://").unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether a query was given.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// The whole address of a path of ours, which begins with `/`.
    #[must_use]
    pub fn of(&self, path: &str) -> String {
        match &self.query {
            Some(query) => format!("{}{path}?{query}", self.base),
            None => format!("{}{path}", self.base),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("https://crm.example.com", "https://crm.example.com/p")]
    #[case("https://crm.example.com/", "https://crm.example.com/p")]
    #[case("https://crm.example.com:8443/in/", "https://crm.example.com:8443/in/p")]
    #[case("https://Crm.example.com/in?a=1&b=2", "https://Crm.example.com/in/p?a=1&b=2")]
    fn a_path_is_put_behind_it(#[case] given: &str, #[case] whole: &str) {
        assert_eq!(PublicUrl::parse(given).unwrap().of("/p"), whole);
    }

    #[rstest::rstest]
    #[case("http://crm.example.com")]
    #[case("crm.example.com")]
    #[case("https://")]
    #[case("https:///in")]
    #[case("https://ana:pw@crm.example.com")]
    #[case("https://crm.example.com:99999")]
    #[case("https://crm.example.com:+80")]
    #[case("https://crm.example.com/in#there")]
    #[case("https://crm.example.com/../in")]
    #[case("https://crm.example.com/a b")]
    #[case("https://crm.exämple.com")]
    fn anything_else_is_refused(#[case] given: &str) {
        assert!(PublicUrl::parse(given).is_err(), "{given}");
    }
}
