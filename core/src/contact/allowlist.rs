//! The allowlist: exact address, domain (`@example.com`), phone prefix (`+4479*`), handle, or `*`.
use super::address;

/// What one entry admits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Everyone. Only an admin may add it.
    Anyone,
    /// Every address at this domain, not at its subdomains.
    Domain(String),
    /// Every number with this prefix.
    PhonePrefix(String),
    /// Exactly this address, number or handle.
    Exact(String),
}

/// Text that is not an allowlist entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not an allowlist entry: use ana@example.com, @example.com, +4479*, a handle, or *")]
pub struct NotAnEntry {
    /// What was given, made safe to print.
    pub entry: String,
}

impl Entry {
    /// Reads an entry and brings it into its stored form.
    ///
    /// # Errors
    /// When the text is none of the five forms.
    pub fn parse(text: &str) -> Result<Self, NotAnEntry> {
        let refuse = || NotAnEntry { entry: crate::safe_text::SafeText::line(text).to_string() };
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Anyone);
        }
        if text.is_empty() || text.len() > 320 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(refuse());
        }
        if let Some(domain) = text.strip_prefix('@') {
            return if domain.contains('.') && !domain.contains('@') {
                address::email(&format!("x@{domain}"))
                    .map(|parts| Self::Domain(parts.domain))
                    .map_err(|_| refuse())
            } else {
                Err(refuse())
            };
        }
        if let Some(prefix) = text.strip_suffix('*') {
            let digits = prefix.strip_prefix('+').ok_or_else(refuse)?;
            return if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                Ok(Self::PhonePrefix(prefix.to_owned()))
            } else {
                Err(refuse())
            };
        }
        if text.contains('@') {
            return address::email(text)
                .map(|parts| Self::Exact(normalise(&parts.address)))
                .map_err(|_| refuse());
        }
        Ok(Self::Exact(normalise(text)))
    }

    /// The stored form.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Anyone => "*".to_owned(),
            Self::Domain(domain) => format!("@{domain}"),
            Self::PhonePrefix(prefix) => format!("{prefix}*"),
            Self::Exact(exact) => exact.clone(),
        }
    }
}

/// The form in which addresses are compared: mail in lower case, all else as given.
#[must_use]
pub fn normalise(address: &str) -> String {
    if address.contains('@') { address.to_lowercase() } else { address.to_owned() }
}

/// Every stored entry that would admit this recipient. Few, so that a batch asks for its own entries and not for the whole list.
#[must_use]
pub fn admitting(recipient: &str) -> Vec<String> {
    let recipient = normalise(recipient);
    let mut entries = vec![Entry::Anyone.as_text()];
    if let Some(domain) = address::domain_of(&recipient) {
        entries.push(Entry::Domain(domain.to_owned()).as_text());
    } else if recipient.starts_with('+') {
        let prefixes = (2..=recipient.len()).filter_map(|end| recipient.get(..end));
        entries.extend(prefixes.map(|prefix| Entry::PhonePrefix(prefix.to_owned()).as_text()));
    }
    entries.push(Entry::Exact(recipient).as_text());
    entries
}

/// The entries of a company that concern a batch, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Allowlist {
    entries: std::collections::HashSet<String>,
}

impl Allowlist {
    /// Takes entries in their stored form.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = String>) -> Self {
        Self { entries: entries.into_iter().collect() }
    }

    /// Whether this recipient may be written to.
    #[must_use]
    pub fn admits(&self, recipient: &str) -> bool {
        admitting(recipient).iter().any(|entry| self.entries.contains(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("Ana@Example.com", "ana@example.com", true)]
    #[case("@Example.com", "bob@example.com", true)]
    #[case("@example.com", "bob@mail.example.com", false)]
    #[case("@example.com", "bob@notexample.com", false)]
    #[case("+4479*", "+447911123456", true)]
    #[case("+4479*", "+448911123456", false)]
    #[case("*", "urn:li:person:1", true)]
    #[case("urn:li:person:1", "urn:li:person:1", true)]
    #[case("urn:li:person:1", "urn:li:person:2", false)]
    fn an_entry_admits_what_it_says(#[case] entry: &str, #[case] recipient: &str, #[case] admitted: bool) {
        let allowlist = Allowlist::new([Entry::parse(entry).unwrap().as_text()]);
        assert_eq!(allowlist.admits(recipient), admitted);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("a b")]
    #[case("@localhost")]
    #[case("+*")]
    #[case("+44x*")]
    #[case("a@b@c.example")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(Entry::parse(text).is_err());
    }
}
