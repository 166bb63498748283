//! What a line of a list of accounts or contacts may say. Pure.
use serde::Deserialize;

use crate::contact::address;
use crate::draft::check::{FieldError, address_error, check_line, check_locale, check_zone, read_line};

/// Most important tier.
pub const FIRST_TIER: i16 = 1;
/// Least important tier.
pub const LAST_TIER: i16 = 5;

/// One account as it was handed in. An empty or missing value changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountInput {
    /// Name; accounts are matched by it.
    pub name: String,
    /// Domain of its mail.
    #[serde(default)]
    pub domain: Option<String>,
    /// 1 (most important) to 5.
    #[serde(default)]
    pub tier: Option<i16>,
    /// What it is worth, in the currency's smallest unit.
    #[serde(default)]
    pub value_minor: Option<i64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default)]
    pub country: Option<String>,
}

/// One contact as it was handed in. An empty or missing value changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ContactLine)]
pub struct ContactInput {
    /// Name; a new contact without one is called by its first address.
    #[serde(default)]
    pub name: Option<String>,
    /// Account by name; made if it is not there.
    #[serde(default)]
    pub account: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Number in the form of E.164.
    #[serde(default)]
    pub phone: Option<String>,
    /// Handle or urn of a channel.
    #[serde(default)]
    pub handle: Option<String>,
    /// Language, BCP 47.
    #[serde(default)]
    pub locale: Option<String>,
    /// IANA time zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default)]
    pub country: Option<String>,
}

/// One address of a contact: its kind, and its text in the form in which contacts are matched.
pub type Address = (&'static str, String);

/// Reads and checks an account.
///
/// # Errors
/// The first field that is not acceptable.
pub fn account(json: &[u8]) -> Result<AccountInput, FieldError> {
    let mut input: AccountInput = read_line(json, "an account")?;
    check_line("name", &input.name, 200)?;
    for text in [&mut input.domain, &mut input.currency, &mut input.country] {
        drop_empty(text);
    }
    if let Some(domain) = &mut input.domain {
        let parts = address::email(&format!("x@{domain}"))
            .map_err(|_| FieldError::new("domain", "use a full name like example.com"))?;
        *domain = parts.domain;
    }
    if input.tier.is_some_and(|tier| !(FIRST_TIER..=LAST_TIER).contains(&tier)) {
        return Err(FieldError::new("tier", "use 1 (most important) to 5"));
    }
    match (input.value_minor, &input.currency) {
        (Some(value), _) if value < 0 => return Err(FieldError::new("valueMinor", "it is negative")),
        (Some(_), None) => return Err(FieldError::new("currency", "a value needs its currency, e.g. EUR")),
        (None, Some(_)) => return Err(FieldError::new("valueMinor", "a currency needs a value")),
        _ => {}
    }
    code("currency", &mut input.currency, 3, "EUR")?;
    code("country", &mut input.country, 2, "NO")?;
    Ok(input)
}

/// Reads and checks a contact.
///
/// # Errors
/// The first field that is not acceptable.
pub fn contact(json: &[u8]) -> Result<ContactInput, FieldError> {
    let mut input: ContactInput = read_line(json, "a contact")?;
    for text in [
        &mut input.name,
        &mut input.account,
        &mut input.email,
        &mut input.phone,
        &mut input.handle,
        &mut input.locale,
        &mut input.zone,
        &mut input.country,
    ] {
        drop_empty(text);
    }
    for (field, text) in [("name", &input.name), ("account", &input.account)] {
        text.as_deref().map_or(Ok(()), |text| check_line(field, text, 200))?;
    }
    if let Some(email) = &mut input.email {
        *email = address::email(email).map_err(address_error("email"))?.address.to_lowercase();
    }
    if let Some(phone) = &input.phone {
        address::phone(phone).map_err(address_error("phone"))?;
    }
    if let Some(handle) = &input.handle {
        check_line("handle", handle, 320)?;
    }
    if input.addresses().next().is_none() {
        return Err(FieldError::new(
            "email",
            "give an email, a phone or a handle; contacts are matched by them",
        ));
    }
    input.locale.as_deref().map_or(Ok(()), |locale| check_locale("locale", locale))?;
    input.zone.as_deref().map_or(Ok(()), |zone| check_zone("zone", zone))?;
    code("country", &mut input.country, 2, "NO")?;
    Ok(input)
}

impl ContactInput {
    /// Every address it names.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        [("email", &self.email), ("phone", &self.phone), ("handle", &self.handle)]
            .into_iter()
            .filter_map(|(kind, text)| text.clone().map(|text| (kind, text)))
    }
}

fn drop_empty(text: &mut Option<String>) {
    text.take_if(|text| text.is_empty());
}

/// A code of so many letters, brought to upper case. That it is given out is not looked up.
fn code(field: &str, text: &mut Option<String>, length: usize, example: &str) -> Result<(), FieldError> {
    let Some(text) = text else {
        return Ok(());
    };
    if text.len() != length || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(FieldError::new(field, format!("use {length} letters, e.g. {example}")));
    }
    text.make_ascii_uppercase();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(r#"{"name": ""}"#, "name")]
    #[case(r#"{"name": "a\u001b[31m"}"#, "name")]
    #[case(r#"{"tier": 1}"#, "name")]
    #[case(r#"{"name": "a", "size": 1}"#, "size")]
    #[case(r#"{"name": "a", "domain": "localhost"}"#, "domain")]
    #[case(r#"{"name": "a", "tier": 0}"#, "tier")]
    #[case(r#"{"name": "a", "tier": 6}"#, "tier")]
    #[case(r#"{"name": "a", "tier": "x"}"#, "tier")]
    #[case(r#"{"name": "a", "valueMinor": -1, "currency": "EUR"}"#, "valueMinor")]
    #[case(r#"{"name": "a", "valueMinor": 1}"#, "currency")]
    #[case(r#"{"name": "a", "currency": "EUR"}"#, "valueMinor")]
    #[case(r#"{"name": "a", "valueMinor": 1, "currency": "euro"}"#, "currency")]
    #[case(r#"{"name": "a", "country": "NOR"}"#, "country")]
    #[case("{", "line")]
    fn an_account_that_is_not_acceptable_names_its_field(#[case] json: &str, #[case] field: &str) {
        assert_eq!(account(json.as_bytes()).unwrap_err().field, field);
    }

    #[rstest::rstest]
    #[case(r#"{"name": "a"}"#, "email")]
    #[case(r#"{"email": ""}"#, "email")]
    #[case(r#"{"email": "a@b@c.example"}"#, "email")]
    #[case(r#"{"phone": "0791"}"#, "phone")]
    #[case(r#"{"handle": "a\nb"}"#, "handle")]
    #[case(r#"{"email": "a@b.example", "zone": "Mars"}"#, "zone")]
    #[case(r#"{"email": "a@b.example", "locale": "x"}"#, "locale")]
    #[case(r#"{"email": "a@b.example", "country": "1"}"#, "country")]
    fn a_contact_that_is_not_acceptable_names_its_field(#[case] json: &str, #[case] field: &str) {
        assert_eq!(contact(json.as_bytes()).unwrap_err().field, field);
    }

    #[test]
    fn codes_domains_and_mail_are_brought_into_one_form() {
        let read =
            account(br#"{"name":"A","domain":"Example.COM","valueMinor":5,"currency":"eur","country":"no"}"#)
                .unwrap();
        assert_eq!(read.domain.as_deref(), Some("example.com"));
        assert_eq!((read.currency.as_deref(), read.country.as_deref()), (Some("EUR"), Some("NO")));
        assert_eq!(
            contact(br#"{"email":"Zoe@Example.COM"}"#).unwrap().email.as_deref(),
            Some("zoe@example.com")
        );
    }
}
