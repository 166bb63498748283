//! A backup of the private server is restored: what was sent since is not in it.
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use countersign_core::db::private;

use crate::home::Home;
use crate::office::Office;
use crate::screen::Screen;

/// Copies a folder as it is, owners and times as well.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success(), "{} is copied", from.display());
}

fn until_stopped(home: &Home) {
    crate::until("the server stops with its last user", || {
        let status = private::status(&home.location());
        !status.running && status.supervisor.is_none()
    });
}

/// Puts a backup in the place of the data, for a server that recovers from it as from an archive: it ends on a new timeline.
fn restore(home: &Home, backup: &Path) {
    let data = home.path("data/countersign/pg/data");
    fs::rename(&data, home.path("lost")).expect("the data is moved away");
    copy(backup, &data);
    let signal = data.join("recovery.signal");
    fs::write(&signal, "").expect("the file is made");
    // PostgreSQL, who may be somebody else, takes it away when it is done.
    fs::set_permissions(&signal, Permissions::from_mode(0o666)).expect("it may");
    let settings = data.join("postgresql.auto.conf");
    let mut text = fs::read_to_string(&settings).expect("it is there");
    text.push_str("restore_command = 'false'\n");
    fs::write(settings, text).expect("written");
}

/// F22: a backup from before the messages left is restored. It calls them approved, but nothing leaves before an admin says so: the
/// engines end with the reason, the console shows it, and what is sent again then goes under the same keys.
#[test]
fn a_restored_backup_sends_nothing_before_an_admin_says_so() {
    let mut office = Office::with_approved(3);
    let backup = office.home.path("backup");
    let data = office.home.path("data/countersign/pg/data");
    office.home.let_go();
    until_stopped(&office.home);
    copy(&data, &backup);
    office.dispatch().finish().ends_with(0);
    let seen = office.provider.seen().count;
    assert_eq!((office.provider.ledger().len(), seen), (3, 3));
    until_stopped(&office.home);
    restore(&office.home, &backup);

    for words in [&["dispatch", "--until-idle"][..], &["serve"]] {
        office
            .home
            .run(words)
            .ends_with(4)
            .complains("on another server than before (timeline 2, was 1)")
            .complains("countersign db accept-server");
    }
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("dispatcher halted");
    screen.shows("HALTED: the database is on another server");
    screen.send("9");
    screen.shows("halted, ");
    assert_eq!(office.provider.seen().count, seen, "nothing was sent");

    // The console goes on by itself.
    office.home.run(&["db", "accept-server"]).ends_with(0);
    screen.shows("dispatcher ok");
    crate::until("everything is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 3
    });
    screen.send("q");
    screen.ended_well();
    office.home.keep_server();
    office.sent_each_once(3);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_audit_log WHERE action = 'server.accept'"), 1);
}

/// F22: a service at work ends with the reason when the server is another one.
#[test]
fn a_service_whose_server_changed_ends() {
    let office = Office::open("0s");
    let server = office.home.start(&["serve"]);
    crate::until("it runs", || office.home.count("SELECT count(*) FROM crm_engine_processes") == 1);
    office.home.change("UPDATE crm_server SET timeline = timeline + 1");
    server.finish().ends_with(4).complains("nothing is sent until an admin runs");
}
