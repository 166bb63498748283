//! The dispatcher is killed, stopped or left without its server at every labelled point of a dispatch. The next one finishes the
//! work, and the provider has every message once.
use rstest::rstest;
use rustix::process::Signal;

use crate::holds::Hold;
use crate::office::Office;
use crate::process;

const DRAFTS: usize = 5;

/// Attempts a killed worker left on the wire.
const LOST: &str = "SELECT count(*) FROM crm_dispatch_attempts WHERE outcome = 'maybe_sent' AND evidence->>'code' = 'worker_lost'";

/// Messages whose last attempt is the one that was accepted.
const ACCEPTED: &str =
    "SELECT count(DISTINCT activity_id) FROM crm_dispatch_attempts x WHERE outcome = 'accepted'
  AND attempt = (SELECT max(attempt) FROM crm_dispatch_attempts y WHERE y.activity_id = x.activity_id)";

/// What the kill left unknown.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// Nothing was on the wire.
    None,
    /// Everything was.
    All,
    /// What was not recorded yet.
    Some,
}

/// F1 to F3, F5 to F7, R1 to R3, C1 to C7: killed between any two steps, nothing is lost and nothing is sent twice.
#[rstest]
#[case::before_the_claim_commits("claiming", Lost::None)]
#[case::claimed_before_the_wire("claimed", Lost::None)]
#[case::on_the_wire_before_the_first_byte("wired", Lost::All)]
#[case::answered_before_it_is_written("answered", Lost::All)]
#[case::before_the_outcome_commits("closing", Lost::All)]
#[case::after_the_outcome_committed("closed", Lost::Some)]
fn a_killed_dispatcher_sends_everything_once(#[case] point: &'static str, #[case] lost: Lost) {
    let office = Office::with_approved(DRAFTS);
    let hold = Hold::at(&office.home, point);
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    worker.kill();
    hold.release();

    office.dispatch().finish().ends_with(0);

    office.sent_each_once(DRAFTS);
    assert_eq!(usize::try_from(office.home.count(ACCEPTED)), Ok(DRAFTS));
    let found = usize::try_from(office.home.count(LOST)).expect("a count");
    match lost {
        Lost::None => assert_eq!(found, 0, "nothing was on the wire"),
        Lost::All => assert_eq!(found, DRAFTS, "everything was on the wire"),
        Lost::Some => assert!(found < DRAFTS, "something was recorded"),
    }
}

/// F9, F26, F27: dispatcher, supervisor and PostgreSQL are killed at once, as by a power cut.
#[rstest]
#[case("wired")]
#[case("closing")]
fn after_everything_was_killed_at_once_everything_is_sent_once(#[case] point: &'static str) {
    let office = Office::with_approved(DRAFTS);
    let (supervisor, postmaster) = office.home.server();
    let hold = Hold::at(&office.home, point);
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    process::signal(supervisor, Signal::KILL);
    process::signal(postmaster, Signal::KILL);
    worker.kill();
    hold.release();

    office.dispatch().finish().ends_with(0);

    office.sent_each_once(DRAFTS);
}

/// F7, F20: the server is stopped under a dispatcher that is about to record what it sent.
#[test]
fn a_server_that_stops_before_the_outcome_commits_loses_nothing() {
    let office = Office::with_approved(DRAFTS);
    let hold = Hold::at(&office.home, "closing");
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    office.home.run(&["db", "stop"]).ends_with(0);
    hold.release();
    // It may end without its server, or come back to the one the next command starts. Either is good.
    office.home.revive_server();
    worker.finish();

    office.dispatch().finish().ends_with(0);

    office.sent_each_once(DRAFTS);
}

/// F8, R2: a worker that was stopped past its lease finds its work done by another and keeps its hands off.
#[rstest]
#[case::before_the_wire("claimed", 0)]
#[case::on_the_wire("wired", DRAFTS)]
fn a_worker_that_slept_past_its_lease_sends_nothing_twice(#[case] point: &'static str, #[case] late: usize) {
    let office = Office::with_approved(DRAFTS);
    let hold = Hold::at(&office.home, point);
    let sleeper = office.dispatch_into(&hold);
    hold.is_reached();
    sleeper.signal(Signal::STOP);
    crate::until("the worker sleeps", || process::state(sleeper.number()) == Some('T'));
    hold.release();

    office.dispatch().finish().ends_with(0);
    office.sent_each_once(DRAFTS);

    sleeper.signal(Signal::CONT);
    sleeper.finish().ends_with(0);
    office.sent_each_once(DRAFTS);
    let requests = usize::try_from(office.provider.seen().count);
    assert_eq!(requests, Ok(DRAFTS + late), "calls with a lost token are made only if the wire was theirs");
    let told = office.home.count("SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.late'");
    assert_eq!(usize::try_from(told), Ok(late), "late answers are told to the audit log");
}

/// R2, C1 to C7: two dispatchers on one database do the work of one.
#[test]
fn two_dispatchers_at_once_send_everything_once() {
    let office = Office::with_approved(60);
    let workers = [office.dispatch(), office.dispatch()];
    for worker in workers {
        worker.finish().ends_with(0);
    }
    office.sent_each_once(60);
    assert_eq!(office.provider.seen().count, 60, "S19: nothing was asked twice");
}
