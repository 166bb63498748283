//! What became of a post: its container tells. Of a direct message nothing does but its echo.
use std::time::Duration;

use countersign_core::activity::payload::{InstagramAction, Parts};
use countersign_core::channel::{Case, Finding, Lookup, Probe, Response};
use serde::Deserialize;

use super::code::{Means, Said};
use super::container::Container;
use super::interpret::State;
use crate::answer::without_form;
use crate::text::{DETAIL_CHARS, bounded};

/// A publication that is under way ends within this time, one way or the other; before that a container that is not published proves
/// nothing.
const SETTLED: Duration = Duration::from_mins(5);

/// Characters of a user name that are kept.
const NAME_CHARS: usize = 100;

pub(super) fn first(case: &Case<'_>) -> Lookup {
    let is_post = matches!(&case.payload.parts, Parts::Instagram { action: InstagramAction::Post, .. });
    if !is_post {
        let why =
            "Instagram cannot be asked for a direct message; its echo or a look into the conversation tells";
        return Lookup::Found(Finding::Impossible { why: why.to_owned() });
    }
    match Container::of(case.past) {
        Some(container) => Lookup::Ask(container.question(case.approved)),
        None => Lookup::Found(Finding::NotSent {
            why: "only a container was being made, and a container alone publishes nothing".to_owned(),
        }),
    }
}

pub(super) fn found(case: &Case<'_>, response: &Response) -> Finding {
    if response.status != 200 {
        let said = Said::read(response);
        return Finding::Unclear { why: format!("{}: {}", said.code, said.detail) };
    }
    let (Ok(state), Some(container)) =
        (serde_json::from_slice::<State>(&response.body), Container::of(case.past))
    else {
        return Finding::Unclear { why: without_form(response) };
    };
    let id = container.id;
    match state.status_code.as_str() {
        "PUBLISHED" => {
            Finding::Sent { why: format!("the container {id} is published"), provider_ref: Some(id) }
        }
        "FINISHED" if case.age < SETTLED => Finding::Unclear {
            why: format!("the container {id} is not published yet; ask again in a few minutes"),
        },
        "FINISHED" => Finding::NotSent { why: format!("the container {id} is ready and was not published") },
        "EXPIRED" => Finding::NotSent { why: format!("the container {id} expired without being published") },
        "ERROR" => Finding::NotSent {
            why: bounded(&format!("the container {id} failed: {}", state.status), DETAIL_CHARS),
        },
        other => Finding::Unclear { why: format!("the container {id} is {}", bounded(other, 40)) },
    }
}

#[derive(Deserialize)]
struct Account {
    username: String,
}

pub(super) fn probed(response: &Response) -> Probe {
    if response.status == 200 {
        return match serde_json::from_slice::<Account>(&response.body) {
            Ok(account) => {
                Probe::Works { says: format!("the token is of @{}", bounded(&account.username, NAME_CHARS)) }
            }
            Err(_) => Probe::Unclear { says: without_form(response) },
        };
    }
    let said = Said::read(response);
    match said.means {
        Some(Means::Account) => Probe::Refused { says: format!("{}: {}", said.code, said.detail) },
        _ => Probe::Unclear { says: format!("{}: {}", said.code, said.detail) },
    }
}

#[cfg(test)]
mod tests;
