//! Too few file handles: whoever cannot work says so and ends, or does all of its work; nothing stays half alive.
use std::ffi::OsString;
use std::net::TcpStream;
use std::process::Command;

use rustix::process::Signal;

use crate::child::Child;
use crate::office::Office;
use crate::process;
use crate::provider::Provider;

/// The same command, with at most so many open files.
pub(crate) fn limited(command: &Command, files: u32) -> Command {
    let mut limited = Command::new("sh");
    let words = format!("ulimit -n {files} && exec \"$@\"");
    let program = [OsString::from("sh"), command.get_program().to_owned()];
    limited.args([OsString::from("-c"), words.into()]).args(program).args(command.get_args()).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

/// F29: a dispatcher with ever more file handles: it ends with an error, or with everything sent, or says at the messages or in its log
/// that no connection can be made and ends well when told to. A later one with enough of them sends what is left.
#[test]
fn a_dispatcher_without_file_handles_ends_or_does_its_work() {
    let office = Office::with_approved(5);
    let count = |statement| office.home.count(statement);
    let sent = || count("SELECT count(*) FROM crm_activities WHERE status = 'sent'");
    let refused = || {
        count(
            "SELECT count(*) FROM crm_dispatch_attempts WHERE outcome = 'retry' AND evidence->>'code' = 'not_sent'",
        )
    };
    let complains = || office.home.logs().matches("dispatch waits and tries again").count();
    for files in [6, 12, 16, 17, 18] {
        let (before, complained) = (refused(), complains());
        let command = office.home.command(["dispatch", "--until-idle"]);
        let worker = Child::start(limited(&command, files), "");
        let has_ended = || matches!(process::state(worker.number()), None | Some('Z'));
        let has_said = || refused() > before || complains() > complained;
        crate::until("it ends, or says why it cannot send", || has_ended() || has_said());
        worker.signal(Signal::TERM);
        let answer = worker.finish();
        let is_honest = match answer.code {
            Some(0) => sent() == 5 || has_said(),
            Some(_) => !answer.err.is_empty(),
            None => false,
        };
        assert!(is_honest, "with {files} files: {:?}, {} sent: {}", answer.code, sent(), answer.err);
    }
    office.home.change("UPDATE crm_activities SET send_after = now() WHERE status = 'approved'");
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(5);
}

/// F29: a listener that runs out of file handles takes connections again when others have ended.
#[test]
fn a_listener_without_file_handles_goes_on() {
    const FILES: u32 = 24;
    let mut office = Office::with_approved(5);
    office.provider.stop();
    office.provider = Provider::start_by(&office.home, |command| limited(command, FILES));
    office.home.set("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", &office.provider.url());
    let connect = |_| TcpStream::connect(("127.0.0.1", office.provider.port())).expect("the kernel takes it");
    let crowd: Vec<TcpStream> = (0..2 * FILES).map(connect).collect();
    let open =
        || std::fs::read_dir(format!("/proc/{}/fd", office.provider.number())).map_or(0, Iterator::count);
    crate::until("it has no handle left", || open() >= FILES as usize);
    drop(crowd);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(5);
}
