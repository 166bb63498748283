//! What people read of accounts and contacts.
use serde::Serialize;

use crate::ids::{AccountId, ContactId};

/// An account as it is listed. Text is foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// Name.
    pub name: String,
    /// Domain of its mail.
    pub domain: Option<String>,
    /// 1 (most important) to 5.
    pub tier: Option<i16>,
    /// What it is worth, in the currency's smallest unit.
    pub value_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// People known there.
    pub contacts: i64,
}

/// A contact as it is listed. Text is foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactView {
    /// Its id.
    pub id: ContactId,
    /// Name.
    pub name: String,
    /// Name of its account.
    pub account: Option<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA.
    pub zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Every address, as `kind:address`.
    pub addresses: Vec<String>,
}

/// How a list is narrowed down.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Exact name of the account.
    pub account: Option<String>,
    /// Tier of the account.
    pub tier: Option<i16>,
    /// Country, upper case.
    pub country: Option<String>,
    /// Text that the name holds, in any case.
    pub text: Option<String>,
}

/// How many messages of a contact are in one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MessageCount)]
pub struct StatusCount {
    /// The status.
    pub status: String,
    /// How many.
    pub count: i64,
}
