//! The provider is away, forgets to answer, or hangs, while the dispatcher's process may be killed as well.
use std::io::ErrorKind;
use std::net::TcpListener;

use rustix::process::Signal;

use crate::office::Office;
use crate::process;
use crate::provider::Provider;

const DRAFTS: usize = 5;

/// R5, F10: a provider that is not there is proof that nothing was sent; when it comes back, everything goes once.
#[test]
fn while_the_provider_is_away_everything_waits() {
    let mut office = Office::with_approved(DRAFTS);
    let port = office.provider.port();
    office.provider.stop();
    let worker = office.dispatch();
    crate::until("an attempt fails", || {
        office.home.count("SELECT count(*) FROM crm_dispatch_attempts WHERE outcome = 'retry'") > 0
    });
    office.provider = Provider::start_at(&office.home, port);
    worker.finish().ends_with(0);
    office.sent_each_once(DRAFTS);
}

/// R3, R4, F13: accepted, but the answer is lost on the way. It is asked again with the same key, and the first result comes back.
#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let office = Office::with_approved(DRAFTS);
    office.provider.fails(r#"{"fault":"reset-after-accept","times":3}"#);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(DRAFTS);
    assert_eq!(office.provider.seen().count, 8, "S19: each request is an attempt of ours");
    let attempts = office.home.texts("SELECT outcome FROM crm_dispatch_attempts ORDER BY outcome");
    assert_eq!(attempts, [["accepted"; 5].as_slice(), ["maybe_sent"; 3].as_slice()].concat());
}

/// F5: killed while the provider has accepted and not answered.
#[test]
fn killed_after_the_provider_accepted_everything_is_sent_once() {
    let office = Office::with_approved(DRAFTS);
    office.provider.fails(r#"{"fault":"hang-after-accept"}"#);
    let worker = office.dispatch();
    crate::until("the provider has accepted all", || office.provider.ledger().len() == DRAFTS);
    worker.kill();
    office.provider.fails("[]");
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(DRAFTS);
}

/// F4: killed while the bytes are in the socket and the provider has read none of them.
#[test]
fn killed_before_the_provider_reads_everything_is_sent_once() {
    let office = Office::with_approved(DRAFTS);
    office.provider.signal(Signal::STOP);
    let worker = office.dispatch();
    crate::until("bytes wait for the provider", || process::unread_at(office.provider.port()) > 0);
    worker.kill();
    office.provider.signal(Signal::CONT);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(DRAFTS);
}

/// R16: told to stop, the dispatcher finishes what is on the wire, records it, and claims nothing more.
#[test]
fn a_dispatcher_that_is_told_to_stop_finishes_what_is_on_the_wire() {
    let office = Office::with_approved(DRAFTS);
    office.provider.fails(r#"{"fault":"hang-after-accept"}"#);
    let worker = office.dispatch();
    crate::until("the provider has accepted all", || office.provider.ledger().len() == DRAFTS);
    worker.signal(Signal::TERM);
    office.provider.fails("[]");
    worker.finish().ends_with(0);
    office.sent_each_once(DRAFTS);
    assert_eq!(office.provider.seen().count, 5, "nothing was repeated");
}

/// S18: a proxy that the environment names gets nothing to read.
#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let mut office = Office::with_approved(DRAFTS);
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", proxy.local_addr().expect("it has an address"));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        office.home.set(name, &url);
    }
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(DRAFTS);
    proxy.set_nonblocking(true).expect("it can be asked without waiting");
    let asked = proxy.accept().map_err(|error| error.kind());
    assert_eq!(asked.err(), Some(ErrorKind::WouldBlock), "nobody came");
}
