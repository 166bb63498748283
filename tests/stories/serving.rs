//! The engine without a screen: it drains, outlives a hang-up, heals itself, and is seen by consoles and by its peers.
use rustix::process::Signal;

use crate::child::Child;
use crate::holds::Hold;
use crate::office::Office;
use crate::screen::Screen;

const SEEN: &str = "SELECT count(*) FROM crm_engine_processes WHERE mode = 'serve'";
const BURST: usize = 200;

fn serve(office: &Office) -> Child {
    office.home.start(&["serve"])
}

#[track_caller]
fn until_seen(office: &Office, count: i64) {
    crate::until("the engines have told that they run", || office.home.count(SEEN) == count);
}

/// R16, C1 to C7: told to end in a burst, it claims nothing more, records what is on the wire, and exits with 0; the next one does the rest.
#[test]
fn told_to_end_in_a_burst_it_drains() {
    let office = Office::with_approved(BURST);
    let server = serve(&office);
    crate::until("the burst has begun", || !office.provider.ledger().is_empty());
    server.signal(Signal::TERM);
    let answer = server.finish().ends_with(0);
    assert!(
        answer.out.contains("ready: dispatcher on countersign in the private server, pid "),
        "{}",
        answer.out
    );
    assert!(answer.err.contains("told to stop"), "the log is on standard error: {}", answer.err);
    let counted = |statement| office.home.count(statement);
    let accepted = i64::try_from(office.provider.ledger().len()).expect("a count");
    assert_eq!(counted("SELECT count(*) FROM crm_activities WHERE status = 'sent'"), accepted, "0 lost");
    assert_eq!(
        counted("SELECT count(*) FROM crm_activities WHERE status = 'dispatching'"),
        0,
        "nothing half done"
    );
    assert_eq!(counted("SELECT count(*) FROM crm_engine_processes"), 0, "its row goes with it");
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(BURST);
}

/// R16: told to end at random moments of a burst, again and again, it exits with 0 each time; in the end nothing is lost or doubled.
#[test]
fn told_to_end_at_any_moment_it_drains() {
    let office = Office::with_approved(BURST);
    let seed = fastrand::Rng::new().u32(..);
    let mut dice = fastrand::Rng::with_seed(seed.into());
    for turn in 0..6 {
        let server = serve(&office);
        until_seen(&office, 1);
        let more = office.provider.ledger().len() + dice.usize(0..25);
        crate::until("the burst goes on", || office.provider.ledger().len() >= more.min(BURST));
        server.signal(Signal::TERM);
        let answer = server.finish();
        assert_eq!(answer.code, Some(0), "seed {seed}, turn {turn}: {}", answer.err);
        let half = office.home.count("SELECT count(*) FROM crm_dispatch_claims");
        assert_eq!(half, 0, "seed {seed}, turn {turn}: nothing half done");
    }
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(BURST);
    assert_eq!(office.provider.seen().count, 200, "seed {seed}: nothing was repeated");
}

/// R18: a message whose bytes are none stops with a reason; the service goes on with all others.
#[test]
fn a_poisoned_message_stops_alone() {
    let office = Office::open("0s");
    office.import(4);
    // The hash fits, the bytes are none: as after a defect of whoever wrote them.
    office.home.change(
        "WITH one AS (SELECT company_id, id FROM crm_activities ORDER BY created_at, id LIMIT 1),
          junk AS (INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
            SELECT company_id, id, sha256('junk'), 'junk' FROM one RETURNING company_id, activity_id, payload_sha256)
        SELECT count(*) FROM junk",
    );
    office.home.change(
        "UPDATE crm_activities a SET payload_sha256 = p.payload_sha256 FROM crm_payloads p
        WHERE p.envelope = 'junk' AND p.company_id = a.company_id AND p.activity_id = a.id",
    );
    office.approve_all();
    let server = serve(&office);
    crate::until("the others are sent", || office.provider.ledger().len() == 3);
    let stopped = "SELECT count(*) FROM crm_activities WHERE status = 'blocked_by_policy' AND hold_code = 'payload_unreadable'";
    crate::until("it stops, with its reason", || office.home.count(stopped) == 1);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
    office.sent_each_once(3);
}

/// R16: the second signal ends it at once; the next start settles the rest.
#[test]
fn told_twice_it_ends_at_once() {
    let office = Office::with_approved(3);
    let hold = Hold::at(&office.home, "wired");
    let mut command = office.home.command(["serve"]);
    let (name, folder) = hold.variable();
    command.env(name, folder);
    let server = Child::start(command, "");
    hold.is_reached();
    server.signal(Signal::TERM);
    crate::until("it was told once", || office.home.logs().contains("told to stop"));
    server.signal(Signal::TERM);
    server.finish().ends_with(1).complains("stopped at once");
    hold.release();
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(3);
}

/// R17: a hang-up changes nothing for a service.
#[test]
fn a_hang_up_changes_nothing() {
    let office = Office::open("0s");
    let server = serve(&office);
    until_seen(&office, 1);
    server.signal(Signal::HUP);
    crate::until("the hang-up is in the log", || office.home.logs().contains("SIGHUP: nothing is reopened"));
    office.import(2);
    office.approve_all();
    crate::until("both are sent", || office.provider.ledger().len() == 2);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
    office.sent_each_once(2);
}

/// I13: two engines on one database name each other, and send everything once.
#[test]
fn two_at_once_name_each_other() {
    let office = Office::open("0s");
    let one = serve(&office);
    until_seen(&office, 1);
    let other = serve(&office);
    until_seen(&office, 2);
    office.import(20);
    office.approve_all();
    crate::until("everything is sent", || office.provider.ledger().len() == 20);
    other.signal(Signal::TERM);
    let words = format!("the dispatcher also runs in process {} on ", one.number());
    let said = other.finish().ends_with(0).out;
    assert!(
        said.contains(&words) && said.contains("(serve); both may work, nothing is sent twice"),
        "{said}"
    );
    one.signal(Signal::TERM);
    one.finish().ends_with(0);
    office.sent_each_once(20);
}

/// R17: an attached console decides, another process sends; the console goes with its window, the service does not.
#[test]
fn an_attached_console_decides_and_the_service_sends() {
    let office = Office::open("0s");
    let server = serve(&office);
    until_seen(&office, 1);
    office.import(1);
    let mut screen = Screen::open(&office.home, &["--attach"]);
    screen.shows("attached");
    screen.shows("your roof is ready.");
    screen.send("\r");
    screen.shows("a approve");
    crate::until("it is approved and sent", || {
        screen.send("a");
        office.provider.ledger().len() == 1
    });
    assert_eq!(
        office.home.count("SELECT count(*) FROM crm_engine_processes"),
        1,
        "a console without engine has no row"
    );
    screen.hang_up();
    screen.ended_within(std::time::Duration::from_secs(5));
    until_seen(&office, 1);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
    office.sent_each_once(1);
}

/// R18: a task that dies is named and started again, with its error where others can read it; then the queue goes on.
#[test]
fn a_dead_task_is_started_again() {
    let office = Office::with_approved(3);
    let folder = office.home.path("faults");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let fault = folder.join("claimer.panic");
    std::fs::write(&fault, b"").expect("a file can be made");
    let mut command = office.home.command(["serve"]);
    command.env("COUNTERSIGN_FAULT_DIR", &folder);
    let server = Child::start(command, "");
    let failing = "SELECT count(*) FROM crm_engine_processes, jsonb_array_elements(parts) p
      WHERE p->>'name' = 'dispatcher' AND p->>'health' = 'restarting' AND p->>'error' LIKE 'the claimer of the dispatcher%'";
    crate::until("the others can read what happened", || office.home.count(failing) == 1);
    std::fs::remove_file(&fault).expect("the fault goes");
    crate::until("everything is sent", || office.provider.ledger().len() == 3);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
    office.sent_each_once(3);
}

/// A server may start before its first company; it says so and waits.
#[test]
fn without_a_company_it_waits() {
    let mut home = crate::home::Home::new();
    home.keep_server();
    let server = home.start(&["serve"]);
    crate::until("it waits", || home.logs().contains("waiting: there is no company yet"));
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    crate::until("it works", || home.count(SEEN) == 1);
    server.signal(Signal::INT);
    server.finish().ends_with(0);
}
