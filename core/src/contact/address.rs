//! Checks of addresses, header values and telephone numbers where a draft comes in. Pure.
//!
//! Stricter than the standards on purpose: an entry holds exactly one address in its plainest form, because what a mail server
//! would make of comments, groups or quoted local parts is not what a person reads on the screen. Nothing is looked up, and
//! nothing is normalised beyond the case of a domain.
use crate::safe_text::SafeText;

/// Longest address a mail server must accept (RFC 5321, less the angle brackets).
const ADDRESS_LIMIT_BYTES: usize = 254;
/// Longest local part (RFC 5321).
const LOCAL_LIMIT_BYTES: usize = 64;
/// Longest label of a domain (RFC 1035).
const LABEL_LIMIT_BYTES: usize = 63;
/// Longest header line (RFC 5322).
const HEADER_LIMIT_BYTES: usize = 998;
/// So much of a refused value is repeated in the error.
const QUOTE_LIMIT_CELLS: usize = 80;

/// An address or header value that is refused. Values are repeated in their safe form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the address is empty; give one like ana@example.com")]
    Empty,
    /// Longer than any mail server accepts.
    #[error("the address has {0} bytes, the limit is {ADDRESS_LIMIT_BYTES}")]
    TooLong(usize),
    /// A list, or something that a mail server could read as one.
    #[error("`{0}` holds more than one address; give each recipient an entry of its own")]
    NotOne(String),
    /// A display name, comment, group or quotation where only an address belongs.
    #[error("`{0}` is more than a plain address; leave out names, comments and quotes: ana@example.com")]
    NotPlain(String),
    /// The part before the `@` is not a plain word.
    #[error("the part before the @ of `{0}` is not valid; use ASCII letters, digits and dots")]
    BadLocal(String),
    /// The part after the `@` is not a domain.
    #[error("the domain of `{0}` is not valid; give a full name like example.com")]
    BadDomain(String),
    /// A name that a mail server could read as something else.
    #[error("the name in `{0}` is not valid; write it as \"Example, Inc.\" <ana@example.com>")]
    BadName(String),
    /// A character that could end or hide a part of a header.
    #[error("{field} holds {character}, which is not allowed in a header; remove it")]
    BadHeader {
        /// The field, in the API's spelling.
        field: String,
        /// The character as a mark.
        character: String,
    },
    /// A value that mail programs show in another form than it has here.
    #[error("{field} holds an encoded word (`=?…?=`); write the text itself")]
    EncodedWord {
        /// The field, in the API's spelling.
        field: String,
    },
    /// A value longer than a header line.
    #[error("{field} has {bytes} bytes, the limit is {HEADER_LIMIT_BYTES}")]
    HeaderTooLong {
        /// The field, in the API's spelling.
        field: String,
        /// Its length.
        bytes: usize,
    },
    /// Not an international telephone number.
    #[error("`{0}` is not an international number; write it like +442071234567, without spaces")]
    BadPhone(String),
}

/// One mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddressParts {
    /// As given, with the domain in lower case.
    pub address: String,
    /// The domain in lower case.
    pub domain: String,
}

/// An address with the name that stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name without its quotes.
    pub name: Option<String>,
    /// As given, with the domain in lower case.
    pub address: String,
}

/// Reads exactly one mail address without a name.
///
/// # Errors
/// When the text is empty, too long, holds more than one address, or anything but an address.
pub fn email(raw: &str) -> Result<EmailAddressParts, AddressError> {
    if raw.is_empty() {
        return Err(AddressError::Empty);
    }
    if raw.len() > ADDRESS_LIMIT_BYTES {
        return Err(AddressError::TooLong(raw.len()));
    }
    if raw.matches('@').count() > 1 || raw.contains([',', ';']) {
        return Err(AddressError::NotOne(quoted(raw)));
    }
    if raw.contains(['<', '>', '(', ')', '"', ':', '\\', '[', ']']) {
        return Err(AddressError::NotPlain(quoted(raw)));
    }
    let Some((local, domain)) = raw.split_once('@') else {
        return Err(AddressError::BadDomain(quoted(raw)));
    };
    if !is_local(local) {
        return Err(AddressError::BadLocal(quoted(raw)));
    }
    let domain = domain.to_lowercase();
    if !is_domain(&domain) {
        return Err(AddressError::BadDomain(quoted(raw)));
    }
    Ok(EmailAddressParts { address: format!("{local}@{domain}"), domain })
}

/// Reads `ana@example.com` or `Ana <ana@example.com>`. A name with punctuation stands in quotes.
///
/// # Errors
/// When the address is not valid, or the name could be read as something else.
pub fn mailbox(raw: &str) -> Result<Mailbox, AddressError> {
    header_value("the address", raw)?;
    let raw = raw.trim();
    let Some(open) = raw.rfind('<') else {
        return email(raw).map(|parts| Mailbox { name: None, address: parts.address });
    };
    let (name, rest) = raw.split_at(open);
    let Some(address) = rest[1..].strip_suffix('>') else {
        return Err(AddressError::NotPlain(quoted(raw)));
    };
    let name = display_name(name.trim()).ok_or_else(|| AddressError::BadName(quoted(raw)))?;
    let address = email(address)?.address;
    Ok(Mailbox { name: Some(name).filter(|name| !name.is_empty()), address })
}

/// Checks a value that becomes a header: nothing in it may end the line, hide from a reader as a control character, or be
/// shown differently by the mail program of the recipient.
///
/// # Errors
/// Names the field and what is wrong with it.
pub fn header_value(field: &str, raw: &str) -> Result<(), AddressError> {
    let field = || SafeText::line(field).truncated(QUOTE_LIMIT_CELLS);
    if raw.len() > HEADER_LIMIT_BYTES {
        return Err(AddressError::HeaderTooLong { field: field(), bytes: raw.len() });
    }
    if let Some(c) = raw.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let character = SafeText::line(c.encode_utf8(&mut [0; 4])).to_string();
        return Err(AddressError::BadHeader { field: field(), character });
    }
    if raw.split_once("=?").is_some_and(|(_, rest)| rest.contains("?=")) {
        return Err(AddressError::EncodedWord { field: field() });
    }
    Ok(())
}

/// Reads a telephone number in the form of E.164: a plus sign and 7 to 15 digits, the first not zero.
///
/// # Errors
/// When it has any other form.
pub fn phone(raw: &str) -> Result<String, AddressError> {
    let is_number = raw.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_number { Ok(raw.to_owned()) } else { Err(AddressError::BadPhone(quoted(raw))) }
}

/// The part after the last `@` of a plain address; `None` without one.
#[must_use]
pub fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

/// Whether one label or word mixes letters of Latin, Greek, Cyrillic, Armenian or Cherokee, the scripts that look alike.
///
/// A hint for a warning, not a verdict: a name written wholly in one other script is not flagged.
#[must_use]
pub fn has_mixed_script(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '.' | '@')).any(|label| {
        let mut scripts = label.chars().filter_map(look_alike_script);
        scripts.next().is_some_and(|first| scripts.any(|other| other != first))
    })
}

#[derive(PartialEq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
}

fn look_alike_script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{AA}' | '\u{BA}' => Some(Script::Latin),
        '\u{C0}'..='\u{24F}' if !matches!(c, '×' | '÷') => Some(Script::Latin),
        '\u{250}'..='\u{2AF}' | '\u{1E00}'..='\u{1EFF}' | '\u{2C60}'..='\u{2C7F}' => Some(Script::Latin),
        '\u{A720}'..='\u{A7FF}'
        | '\u{AB30}'..='\u{AB6F}'
        | '\u{FF21}'..='\u{FF3A}'
        | '\u{FF41}'..='\u{FF5A}' => Some(Script::Latin),
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some(Script::Greek),
        '\u{400}'..='\u{52F}'
        | '\u{1C80}'..='\u{1C8F}'
        | '\u{2DE0}'..='\u{2DFF}'
        | '\u{A640}'..='\u{A69F}' => Some(Script::Cyrillic),
        '\u{530}'..='\u{58F}' => Some(Script::Armenian),
        '\u{13A0}'..='\u{13FF}' | '\u{AB70}'..='\u{ABBF}' => Some(Script::Cherokee),
        _ => None,
    }
}

fn is_local(local: &str) -> bool {
    local.len() <= LOCAL_LIMIT_BYTES
        && local.split('.').all(|word| !word.is_empty() && word.bytes().all(is_word_byte))
}

/// The characters of an unquoted word (RFC 5322 `atext`).
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let last_is_number = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    labels.len() > 1 && !last_is_number && labels.into_iter().all(is_label)
}

fn is_label(label: &str) -> bool {
    let has_sound_ends = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    has_sound_ends && label.len() <= LABEL_LIMIT_BYTES && label.chars().all(is_label_char)
        // Marks that would not be shown as themselves have no place in a name.
        && !SafeText::line(label).is_suspicious()
}

/// Letters, digits and marks of any script, without the full-width and mathematical forms that DNS maps to ASCII.
fn is_label_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '-';
    }
    let is_disguised_ascii = matches!(c, '\u{2100}'..='\u{214F}' | '\u{2460}'..='\u{24FF}' | '\u{FF00}'..='\u{FFEF}' | '\u{1D400}'..='\u{1D7FF}' | '\u{1F100}'..='\u{1F1FF}');
    !is_disguised_ascii && (c.is_alphanumeric() || is_mark(c))
}

fn is_mark(c: char) -> bool {
    use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// The name without its quotes; `None` if it could be read as something else.
fn display_name(name: &str) -> Option<String> {
    let Some(inner) = name.strip_prefix('"') else {
        return (!name.contains(['"', ',', ';', ':', '<', '>', '@', '(', ')', '[', ']', '\\']))
            .then(|| name.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => plain.push(chars.next()?),
            _ => plain.push(c),
        }
    }
    Some(plain)
}

fn quoted(raw: &str) -> String {
    SafeText::line(raw).truncated(QUOTE_LIMIT_CELLS)
}
