//! A credential goes to the provider and to nobody else.
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::home::Home;
use crate::office::{CREDENTIAL, Office};
use crate::process;
use crate::screen::Screen;

/// Files under a folder that hold a text.
pub(crate) fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_with(&path, text)),
            Ok(kind) if kind.is_file() && holds(&fs::read(&path).unwrap_or_default(), text) => {
                found.push(path.display().to_string());
            }
            _ => {}
        }
    }
    found
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// S22, C12: with everything logged, a credential that was stored, used, refused and shown is in no output, file, table or process.
#[test]
fn a_credential_is_found_nowhere() {
    let mut office = Office::open("0s");
    office.home.set("COUNTERSIGN_LOG__LEVEL", "trace");
    office.import(4);
    office.approve_all();
    office.provider.fails(r#"[{"fault":"error-after-accept","times":1},{"fault":"half-body","times":1}]"#);
    let mut outputs: Vec<String> = Vec::new();
    let mut screen = Screen::open(&office.home, &[]);
    crate::until("everything is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 4
    });
    for number in office.home.processes() {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{number}/{file}")).unwrap_or_default();
            assert!(!holds(&bytes, CREDENTIAL), "{file} of {}", process::words(number));
        }
    }
    screen.send("2");
    screen.shows("quota today");
    screen.send("q");
    screen.ended_well();
    outputs.push(String::from_utf8_lossy(&screen.bytes()).into_owned());
    let known = office.home.json(&["queue", "list"]).to_string();
    let commands: [&[&str]; 6] = [
        &["secrets", "list"],
        &["secrets", "list", "--json"],
        &["outboxes", "list", "--json"],
        &["db", "status"],
        &["db", "url"],
        &["secrets", "set", "UPPER CASE IS REFUSED"],
    ];
    for words in commands {
        let answer = office.home.run_with(words, CREDENTIAL);
        outputs.extend([answer.out, answer.err]);
    }
    outputs.push(known);
    let leak = outputs.iter().find(|output| output.contains(CREDENTIAL));
    assert_eq!(leak, None);
    assert!(office.home.logs().contains("TRACE"), "the log was at its most talkative");
    // Data files, write-ahead log, server log, our log, ledger.
    assert_eq!(files_with(&office.home.path(""), CREDENTIAL), Vec::<String>::new());
}

/// S22, I8: the key that opens the credentials belongs to its owner, and one that others can read is refused.
#[test]
fn the_key_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = Office::open("0s");
    let key = office.home.path("data/countersign/master.key");
    assert_eq!(fs::metadata(&key).expect("it was made").mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("the mode can be changed");
    let refused =
        office.home.run_with(&["secrets", "set", "resend"], CREDENTIAL).ends_with(1).complains("chmod 600");
    let text = fs::read_to_string(&key).expect("it can be read");
    assert!(!refused.err.contains(text.trim()) && !refused.err.contains(CREDENTIAL));
}

/// S22: a key from the environment is not handed on to the server and its keeper.
#[test]
fn a_key_from_the_environment_stays_with_the_command() {
    const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
    let mut home = Home::new();
    home.set("COUNTERSIGN_MASTER_KEY", KEY);
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    let mut screen = Screen::open(&home, &[]);
    screen.shows("1 Approvals 0");
    home.run_with(&["secrets", "set", "resend"], CREDENTIAL).ends_with(0);
    assert!(!home.path("data/countersign/master.key").exists(), "no second key is made");
    let console = screen.number();
    for number in home.processes().into_iter().filter(|number| *number != console) {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{number}/{file}")).unwrap_or_default();
            assert!(!holds(&bytes, KEY), "{file} of {}", process::words(number));
        }
    }
    screen.send("q");
    screen.ended_well();
    assert_eq!(files_with(&home.path(""), KEY), Vec::<String>::new());
}

/// S22: a password in `DATABASE_URL` is not repeated, whatever is wrong with it.
#[test]
fn a_database_password_is_not_repeated() {
    let mut home = Home::new();
    for url in ["postgres://ana:pw_canary_77@127.0.0.1:1/none", "postgres//ana:pw_canary_77@nowhere"] {
        home.set("DATABASE_URL", url);
        for words in [["db", "status"], ["db", "url"], ["approvals", "list"]] {
            let answer = home.run(&words);
            assert!(!format!("{}{}", answer.out, answer.err).contains("canary"), "{words:?}: {answer:?}");
            assert!(words[1] == "url" || answer.code == Some(5), "{words:?}: {answer:?}");
        }
    }
    assert_eq!(files_with(&home.path(""), "pw_canary"), Vec::<String>::new());
}
