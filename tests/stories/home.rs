//! One user's folders, and everything that runs in them. When a home goes, nothing may be left running in it.
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_core::db::private::{self, Launcher, Lease, Location};
use rustix::process::Signal;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tempfile::TempDir;

use crate::child::{Answer, Child};
use crate::process;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Lines of a log that are shown when a story fails.
const TAIL: usize = 40;

/// Isolated folders of one made-up user.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
    // Held by stories that run many commands, so that the server need not start for each of them.
    lease: Option<Lease>,
}

impl Home {
    /// Makes empty folders.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("cs-").tempdir_in("/tmp").expect("a folder can be made");
        // When root runs the stories, PostgreSQL runs as another user and has to get through.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the mode can be changed");
        Self { folder, variables: Vec::new(), lease: None }
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a variable for every command from here on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The environment of every command.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let place = |name: &str| self.path(name).display().to_string();
        let mut all = vec![
            ("HOME".to_owned(), place("")),
            ("XDG_DATA_HOME".to_owned(), place("data")),
            ("XDG_CONFIG_HOME".to_owned(), place("config")),
            ("XDG_STATE_HOME".to_owned(), place("state")),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("TERM".to_owned(), "xterm-256color".to_owned()),
            ("TZ".to_owned(), "UTC".to_owned()),
            // Stories run side by side; one that wants to be called asks for a port of its own.
            ("COUNTERSIGN_LISTENER__LISTEN".to_owned(), "off".to_owned()),
        ];
        let kept = ["PATH", "PG_BINDIR", "USER", "LOGNAME"].iter();
        all.extend(kept.filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))));
        all.retain(|(name, _)| self.variables.iter().all(|(own, _)| own != name));
        all.extend(self.variables.iter().cloned());
        all
    }

    /// A command in this home.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(BINARY);
        command.args(words).env_clear().envs(self.variables()).current_dir(self.folder.path());
        command
    }

    /// The same for a terminal.
    pub(crate) fn terminal_command(&self, words: &[&str]) -> portable_pty::CommandBuilder {
        let mut command = portable_pty::CommandBuilder::new(BINARY);
        command.args(words);
        command.env_clear();
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        command.cwd(self.folder.path());
        command
    }

    /// Starts a command.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        Child::start(self.command(words), "")
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Answer {
        self.start(words).finish()
    }

    /// Runs a command that reads standard input.
    #[track_caller]
    pub(crate) fn run_with(&self, words: &[&str], input: &str) -> Answer {
        Child::start(self.command(words), input).finish()
    }

    /// Runs a command that succeeds, and reads its JSON.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        self.run(&words).ends_with(0).json()
    }

    /// Where the private server lives.
    pub(crate) fn location(&self) -> Location {
        Location::at(self.path("data/countersign/pg"), true).expect("a place for the server")
    }

    /// Keeps the private server running between commands, until [`Home::let_go`].
    pub(crate) fn keep_server(&mut self) {
        if self.lease.is_none() {
            let lease =
                private::acquire(&self.location(), &Launcher::program(PathBuf::from(BINARY)), &|_| {});
            self.lease = Some(lease.unwrap_or_else(|error| panic!("the server does not start: {error}")));
        }
    }

    /// Brings the server back after something ended it.
    pub(crate) fn revive_server(&self) {
        let lease = self.lease.as_ref().expect("only for a home that keeps its server");
        lease.ensure_running().unwrap_or_else(|error| panic!("the server does not come back: {error}"));
    }

    /// Lets the private server stop with its last user.
    pub(crate) fn let_go(&mut self) {
        self.lease = None;
    }

    /// The process that watches over the server, and PostgreSQL's first process.
    pub(crate) fn server(&self) -> (process::Number, process::Number) {
        let supervisor = private::status(&self.location()).supervisor.expect("a supervisor runs");
        let pid_file = self.path("data/countersign/pg/data/postmaster.pid");
        let text = fs::read_to_string(pid_file).expect("PostgreSQL writes its number");
        let postmaster = text.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number");
        (supervisor, postmaster)
    }

    /// Every process of this home but the story itself.
    pub(crate) fn processes(&self) -> Vec<process::Number> {
        process::around(self.folder.path())
    }

    /// Waits until nothing runs here any more.
    #[track_caller]
    pub(crate) fn is_deserted(&self) {
        crate::until("the last process of this home ends", || self.processes().is_empty());
        let status = private::status(&self.location());
        assert!(!status.running && status.supervisor.is_none(), "the server is still there: {status:?}");
    }

    /// Works on a database as the client role does. The server has to run.
    pub(crate) fn on<T>(&self, database: &str, work: impl AsyncFnOnce(&mut PgConnection) -> T) -> T {
        let options: PgConnectOptions = self.location().connect_options(database).expect("a password");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut connection = options.connect().await.expect("the server takes connections");
            work(&mut connection).await
        })
    }

    /// One number out of the everyday database.
    #[track_caller]
    pub(crate) fn count(&self, statement: &'static str) -> i64 {
        self.on("countersign", async |conn| {
            sqlx::query_scalar(statement).fetch_one(conn).await.expect(statement)
        })
    }

    /// A column of texts out of the everyday database.
    #[track_caller]
    pub(crate) fn texts(&self, statement: &'static str) -> Vec<String> {
        self.on("countersign", async |conn| {
            sqlx::query_scalar(statement).fetch_all(conn).await.expect(statement)
        })
    }

    /// Changes the everyday database behind the program's back.
    #[track_caller]
    pub(crate) fn change(&self, statement: &'static str) {
        self.on("countersign", async |conn| {
            sqlx::query(statement).execute(conn).await.expect(statement);
        });
    }

    /// All that was logged.
    pub(crate) fn logs(&self) -> String {
        let folders = [self.path("state/countersign/log"), self.path("data/countersign/pg/log")];
        let files = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
        files
            .map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap_or_default()).into_owned())
            .collect()
    }

    fn tell_what_happened(&self) {
        let logs = self.logs();
        let lines: Vec<&str> = logs.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        let running: Vec<String> = self
            .processes()
            .into_iter()
            .map(|number| format!("{number} {}", process::words(number)))
            .collect();
        let words = format!("--- end of the logs\n{tail}\n--- running\n{}\n", running.join("\n"));
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.let_go();
        if std::thread::panicking() {
            self.tell_what_happened();
            for number in self.processes() {
                process::signal(number, Signal::KILL);
            }
            return;
        }
        self.is_deserted();
    }
}
