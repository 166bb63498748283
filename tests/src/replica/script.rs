//! The provider beside the database: answers what it is told to, and keeps what it was asked for one look.
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::channel::{BoxFuture, Broken, Call, Response, Transport};
use countersign_core::dispatch::idempotency_key;
use countersign_core::ids::ActivityId;

use crate::model::Answer;
use crate::wire::{accepted, response};
use crate::world::CREDENTIAL;

/// The credential of that version.
pub(super) fn credential(version: i32) -> String {
    if version == 1 { CREDENTIAL.to_owned() } else { format!("re_version_{version}") }
}

/// The subject a message has in that wording.
pub(super) fn subject(item: usize, words: u8) -> String {
    format!("Offer {item} in wording {words}")
}

#[derive(Default)]
struct State {
    next: Option<Answer>,
    asked: Option<Call>,
}

/// A transport with one answer at a time.
#[derive(Clone, Default)]
pub(super) struct Script(Arc<Mutex<State>>);

impl Script {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next call gets.
    pub(super) fn expect(&self, answer: Answer) {
        self.state().next = Some(answer);
    }

    /// C3: the call that was made carries the approved words, the key of that decision, and the credential of that claim.
    pub(super) fn check(&self, id: ActivityId, round: i32, item: usize, words: u8, version: i32) {
        let call = self.state().asked.take().expect("a call was made");
        let header = |name: &str| {
            let found = call.headers.iter().find(|header| header.name == name).expect("the header is there");
            found.value.expose().to_owned()
        };
        assert_eq!(header("idempotency-key"), idempotency_key(id, round));
        assert_eq!(header("authorization"), format!("Bearer {}", credential(version)));
        assert!(call.request.body.contains(&subject(item, words)), "other words: {}", call.request.body);
    }
}

impl Transport for Script {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        let mut state = self.state();
        let answer = state.next.take().expect("a call nobody expects");
        state.asked = Some(call);
        Box::pin(std::future::ready(as_bytes(answer)))
    }
}

/// What the provider's API says for it.
fn as_bytes(answer: Answer) -> Result<Response, Broken> {
    let says = |status, name: &str| {
        response(
            status,
            &[],
            &serde_json::json!({ "statusCode": status, "name": name, "message": "no" }).to_string(),
        )
    };
    match answer {
        Answer::Accepted => Ok(accepted("a-message")),
        Answer::Refused => Ok(says(422, answer.code())),
        Answer::Limited(None) => Ok(says(429, answer.code())),
        Answer::Limited(Some(secs)) => {
            let limited = says(429, answer.code());
            Ok(Response { headers: vec![("retry-after".to_owned(), secs.to_string())], ..limited })
        }
        Answer::AccountRefused => Ok(says(401, answer.code())),
        Answer::Failed => Ok(response(500, &[], "")),
        Answer::KeyUsed => Ok(says(409, answer.code())),
        // A call that is not begun never gets here.
        Answer::NotSent | Answer::Late => Err(Broken::NotSent { detail: "refused".to_owned() }),
        Answer::Nothing => Err(Broken::MaybeSent { detail: "reset".to_owned() }),
    }
}
