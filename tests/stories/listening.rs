//! A service that is called: by providers, by others, by too many, and while it cannot work.
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::Signal;

use crate::caller::{KEY, ask, booking, endpoint, get, place, signed, unsigned};
use crate::child::Child;
use crate::database_lost::keep_stopped;
use crate::home::Home;
use crate::process;
use crate::resources::limited;
use crate::screen::Screen;

const EVENTS: &str = "SELECT count(*) FROM crm_inbound_events";

/// A company whose engines listen at a port of their own.
fn company() -> Home {
    let mut home = Home::new();
    home.keep_server();
    home.set("COUNTERSIGN_LISTENER__LISTEN", "127.0.0.1:0");
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    home
}

fn serve(home: &Home) -> (Child, SocketAddr) {
    let server = home.start(&["serve", "--json"]);
    let place = place(home);
    crate::until("it is ready", || get(place, "/readyz").is_some_and(|(status, _)| status == 200));
    (server, place)
}

/// R12, S26, S35: what a provider signed is on file and applied; what it did not sign is counted; nobody's words are in the log.
#[test]
fn a_provider_is_heard_and_nobody_else() {
    let mut home = company();
    home.set("COUNTERSIGN_LOG__LEVEL", "trace");
    let path = endpoint(&home);
    let (server, place) = serve(&home);
    for _ in 0..2 {
        let (status, text) = ask(place, signed(&path, &booking(1)).as_bytes()).expect("an answer");
        assert_eq!(status, 200, "{text}");
        assert_eq!(home.count(EVENTS), 1, "acknowledged and on file, once");
    }
    let forged = unsigned(&path, &format!("X-Cal-Signature-256: {}\r\n", "0".repeat(64)), &booking(2));
    assert_eq!(ask(place, forged.as_bytes()).map(|(status, _)| status), Some(401));
    assert_eq!(ask(place, unsigned(&path, "", &booking(3)).as_bytes()).map(|(status, _)| status), Some(401));
    assert_eq!(home.count(EVENTS), 1, "what is not proven is not kept");
    let metrics = get(place, "/metrics").expect("an answer").1;
    assert!(
        metrics.contains("countersign_webhooks_total{provider=\"cal-com\",verdict=\"refused\"} 2\n"),
        "{metrics}"
    );
    assert!(metrics.contains("countersign_tick_seconds_count "), "{metrics}");
    crate::until("somebody looked at it", || {
        home.count("SELECT count(*) FROM crm_inbound_events WHERE tries > 0 OR state <> 'stored'") == 1
    });
    server.signal(Signal::TERM);
    let answer = server.finish().ends_with(0);
    assert_eq!(answer.json()["listener"], place.to_string());
    let listed = home.json(&["webhooks", "list"]);
    assert_eq!(listed["items"][0]["refused"], 2, "{listed}");
    for text in [answer.err, answer.out, home.logs(), listed.to_string()] {
        assert!(!text.contains("canary") && !text.contains("Canary"), "{text}");
    }
}

/// The command line: a secret comes in and never goes out, and what is removed is gone.
#[test]
fn endpoints_are_kept_from_the_command_line() {
    let mut home = company();
    home.run_with(&["webhooks", "add", "twilio"], KEY).ends_with(2).complains("twilio signs the address");
    let words = ["webhooks", "add", "twilio", "--url", "https://crm.example.com/in?a=1", "--json"];
    let twilio = home.run_with(&words, KEY).ends_with(0).json();
    let path = twilio["path"].as_str().expect("a path");
    assert_eq!(twilio["url"], format!("https://crm.example.com/in{path}?a=1"));
    home.run_with(&["webhooks", "add", "smoke-signals"], KEY)
        .ends_with(2)
        .complains("use one of resend, twilio");
    home.set("COUNTERSIGN_LISTENER__PUBLIC_URL", "https://hooks.example.com");
    home.run_with(&["webhooks", "add", "resend"], "re_canary_an_api_key")
        .ends_with(2)
        .complains("is not base64");
    let meta = home.run_with(&["webhooks", "add", "instagram", "--json"], KEY).ends_with(0).json();
    assert!(
        meta["url"]
            .as_str()
            .expect("an address")
            .starts_with("https://hooks.example.com/webhooks/instagram/")
    );
    assert!(meta["verifyToken"].as_str().expect("a token").starts_with("csv_"));
    let id = twilio["id"].as_str().expect("an id");
    home.run_with(&["webhooks", "rotate", id], "another_canary_secret").ends_with(0);
    assert_eq!(home.json(&["webhooks", "list"])["items"][1]["secrets"], 2);
    home.run_with(&["webhooks", "rotate", id, "--revoke-old"], "a third canary secret").ends_with(0);
    let listed = home.json(&["webhooks", "list"]);
    assert_eq!(
        (&listed["items"][1]["secrets"], &listed["items"][1]["provider"]),
        (&1.into(), &"twilio".into())
    );
    home.run(&["webhooks", "remove", id]).ends_with(0);
    home.run(&["webhooks", "remove", id]).ends_with(1).complains("is not known");
    assert_eq!(home.json(&["webhooks", "list"])["items"].as_array().map(Vec::len), Some(1));
    let shown = home.run(&["webhooks", "list"]).out + &home.run(&["secrets", "list"]).out;
    assert!(!shown.contains(KEY) && !shown.contains("third"), "{shown}");
    let kept = home.count("SELECT count(*) FROM crm_secrets WHERE revoked_at IS NULL");
    assert_eq!(kept, 1, "the secrets of what was removed are revoked");
}

/// S30: no hostile body costs more than 8 MiB, however many come at once.
#[test]
fn hostile_bodies_cost_little_memory() {
    const MIB: usize = 1024 * 1024;
    let home = company();
    let path = endpoint(&home);
    let (server, place) = serve(&home);
    let head = |lines: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n");
    let plain = |size: usize| (head(&format!("Content-Length: {size}\r\n")) + &"a".repeat(size)).into_bytes();
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "a".repeat(64 * 1024));
    let chunked = (head("Transfer-Encoding: chunked\r\n") + &chunk.repeat(3 * 16)).into_bytes();
    let declared = head("Content-Length: 10737418240\r\n").into_bytes();
    let bomb =
        (head("Content-Encoding: gzip\r\nContent-Length: 200000\r\n") + &"\x1f".repeat(200_000)).into_bytes();
    let hostile = [plain(3 * MIB), plain(MIB), plain(MIB - 1), chunked, declared, bomb];
    for _ in 0..50 {
        assert_eq!(ask(place, signed(&path, &booking(1)).as_bytes()).map(|(status, _)| status), Some(200));
    }
    // The highest mark counts from here.
    let number = server.number();
    std::fs::write(format!("/proc/{number}/clear_refs"), "5").expect("the mark can be set back");
    let before = memory(number, "VmHWM:");
    std::thread::scope(|scope| {
        for turn in 0..8 {
            let hostile = &hostile;
            scope.spawn(move || {
                for request in hostile.iter().cycle().skip(turn).take(3 * hostile.len()) {
                    let status = ask(place, request).map(|(status, _)| status);
                    assert!(status.is_none_or(|status| [401, 413, 415].contains(&status)), "{status:?}");
                }
            });
        }
        for number in 0..20 {
            let answer = ask(place, signed(&path, &booking(100 + number)).as_bytes());
            assert_eq!(answer.map(|(status, _)| status), Some(200), "good ones are served meanwhile");
        }
    });
    let grown = memory(number, "VmHWM:").saturating_sub(before);
    assert!(grown <= 8 * 1024, "it grew by {grown} KiB from {before} KiB");
    assert_eq!(home.count(EVENTS), 21);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
}

/// KiB that the kernel counts for a process.
fn memory(number: process::Number, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{number}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is counted");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

/// F29: callers that use up all file handles; when they have gone it is listened again.
#[test]
fn out_of_file_handles_it_goes_on() {
    const FILES: u32 = 64;
    let home = company();
    let path = endpoint(&home);
    let server = Child::start(limited(&home.command(["serve"]), FILES), "");
    let place = place(&home);
    let crowd: Vec<TcpStream> =
        (0..2 * FILES).map(|_| TcpStream::connect(place).expect("the kernel takes it")).collect();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", server.number())).map_or(0, Iterator::count);
    crate::until("it has no handle left", || open() >= FILES as usize);
    drop(crowd);
    crate::until("it is listened again", || {
        ask(place, signed(&path, &booking(1)).as_bytes()).is_some_and(|(status, _)| status == 200)
    });
    assert_eq!(home.count(EVENTS), 1);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
}

/// F43: nothing is acknowledged while the database is away, and what comes again afterwards is on file.
#[test]
fn while_the_database_is_away_nothing_is_acknowledged() {
    let home = company();
    let path = endpoint(&home);
    let (server, place) = serve(&home);
    let send = |number| ask(place, signed(&path, &booking(number)).as_bytes()).map(|(status, _)| status);
    assert_eq!(send(1), Some(200));
    let stopped = keep_stopped(&home);
    crate::until("the first one fails", || send(2) == Some(503));
    for number in 3..6 {
        assert_eq!(send(number), Some(503));
    }
    assert_eq!(get(place, "/healthz").map(|(status, _)| status), Some(200), "it lives");
    assert_eq!(get(place, "/readyz").map(|(status, _)| status), Some(503), "it cannot work");
    drop(stopped);
    home.revive_server();
    for number in 2..6 {
        crate::until("it is taken when it comes again", || send(number) == Some(200));
    }
    assert_eq!(home.count(EVENTS), 5);
    server.signal(Signal::TERM);
    server.finish().ends_with(0);
}

/// Two processes of one machine: the second works without a listener, says so, and takes over.
#[test]
fn the_second_process_says_that_it_does_not_listen() {
    let mut home = company();
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let place = free.local_addr().expect("an address");
    drop(free);
    home.set("COUNTERSIGN_LISTENER__LISTEN", &place.to_string());
    let mut screen = Screen::open(&home, &[]);
    screen.shows(&format!("listener :{}", place.port()));
    let second = home.start(&["serve"]);
    let said = format!("no listener (another process has {place}");
    crate::until("it says so", || home.logs().contains(&said));
    screen.send("q");
    screen.ended_well();
    crate::until("it takes over", || get(place, "/healthz").map(|(status, _)| status) == Some(200));
    second.signal(Signal::TERM);
    let answer = second.finish().ends_with(0);
    assert!(answer.out.contains(&said), "{}", answer.out);
}

/// A port of somebody else: a console says that it does not listen, and does when that falls free; `serve` ends and says why.
#[test]
fn a_port_of_another_program_is_told() {
    let mut home = company();
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = other.local_addr().expect("an address");
    home.set("COUNTERSIGN_LISTENER__LISTEN", &taken.to_string());
    let mut screen = Screen::open(&home, &[]);
    screen.shows(&format!("! no listener, :{} is taken", taken.port()));
    home.run(&["serve"]).ends_with(2).complains(&format!("{taken} belongs to another program"));
    let listed = "SELECT count(*) FROM crm_engine_processes";
    assert_eq!(home.count(listed), 1, "nothing of it stays but the console");
    drop(other);
    screen.shows(&format!("listener :{}", taken.port()));
    assert_eq!(get(taken, "/healthz").map(|(status, _)| status), Some(200));
    screen.send("q");
    screen.ended_well();
}

/// What cannot be listened at is refused in one sentence, before anything is started.
#[test]
fn a_place_that_cannot_be_is_refused() {
    let mut home = company();
    home.run(&["serve", "--listen", "8787"])
        .ends_with(2)
        .complains("--listen: `8787` is no address with a port");
    home.run(&["serve", "--listen", "192.0.2.1:80"])
        .ends_with(2)
        .complains("nobody can listen at 192.0.2.1:80");
    home.set("COUNTERSIGN_LISTENER__PUBLIC_URL", "http://crm.example.com");
    home.run(&["serve"]).ends_with(2).complains("listener.public_url: it has to begin with https://");
}
