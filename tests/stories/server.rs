//! The private server as the rest of the machine sees it.
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::home::Home;
use crate::process;
use crate::screen::Screen;

/// Says that a story was not told, so that a green run is not mistaken for a proof.
fn only_for_root(story: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let _ = writeln!(std::io::stderr(), "NOT RUN: {story} needs root");
    }
    is_root
}

/// R23: nobody else gets at the server: no TCP, a socket in a closed folder, passwords only we can read.
#[test]
fn the_server_is_reached_by_its_user_alone() {
    let mut home = Home::new();
    home.keep_server();
    let mode =
        |name: &str| fs::metadata(home.path("data/countersign/pg").join(name)).expect(name).mode() & 0o777;
    assert_eq!(mode("run"), 0o700, "the folder of the socket");
    assert_eq!(mode("data"), 0o700, "the data");
    assert_eq!(mode("pgpass"), 0o600, "the password");
    home.run(&["db", "migrate"]).ends_with(0);
    assert_eq!(home.texts("SELECT setting FROM pg_settings WHERE name = 'listen_addresses'"), [""]);
    assert_eq!(home.texts("SELECT setting FROM pg_settings WHERE name = 'fsync'"), ["on"]);
    assert_eq!(
        home.count("SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper"),
        0,
        "no superuser"
    );
}

/// R23: started by root, PostgreSQL runs as somebody else; its supervisor stays.
#[test]
fn for_root_the_server_runs_as_an_unprivileged_user() {
    if !only_for_root("for_root_the_server_runs_as_an_unprivileged_user") {
        return;
    }
    let mut home = Home::new();
    home.keep_server();
    let (supervisor, postmaster) = home.server();
    assert_eq!(process::user(supervisor), Some(0));
    let user = process::user(postmaster).expect("it runs");
    assert_ne!(user, 0, "PostgreSQL never runs as root");
    let servers =
        home.processes().into_iter().filter(|number| process::words(*number).starts_with("postgres"));
    for number in servers {
        assert_eq!(process::user(number), Some(user), "{}", process::words(number));
    }
}

/// R23: a place the unprivileged user cannot reach is named with what to do, before anything is made there.
#[test]
fn a_place_the_server_cannot_reach_is_explained() {
    if !only_for_root("a_place_the_server_cannot_reach_is_explained") {
        return;
    }
    let home = Home::new();
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o700)).expect("the mode can be changed");
    let answer = home.run(&["db", "migrate"]).ends_with(5);
    assert!(
        answer.err.contains(&home.path("").display().to_string().trim_end_matches('/').to_owned()),
        "{}",
        answer.err
    );
}

/// A start that takes long names its steps, how long it has waited and until when it will.
#[test]
fn a_slow_start_tells_what_it_waits_for() {
    let mut home = Home::new();
    home.keep_server();
    let (_, postmaster) = home.server();
    let programs = fs::read_link(format!("/proc/{postmaster}/exe")).expect("it is a program");
    home.let_go();
    home.is_deserted();
    fs::remove_dir_all(home.path("data")).expect("the data can be removed");

    // Programs that wait for a file before they do what they are for.
    let place = home.path("slow");
    fs::create_dir(&place).expect("a folder can be made");
    for (name, waits_for, on) in [("initdb", "made", "*"), ("postgres", "started", "*logging_collector*")] {
        let (file, program) = (home.path(waits_for), programs.with_file_name(name));
        let words = format!(
            "#!/bin/sh\ncase \"$*\" in {on}) while [ ! -e {} ]; do sleep 0.05; done;; esac\nexec {} \"$@\"\n",
            file.display(),
            program.display()
        );
        fs::write(place.join(name), words).expect("a file can be written");
        fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o755)).expect("it can be run");
    }
    home.set("PG_BINDIR", place.to_str().expect("a path of ours is text"));
    let mut screen = Screen::open(&home, &["companies", "list"]);
    screen.shows("starting PostgreSQL · step 1 of 2: initdb makes the data · ");
    screen.shows(" s, given up in 5");
    fs::write(home.path("made"), b"").expect("a file can be made");
    screen.shows("starting PostgreSQL · step 2 of 2: the server starts · ");
    fs::write(home.path("started"), b"").expect("a file can be made");
    screen.ended_well();
    screen.hides("starting PostgreSQL");
}
