//! What an answer of Instagram proves, which depends on what was asked.
//!
//! A direct message without a clear answer may have been sent, and a publication may have happened: it stays uncertain, and its
//! container is looked at for evidence. A container is made again as often as needed, which doubles nothing: an attempt goes on with a
//! container, or makes another one, only while no publication in its round was unclear. One that was refused is proven not to have
//! happened; one that was unclear ends in [`Class::Maybe`], after which the message is never attempted again in that round, and the
//! next round, which takes a person's decision or evidence, knows nothing of its container.
use std::time::Duration;

use countersign_core::channel::{Asked, Outcome, Reading, Response};
use serde::Deserialize;

use super::code::{Means, Said, of_container};
use super::container::{Container, Step};
use super::picture;
use crate::answer::{is_usable_id, unreadable, without_id};
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};

/// A container is looked at for the first time after so long: a picture is fetched within seconds.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// The provider wants to be asked about a container once a minute.
const NEXT_LOOK: Duration = Duration::from_mins(1);

/// A container that is not ready by then is given up, as the provider says. It has published nothing, and another one is made.
const GIVEN_UP: Duration = Duration::from_mins(5);

/// The code of a message outside the window. What may still be done about it is said along with the provider's words.
const OUTSIDE_WINDOW: [&str; 2] = ["10/2534022", "10/2018278"];
const PERSONS_WORDS: &str =
    "within seven days of their last message a person's own words may go under the human-agent tag";

/// The code of a container that failed without naming a reason in the table.
pub(super) const CONTAINER_ERROR: &str = "container-error";

pub(super) fn interpret(asked: &Asked<'_>, response: &Response) -> Reading {
    match Step::of(asked.request) {
        Step::Message => message(response).into(),
        Step::Quota => picture::used(asked, response),
        Step::Picture => picture::looked_at(asked, response),
        Step::Container => made(response).into(),
        Step::Status => status(asked, response),
        Step::Publish => published(asked, response),
    }
}

#[derive(Deserialize)]
struct Written {
    message_id: String,
}

fn message(response: &Response) -> Outcome {
    if let 200..=299 = response.status {
        let written = serde_json::from_slice(&response.body).map(|Written { message_id }| message_id);
        return accepted(response, written);
    }
    let mut said = Said::read(response);
    if OUTSIDE_WINDOW.contains(&said.code.as_str()) {
        said.detail = format!("{}; {PERSONS_WORDS}", said.detail);
    }
    let class = match refused(&said, response) {
        Some(Means::Permanent) => Class::Permanent,
        Some(Means::Account) => Class::Account,
        Some(Means::Limited) => Class::Limited,
        Some(Means::Quota) => Class::Waits,
        Some(Means::Temporary | Means::Maybe | Means::NotReady | Means::Expired) => Class::Maybe,
        None => by_status(response.status, said.is_in_form, Class::Maybe),
    };
    class.outcome(said.code, said.detail, said.after)
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

fn made(response: &Response) -> Outcome {
    if let 200..=299 = response.status {
        let (code, detail) = match serde_json::from_slice::<Made>(&response.body) {
            Ok(made) => match Container::made(&made.id, response) {
                Some(container) => {
                    let detail =
                        format!("the container {} is made; the next attempt publishes it", container.id);
                    return Outcome::Prepared { handle: container.handle(), detail, after: FIRST_LOOK };
                }
                None => without_id(),
            },
            Err(_) => unreadable(response),
        };
        return Class::Again.outcome(code, detail, None);
    }
    let said = Said::read(response);
    let class = match said.means {
        Some(Means::Permanent) => Class::Permanent,
        Some(Means::Account) => Class::Account,
        Some(Means::Limited) => Class::Limited,
        Some(Means::Quota) => Class::Waits,
        Some(Means::Temporary | Means::Maybe | Means::NotReady | Means::Expired) => Class::Again,
        None => by_status(response.status, said.is_in_form, Class::Again),
    };
    class.outcome(said.code, said.detail, said.after)
}

/// How a container is, in the provider's words.
#[derive(Deserialize)]
pub(super) struct State {
    pub(super) status_code: String,
    #[serde(default)]
    pub(super) status: String,
}

fn status(asked: &Asked<'_>, response: &Response) -> Reading {
    let Some(container) = Container::of(asked.past) else {
        // Only a container that is remembered is asked about.
        return Class::Again
            .outcome("no-id".to_owned(), "no container is remembered".to_owned(), None)
            .into();
    };
    if response.status != 200 {
        return refused_question(asked, &container, response);
    }
    let Ok(state) = serde_json::from_slice::<State>(&response.body) else {
        let (code, detail) = unreadable(response);
        return Class::Again.outcome(code, detail, None).into();
    };
    match state.status_code.as_str() {
        "FINISHED" => Reading::Next(container.publication(asked.approved)),
        // The post has an id of its own, which the container does not tell.
        "PUBLISHED" => Outcome::Accepted { provider_ref: None }.into(),
        "IN_PROGRESS" => wait_or_anew(asked, &container, response, "is in progress"),
        "EXPIRED" => Reading::Next(picture::quota(asked.approved)),
        "ERROR" => failed(asked, &state.status),
        other => {
            let detail = format!("the container is {}, which is no state known here", bounded(other, 40));
            Class::Again.outcome("unreadable-answer".to_owned(), detail, None).into()
        }
    }
}

/// A container that failed has published nothing. Its reason is a subcode somewhere in a sentence.
fn failed(asked: &Asked<'_>, words: &str) -> Reading {
    let subcode = words
        .split(|sign: char| !sign.is_ascii_digit())
        .filter_map(|digits| digits.parse::<i64>().ok())
        .find(|number| of_container(*number).is_some());
    let code = subcode.map_or_else(|| CONTAINER_ERROR.to_owned(), |subcode| subcode.to_string());
    let detail = bounded(words, DETAIL_CHARS);
    match subcode.and_then(of_container) {
        Some(Means::Temporary | Means::NotReady | Means::Expired) => {
            Reading::Next(picture::quota(asked.approved))
        }
        Some(Means::Account) => Class::Account.outcome(code, detail, None).into(),
        _ => Class::Permanent.outcome(code, detail, None).into(),
    }
}

fn refused_question(asked: &Asked<'_>, container: &Container, response: &Response) -> Reading {
    let said = Said::read(response);
    let class = match said.means {
        Some(Means::NotReady) => return wait_or_anew(asked, container, response, "is not found yet"),
        Some(Means::Expired) => return Reading::Next(picture::quota(asked.approved)),
        Some(Means::Account) => Class::Account,
        Some(Means::Limited) => Class::Limited,
        Some(Means::Quota) => Class::Waits,
        Some(Means::Temporary | Means::Maybe) => Class::Again,
        // A container that cannot be asked about may be one that was published.
        Some(Means::Permanent) => Class::Maybe,
        None => match by_status(response.status, said.is_in_form, Class::Again) {
            Class::Permanent => Class::Maybe,
            class => class,
        },
    };
    class.outcome(said.code, said.detail, said.after).into()
}

fn published(asked: &Asked<'_>, response: &Response) -> Reading {
    if let 200..=299 = response.status {
        return accepted(response, serde_json::from_slice(&response.body).map(|Made { id }| id)).into();
    }
    let said = Said::read(response);
    let class = match (refused(&said, response), Container::of(asked.past)) {
        (Some(Means::NotReady), Some(container)) => {
            return wait_or_anew(asked, &container, response, "is not ready");
        }
        (Some(Means::Expired), _) => return Reading::Next(picture::quota(asked.approved)),
        (Some(Means::Permanent), _) => Class::Permanent,
        (Some(Means::Account), _) => Class::Account,
        (Some(Means::Limited), _) => Class::Limited,
        (Some(Means::Quota), _) => Class::Waits,
        // A fault inside comes after the order was taken as well as before.
        (Some(Means::Temporary | Means::Maybe | Means::NotReady), _) => Class::Maybe,
        (None, _) => by_status(response.status, said.is_in_form, Class::Maybe),
    };
    class.outcome(said.code, said.detail, said.after).into()
}

/// What a code says of a message or a publication, where its status lets it be a refusal. Whoever answers 5xx, 408 or 425 has read the
/// request and says nothing of what became of it, whatever stands in the body.
fn refused(said: &Said, response: &Response) -> Option<Means> {
    let is_refusal = response.status < 500 && !matches!(response.status, 408 | 425);
    said.means.filter(|_| is_refusal)
}

/// Asks again in a minute, or makes another container where this one takes too long. This one is published by nobody: its publication
/// was never asked for in this round, or was refused.
fn wait_or_anew(asked: &Asked<'_>, container: &Container, response: &Response, what: &str) -> Reading {
    if container.age(response) >= GIVEN_UP {
        return Reading::Next(picture::quota(asked.approved));
    }
    let detail = format!("the container {} {what}; it is asked again in a minute", container.id);
    Outcome::Prepared { handle: container.handle(), detail, after: NEXT_LOOK }.into()
}

fn accepted(response: &Response, id: serde_json::Result<String>) -> Outcome {
    let (code, detail) = match id {
        Ok(id) if response.status == 200 && is_usable_id(&id) => {
            return Outcome::Accepted { provider_ref: Some(id) };
        }
        Ok(_) if response.status == 200 => without_id(),
        _ => unreadable(response),
    };
    Class::Maybe.outcome(code, detail, None)
}

pub(super) fn by_status(status: u16, is_in_form: bool, unproven: Class) -> Class {
    match status {
        // Not the provider's words: another server answers at this base URL, and it would refuse every message of the queue.
        404 | 405 if !is_in_form => Class::Account,
        _ => Class::of_status(status, unproven),
    }
}

#[cfg(test)]
mod tests;
