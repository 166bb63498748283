//! What becomes of something known when a line speaks of it. Pure. A value that a line gives replaces the one that was known; an empty one
//! replaces nothing. What two lines of one file say differently is refused, so that a file always means the same.
use super::check::{AccountInput, Address, ContactInput};
use crate::draft::check::FieldError;
use crate::ids::{AccountId, ContactId};

/// What a line did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It made something new.
    Inserted,
    /// It changed something.
    Updated,
    /// It said what was known.
    Identical,
}

/// A value and, once a line of this file gave it, the number of that line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known<T> {
    /// The value.
    pub value: Option<T>,
    line: Option<usize>,
}

impl<T: PartialEq> Known<T> {
    /// A value that was there before this file.
    #[must_use]
    pub fn stored(value: Option<T>) -> Self {
        Self { value, line: None }
    }

    /// Takes what a line says; tells whether that is new.
    fn hear(&mut self, line: usize, field: &str, said: Option<T>) -> Result<bool, FieldError> {
        if said.is_none() {
            return Ok(false);
        }
        let differs = self.value != said;
        if differs && let Some(earlier) = self.line {
            return Err(FieldError::new(field, format!("line {earlier} says otherwise; keep one of them")));
        }
        self.line.get_or_insert(line);
        self.value = said;
        Ok(differs)
    }
}

/// An account as it will be.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whether it was stored before this file.
    pub is_stored: bool,
    /// Whether it has to be written.
    pub is_changed: bool,
    /// Name.
    pub name: String,
    /// Domain of its mail.
    pub domain: Known<String>,
    /// 1 to 5.
    pub tier: Known<i16>,
    /// Value in the smallest unit, and its currency.
    pub value: Known<(i64, String)>,
    /// ISO 3166-1 alpha-2.
    pub country: Known<String>,
}

impl Account {
    /// One that is not known yet.
    #[must_use]
    pub fn new(id: AccountId, name: String) -> Self {
        Self {
            id,
            is_stored: false,
            is_changed: true,
            name,
            domain: Known::stored(None),
            tier: Known::stored(None),
            value: Known::stored(None),
            country: Known::stored(None),
        }
    }

    /// What it is after this line.
    ///
    /// # Errors
    /// Names the field of which an earlier line said otherwise.
    pub fn hear(&self, line: usize, input: &AccountInput) -> Result<(Self, bool), FieldError> {
        let mut next = self.clone();
        let value = input.value_minor.zip(input.currency.clone());
        let changes = [
            next.domain.hear(line, "domain", input.domain.clone())?,
            next.tier.hear(line, "tier", input.tier)?,
            next.value.hear(line, "valueMinor", value)?,
            next.country.hear(line, "country", input.country.clone())?,
        ];
        let is_changed = changes.contains(&true);
        next.is_changed |= is_changed;
        Ok((next, is_changed))
    }
}

/// A contact as it will be.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Whether it was stored before this file.
    pub is_stored: bool,
    /// Whether it has to be written.
    pub is_changed: bool,
    /// Name.
    pub name: Known<String>,
    /// Account, by name.
    pub account: Known<String>,
    /// BCP 47.
    pub locale: Known<String>,
    /// IANA.
    pub zone: Known<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Known<String>,
}

impl Contact {
    /// One that is not known yet, called by its address until a line names it.
    #[must_use]
    pub fn new(id: ContactId, address: &Address) -> Self {
        Self {
            id,
            is_stored: false,
            is_changed: true,
            name: Known::stored(Some(address.1.chars().take(200).collect())),
            account: Known::stored(None),
            locale: Known::stored(None),
            zone: Known::stored(None),
            country: Known::stored(None),
        }
    }

    /// What it is after this line.
    ///
    /// # Errors
    /// Names the field of which an earlier line said otherwise.
    pub fn hear(&self, line: usize, input: &ContactInput) -> Result<(Self, bool), FieldError> {
        let mut next = self.clone();
        let changes = [
            next.name.hear(line, "name", input.name.clone())?,
            next.account.hear(line, "account", input.account.clone())?,
            next.locale.hear(line, "locale", input.locale.clone())?,
            next.zone.hear(line, "zone", input.zone.clone())?,
            next.country.hear(line, "country", input.country.clone())?,
        ];
        let is_changed = changes.contains(&true);
        next.is_changed |= is_changed;
        Ok((next, is_changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_replaces_nothing_with_emptiness_and_refuses_contradiction() {
        let known =
            Account { is_stored: true, is_changed: false, ..Account::new(AccountId::new(), "A".to_owned()) };
        let said = AccountInput { name: "A".to_owned(), tier: Some(2), ..AccountInput::default() };
        let (once, changed) = known.hear(3, &said).unwrap();
        assert!(changed && once.is_changed && once.tier.value == Some(2));
        let (twice, changed) = once.hear(4, &said).unwrap();
        assert!(!changed);
        let empty = AccountInput { name: "A".to_owned(), ..AccountInput::default() };
        assert_eq!(twice.hear(5, &empty).unwrap().0.tier.value, Some(2));
        let other = AccountInput { tier: Some(3), ..said };
        let error = twice.hear(6, &other).unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.reason.as_str()),
            ("tier", "line 3 says otherwise; keep one of them")
        );
    }
}
