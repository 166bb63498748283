//! Lists of accounts and contacts that come in: all of a list, or if asked the good items of it.
use axum::extract::State;
use countersign_core::account::check::{self, AccountInput, ContactInput};
use countersign_core::account::{Report, import_accounts, import_contacts};
use countersign_core::draft::LineError;
use countersign_core::draft::check::FieldError;
use countersign_core::draft::file::Mode;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good};
use super::gate::Caller;
use super::input::Body;

/// Accounts that come in, matched by name. An empty or missing value changes nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Accounts {
    /// One account each.
    #[schema(value_type = Vec<AccountInput>)]
    items: Vec<Value>,
    /// Keep the good items where others are bad; else one bad item and nothing is written.
    #[serde(default)]
    #[schema(required = false)]
    partial: bool,
}

/// Contacts that come in, matched by any of their addresses. An empty or missing value changes nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Contacts {
    /// One contact each.
    #[schema(value_type = Vec<ContactInput>)]
    items: Vec<Value>,
    /// Keep the good items where others are bad; else one bad item and nothing is written.
    #[serde(default)]
    #[schema(required = false)]
    partial: bool,
}

pub(super) async fn accounts(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<Accounts>,
) -> Answer<Report> {
    let (lines, errors) = read(&body.items, check::account);
    let (pool, mode) = (&state.pool, mode(body.partial, &errors));
    let report = import_accounts(pool, &caller.actor, caller.company, &lines, mode, &|_| {}).await?;
    Ok(Good(with(report, errors)))
}

pub(super) async fn contacts(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<Contacts>,
) -> Answer<Report> {
    let (lines, errors) = read(&body.items, check::contact);
    let (pool, mode) = (&state.pool, mode(body.partial, &errors));
    let report = import_contacts(pool, &caller.actor, caller.company, &lines, mode, &|_| {}).await?;
    Ok(Good(with(report, errors)))
}

/// Checks each item by itself. They are numbered from 1, as lines are.
fn read<T>(
    items: &[Value],
    check: impl Fn(&[u8]) -> Result<T, FieldError>,
) -> (Vec<(usize, T)>, Vec<LineError>) {
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (line, item) in (1..).zip(items) {
        match check(item.to_string().as_bytes()) {
            Ok(input) => lines.push((line, input)),
            Err(FieldError { field, reason, is_conflict }) => {
                errors.push(LineError { line, field, reason, is_conflict });
            }
        }
    }
    (lines, errors)
}

/// Where one item is bad nothing is written, but the others are checked all the same, so that one answer names every fault.
fn mode(is_partial: bool, errors: &[LineError]) -> Mode {
    match (is_partial, errors.is_empty()) {
        (true, _) => Mode::Partial,
        (false, true) => Mode::AllOrNothing,
        (false, false) => Mode::Check,
    }
}

fn with(mut report: Report, errors: Vec<LineError>) -> Report {
    report.errors.extend(errors);
    report.errors.sort_by_key(|error| error.line);
    report
}
