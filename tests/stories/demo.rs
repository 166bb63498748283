//! The demo: one command on a fresh machine, started by anyone at any time, however often.
use std::collections::HashSet;
use std::fs;

use countersign_adapters::sandbox::Ledger;
use rustix::process::Signal;

use crate::home::Home;
use crate::process;
use crate::provider::Provider;
use crate::screen::Screen;

/// R23, R26, F26, F27: two demos at once on a fresh machine share one server and one company; each sees what the other decides; one
/// is killed and the other goes on; after the last one nothing runs and everything is kept.
#[test]
fn two_demos_at_once_are_one_company() {
    let home = Home::new();
    let (mut one, mut other) = (Screen::open(&home, &["demo"]), Screen::open(&home, &["demo"]));
    for screen in [&one, &other] {
        screen.shows("Acme Renovation");
        screen.shows(" pending");
        screen.shows(" of 17  outbox freshness");
        assert!(screen.contents().contains("sandbox"), "{}", screen.contents());
    }
    assert_eq!(postmasters(&home), 1, "both consoles work on one server");
    let pending = number_before(&one.contents(), " pending");
    assert_eq!(number_before(&other.contents(), " pending"), pending, "there is one company");

    // Without a key press in the other one.
    let rejected = reject_the_first(&mut one);
    other.shows(&approvals(pending - 1));
    other.until("the list follows the number above it", |screen| {
        let contents = screen.contents();
        let chosen = contents.lines().find(|line| line.starts_with('▌'));
        chosen.is_some_and(|line| !line.contains(&rejected))
    });

    one.signal(Signal::KILL);
    one.ended();
    reject_the_first(&mut other);
    other.shows(&approvals(pending - 2));
    let mut third = Screen::open(&home, &["demo"]);
    third.shows(&approvals(pending - 2));
    assert_eq!(postmasters(&home), 1, "a third one joins them");
    for screen in [&mut other, &mut third] {
        screen.send("q");
        screen.ended_well();
    }
    home.is_deserted();

    let again = home.run(&["demo", "--seed-only"]).ends_with(0);
    assert!(again.out.contains("filled already"), "{}", again.out);
    let mut last = Screen::open(&home, &["demo"]);
    last.shows(&approvals(pending - 2));
    last.send("q");
    last.ended_well();
}

/// S17: what the demo sends goes to its own sandbox provider, wherever the configuration sends mail.
#[test]
fn nothing_of_the_demo_leaves_its_sandbox() {
    let (mut home, elsewhere) = (Home::new(), Home::new());
    let decoy = Provider::start(&elsewhere);
    home.set("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", &decoy.url());
    home.keep_server();
    home.run(&["demo", "--seed-only"]).ends_with(0);
    let (name, to): (String, String) = home.on("countersign_demo", async |conn| {
        let at_once = "UPDATE crm_outboxes SET undo_window_secs = 0";
        sqlx::query(at_once).execute(&mut *conn).await.expect(at_once);
        let shortest = "SELECT c.name, d.recipient FROM crm_activities a
            JOIN crm_activity_details d ON d.activity_id = a.id JOIN crm_contacts c ON c.id = a.contact_id
            JOIN crm_outboxes o ON o.id = a.outbox_id JOIN crm_payloads p ON p.payload_sha256 = a.payload_sha256
            WHERE a.status = 'draft_pending_approval' AND a.kind = 'follow_up' AND o.name = 'main' AND c.name ~ '^[A-Za-z ]+$'
            ORDER BY octet_length(p.envelope), a.id LIMIT 1";
        sqlx::query_as(shortest).fetch_one(conn).await.expect(shortest)
    });
    let mut screen = Screen::open(&home, &["demo"]);
    screen.shows(" of 17  outbox freshness");
    screen.send("/");
    screen.shows("Filter:");
    screen.send(&format!("{to}\r"));
    screen.shows(&format!("To        {to}"));
    screen.shows(" of 17  outbox freshness");
    assert!(
        !screen.contents().contains("email goes to"),
        "the banner speaks of where this company's mail goes"
    );
    screen.approve(&name);
    let ledger = home.path("data/countersign/sandbox/ledger.jsonl");
    crate::until("the sandbox provider accepts it", || {
        let entries =
            Ledger::open(&ledger).and_then(|ledger| ledger.entries()).expect("the ledger can be read");
        entries.iter().any(|entry| entry.to == [to.as_str()])
    });
    assert_eq!(decoy.seen().count, 0);
    screen.send("q");
    screen.ended_well();
}

/// What waits on the other channels leaves as well, each message once, for the provider that the sandbox plays for it.
#[test]
fn every_channel_of_the_demo_reaches_the_sandbox() {
    let mut home = Home::new();
    home.keep_server();
    home.run(&["demo", "--seed-only"]).ends_with(0);
    let due: i64 = home.on("countersign_demo", async |conn| {
        let at_once =
            "UPDATE crm_activities SET send_after = now() WHERE status = 'approved' AND channel <> 'email'";
        let due = sqlx::query(at_once).execute(&mut *conn).await.expect(at_once).rows_affected();
        i64::try_from(due).expect("a few")
    });
    assert!(due >= 5, "{due} are due");
    let mut screen = Screen::open(&home, &["demo"]);
    screen.shows(" of 17  outbox freshness");
    let ledger = home.path("data/countersign/sandbox/ledger.jsonl");
    let of = |provider: &str| {
        let entries =
            Ledger::open(&ledger).and_then(|ledger| ledger.entries()).expect("the ledger can be read");
        entries.into_iter().filter(|entry| entry.provider.as_deref() == Some(provider)).count()
    };
    let all = || ["twilio", "calcom", "linkedin", "instagram"].map(of);
    crate::until("every provider has what waited", || all().iter().all(|count| *count > 0));
    let sent = || {
        home.on("countersign_demo", async |conn| {
            let sent = "SELECT count(*) FROM crm_activities WHERE status = 'sent' AND channel <> 'email'
                AND first_wire_at > now() - interval '5 minutes'";
            sqlx::query_scalar::<_, i64>(sent).fetch_one(conn).await.expect(sent)
        })
    };
    crate::until("all of it is sent", || sent() == due);
    screen.send("q");
    screen.ended_well();
    assert_eq!(all().iter().sum::<usize>(), usize::try_from(due).expect("a few"));
}

/// R18: a task of the sandbox provider that dies is named on Activity and started again, on the same port; then it accepts what it
/// was asked meanwhile, once.
#[test]
fn a_dead_task_of_the_sandbox_provider_is_started_again() {
    let mut home = Home::new();
    let faults = home.path("faults");
    fs::create_dir_all(&faults).expect("a folder can be made");
    home.set("COUNTERSIGN_FAULT_DIR", faults.to_str().expect("a path of ours is text"));
    home.keep_server();
    home.run(&["demo", "--seed-only"]).ends_with(0);
    let due: i64 = home.on("countersign_demo", async |conn| {
        let at_once = "UPDATE crm_activities SET send_after = now() WHERE status = 'approved'";
        sqlx::query(at_once).execute(&mut *conn).await.expect(at_once);
        let due = "SELECT count(*) FROM crm_activities WHERE status = 'approved' AND channel = 'email'";
        sqlx::query_scalar(due).fetch_one(conn).await.expect(due)
    });
    assert!(due > 0, "something is due");
    let planted = ["sandbox_listener", "sandbox_ledger"].map(|name| faults.join(format!("{name}.panic")));
    for fault in &planted {
        fs::write(fault, b"").expect("a file can be made");
    }
    let mut screen = Screen::open(&home, &["demo"]);
    screen.shows(" of 17  outbox freshness");
    screen.send("9");
    for (name, fault) in ["sandbox provider", "sandbox ledger"].into_iter().zip(&planted) {
        screen.until("the task is named with its error", |screen| {
            let contents = screen.contents();
            let line = contents.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
            line.contains("! failed, restarting")
                && line.contains(", restarted ")
                && line.contains("panicked: asked to fail")
        });
        fs::remove_file(fault).expect("the fault goes");
    }
    let ledger = home.path("data/countersign/sandbox/ledger.jsonl");
    let entries =
        || Ledger::open(&ledger).and_then(|ledger| ledger.entries()).expect("the ledger can be read");
    crate::until("the sandbox provider accepts again", || !entries().is_empty());
    screen.until("both tasks are well again", |screen| {
        let contents = screen.contents();
        let is_well = |name: &str| {
            let words = contents.lines().find_map(|line| line.trim_start().strip_prefix(name));
            words.is_some_and(|words| words.trim_start().starts_with("ok, "))
        };
        is_well("sandbox provider") && is_well("sandbox ledger")
    });
    // Where a provider keeps no keys, each line is a message of its own.
    let keys: Vec<_> = entries().into_iter().map(|entry| entry.idempotency_key.unwrap_or(entry.id)).collect();
    let different: HashSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len(), "nothing was accepted twice");
    screen.send("q");
    screen.ended_well();
}

/// R26: filling says what it made and what the demo cannot do yet; starting over forgets every decision.
#[test]
fn a_fresh_demo_starts_over() {
    let home = Home::new();
    let filled = home.run(&["demo", "--seed-only"]).ends_with(0).out;
    let least = [
        (" outboxes", 5),
        (" contacts", 200),
        (" accounts", 40),
        (" pending", 120),
        (" holding", 10),
        (" uncertain", 3),
    ];
    for (what, least) in least {
        assert!(number_before(&filled, what) >= least, "{least}{what} at least:\n{filled}");
    }
    assert!(filled.contains("all five channels lead to the built-in sandbox"), "{filled}");
    let pending = number_before(&filled, " pending");
    let mut screen = Screen::open(&home, &["demo"]);
    screen.shows(&approvals(pending));
    screen.shows(" of 17  outbox freshness");
    reject_the_first(&mut screen);
    screen.shows(&approvals(pending - 1));
    screen.send("q");
    screen.ended_well();
    let fresh = home.run(&["demo", "--fresh", "--seed-only"]).ends_with(0).out;
    assert_eq!(number_before(&fresh, " pending"), pending, "{fresh}");
}

/// The tab of the first screen.
fn approvals(pending: u32) -> String {
    format!("1 Approvals {pending} ")
}

/// The number in front of a word.
#[track_caller]
fn number_before(text: &str, word: &str) -> u32 {
    let before = text.split(word).next().unwrap_or_default();
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("no number before `{word}` in\n{text}"))
}

/// Rejects the first message of the list. Returns whom it was for.
fn reject_the_first(screen: &mut Screen) -> String {
    screen.send("x");
    screen.shows("Reject 1 message, reason:");
    screen.send("not now\r");
    let mut rejected = None;
    screen.until("the decision is answered", |screen| {
        let contents = screen.contents();
        rejected =
            contents.lines().find_map(|line| line.trim().strip_prefix("rejected: ").map(str::to_owned));
        rejected.is_some()
    });
    rejected.expect("the screen named somebody")
}

/// How many servers run. A child that was started this moment carries its server's words until it has its own.
fn postmasters(home: &Home) -> usize {
    let data = home.path("data/countersign/pg/data").display().to_string();
    let is_server = |number: &process::Number| {
        let words = process::words(*number);
        words.contains(&format!("-D {data}")) && !words.contains("private-server")
    };
    let servers: Vec<_> = home.processes().into_iter().filter(is_server).collect();
    let is_child = |number| process::parent(number).is_some_and(|parent| servers.contains(&parent));
    servers.iter().filter(|number| !is_child(**number)).count()
}
