//! Every way a provider fails: what the transport says, what the adapter concludes, and that nothing was repeated.
use std::time::Duration;

use countersign_adapters::resend::Resend;
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::payload::Parts;
use countersign_core::channel::{
    Asked, Broken, Channel, ChannelName, Outcome, Past, Reading, Replay, Request, Response,
};
use rstest::rstest;

use crate::desk::{Desk, hasty, id, send, until};
use crate::drive::payload;

fn judged(response: &Response) -> Outcome {
    let request = Request::json("/emails", String::new());
    let parts = Parts::Email {
        subject: "Hello".to_owned(),
        text: "Hi".to_owned(),
        html: None,
        in_reply_to: None,
        attachments: Vec::new(),
    };
    let payload = payload(ChannelName::Email, "ana@example.com", "bo@example.org", parts);
    let asked = Asked { payload: &payload, approved: &request, request: &request, past: &Past::default() };
    match Resend.interpret(&asked, response) {
        Reading::Proves(outcome) => outcome,
        Reading::Next(_) => panic!("a mail takes one request"),
    }
}

/// One word for what came of a call.
fn verdict(result: &Result<Response, Broken>) -> String {
    match result {
        Err(Broken::NotSent { .. }) => "not sent".to_owned(),
        Err(Broken::MaybeSent { .. }) => "broken".to_owned(),
        Ok(response) => match judged(response) {
            Outcome::MaybeSent { replay: Replay::SameKey(_), .. } => "replay".to_owned(),
            Outcome::Retry { after, .. } => {
                format!("retry {}", after.map_or_else(|| "-".to_owned(), |wait| wait.as_secs().to_string()))
            }
            other => other.as_str().to_owned(),
        },
    }
}

/// R4, S19, S20, F12–F16, F19: one request for each call, whatever happens to it, and the conclusion that fits.
#[rstest]
#[case::latency(Fault::Latency { ms: 1 }, "accepted", 1)]
#[case::limited(Fault::RateLimited { retry_after: None }, "retry 1", 0)]
#[case::limited_for_seconds(Fault::RateLimited { retry_after: Some("7".to_owned()) }, "retry 7", 0)]
#[case::limited_until_long_ago(
    Fault::RateLimited { retry_after: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()) }, "retry 0", 0
)]
#[case::limited_until_far_away(
    Fault::RateLimited { retry_after: Some("Sun, 06 Nov 2094 08:49:37 GMT".to_owned()) }, "retry 86400", 0
)]
#[case::quota(Fault::DailyQuota, "account_broken", 0)]
#[case::unauthorized(Fault::Unauthorized, "account_broken", 0)]
#[case::error_before(Fault::ErrorBeforeAccept, "replay", 0)]
#[case::error_after(Fault::ErrorAfterAccept, "replay", 1)]
#[case::reset_before(Fault::ResetBeforeAccept, "broken", 0)]
#[case::reset_after(Fault::ResetAfterAccept, "broken", 1)]
#[case::half_headers(Fault::HalfHeaders, "broken", 1)]
#[case::half_body(Fault::HalfBody, "broken", 1)]
#[case::html_page(Fault::HtmlPage, "replay", 1)]
#[case::empty_body(Fault::EmptyBody, "replay", 1)]
#[case::no_id(Fault::NoId, "replay", 1)]
#[case::huge_body(Fault::HugeBody, "broken", 1)]
#[case::huge_error(Fault::HugeError, "broken", 0)]
#[case::gzip_body(Fault::GzipBody, "broken", 1)]
#[tokio::test]
async fn a_fault_costs_one_request_and_is_named(
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] accepted: usize,
) {
    let desk = Desk::new().await;
    // The first call leaves a pooled connection behind: a reused one tempts clients to repeat.
    let transport = desk.transport();
    assert_eq!(verdict(&send(&transport, "warm-up").await), "accepted");
    desk.sandbox.set_faults([fault.always()]);
    let result = send(&transport, "k").await;
    assert_eq!(verdict(&result), expected, "{result:?}");
    let seen = desk.sandbox.requests();
    let keys: Vec<_> = seen.log.iter().filter_map(|asked| asked.key.as_deref()).collect();
    assert_eq!(keys, ["warm-up", "k"]);
    assert_eq!(desk.accepted(), 1 + accepted);
    // The connection that failed does not spoil the next call, and the same key finds what was accepted.
    desk.sandbox.set_faults([]);
    assert_eq!(verdict(&send(&transport, "k").await), "accepted");
    assert_eq!((desk.accepted(), desk.sandbox.requests().count), (2, 3));
}

/// F14: the provider tells with every answer when its limit is over; an error is unclear all the same, so that more like it open the
/// circuit.
#[tokio::test]
async fn an_error_asks_for_no_wait_by_telling_the_limit() {
    let desk = Desk::new().await;
    desk.sandbox.set_faults([Fault::ErrorBeforeAccept.always()]);
    let response = send(&desk.transport(), "k").await.expect("answers");
    assert_eq!(response.header("ratelimit-reset"), Some("1"));
    let outcome = judged(&response);
    assert!(matches!(outcome, Outcome::MaybeSent { replay: Replay::SameKey(None), .. }), "{outcome:?}");
}

/// R20, S19, F11, F19: a provider that does not answer, or not to the end, is given up in time.
#[rstest]
#[case::before_accepting(Fault::HangBeforeAccept, 0)]
#[case::after_accepting(Fault::HangAfterAccept, 1)]
#[case::amid_the_body(Fault::HangInBody, 1)]
#[case::slow(Fault::Latency { ms: 3_600_000 }, 0)]
#[tokio::test]
async fn a_provider_that_hangs_is_given_up(#[case] fault: Fault, #[case] accepted: usize) {
    let desk = Desk::new().await;
    desk.sandbox.set_faults([fault.always()]);
    assert_eq!(verdict(&send(&hasty(&desk.sandbox), "k").await), "broken");
    until("the provider is done", || desk.accepted() == accepted).await;
    assert_eq!(desk.sandbox.requests().count, 1);
}

/// F11: a provider may accept after the caller has given up; a repeat under the same key waits, then finds the same message.
#[tokio::test]
async fn a_late_acceptance_is_found_under_its_key() {
    let desk = Desk::new().await;
    desk.sandbox.set_faults([Fault::HangBeforeAccept.times(1)]);
    assert_eq!(verdict(&send(&hasty(&desk.sandbox), "k").await), "broken");
    let meanwhile = send(&desk.transport(), "k").await.expect("answers");
    assert_eq!((meanwhile.status, verdict(&Ok(meanwhile)).as_str()), (409, "replay"));
    assert_eq!(desk.accepted(), 0);
    desk.sandbox.set_faults([]);
    until("the held request is accepted", || desk.accepted() == 1).await;
    let transport = desk.transport();
    let repeated = async {
        loop {
            let again = send(&transport, "k").await.expect("answers");
            if again.status != 409 {
                return again;
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(10), repeated).await.expect("the held request ends");
    assert_eq!((verdict(&Ok(again)).as_str(), desk.accepted()), ("accepted", 1));
}

/// F11: a request that was held gets its answer once the fault is lifted.
#[rstest]
#[case(Fault::HangBeforeAccept)]
#[case(Fault::HangAfterAccept)]
#[case(Fault::HangInBody)]
#[tokio::test]
async fn lifting_a_fault_releases_what_it_held(#[case] fault: Fault) {
    let desk = Desk::new().await;
    desk.sandbox.set_faults([fault.always()]);
    let transport = desk.transport();
    let held = tokio::spawn(async move { send(&transport, "k").await });
    until("the request arrives", || desk.sandbox.requests().count == 1).await;
    // Seen, but perhaps not yet held: only a request that has drawn its fault can be released from it.
    until("the fault is lifted", || {
        desk.sandbox.set_faults([]);
        held.is_finished()
    })
    .await;
    let response = held.await.expect("ends").expect("answers");
    assert!(!id(&response).is_empty());
}

/// S22: no detail of a broken call repeats the credential, the key or the body.
#[rstest]
#[case(Fault::ResetAfterAccept)]
#[case(Fault::HalfHeaders)]
#[case(Fault::HalfBody)]
#[case(Fault::HugeBody)]
#[case(Fault::GzipBody)]
#[case(Fault::HangAfterAccept)]
#[tokio::test]
async fn a_broken_call_tells_no_secret(#[case] fault: Fault) {
    let desk = Desk::new().await;
    desk.sandbox.set_faults([fault.always()]);
    let Err(Broken::MaybeSent { detail } | Broken::NotSent { detail }) =
        send(&hasty(&desk.sandbox), "canary-key").await
    else {
        panic!("the call was not broken");
    };
    for secret in ["canary", "Bearer", "bo@example.org", "/emails"] {
        assert!(!detail.contains(secret), "{detail}");
    }
    assert!(detail.starts_with(&desk.sandbox.addr().to_string()), "{detail}");
    assert!(detail.chars().count() <= 300);
}
