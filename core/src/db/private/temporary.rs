//! A server for one test process that leaves nothing behind, however the process ends.
//!
//! A test binary's `main` belongs to the test harness, so it cannot be its own supervisor. A small shell script is the
//! parent instead: it reads from a pipe, and when this process ends the pipe ends with it. Then the script stops the
//! server and removes the folder. Nothing but a `kill -9` of that script itself can leave something behind.
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::error::PrivateError;
use super::folders::{self, ServiceUser};
use super::location::{socket_file, socket_options};
use super::probe::{Answer, probe};
use super::{ADMIN_ROLE, CLIENT_ROLE, binaries, cluster, credentials, hidden, server};
use crate::clock;

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the folder, the folder of the programs, the client role, the words for initdb, and the server's arguments.
///
/// The subshell turns into the server, so `$!` is the server. Until its handlers stand it ignores the signal, hence
/// the repetition; `sleep` lets the shell reap it, which ends the repetition.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
umask 077
folder=$1 programs=$2 role=$3 init=$4
shift 4
mkdir "$folder" || exit 1
(
  "$programs/initdb" -D "$folder/data" $init >&2 &&
  echo "CREATE ROLE $role LOGIN CREATEDB" |
    "$programs/postgres" --single -D "$folder/data" -F -c exit_on_error=on postgres >&2 &&
  exec "$programs/postgres" -D "$folder/data" "$@"
) 2>"$folder/log" </dev/null &
server=$!
exec >/dev/null
read -r _
signal=INT tries=0
while kill -s "$signal" "$server" 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || signal=QUIT
  sleep 0.05
done
rm -rf -- "$folder"
"#;

/// A running server with a cluster of its own, for tests. Whoever can reach its socket may log in.
#[derive(Debug)]
pub struct TemporaryServer {
    folder: PathBuf,
    script: Child,
    // The end of this pipe is the end of the server.
    lifeline: Option<ChildStdin>,
}

impl TemporaryServer {
    /// Creates a cluster, starts a server and waits until it takes connections. Blocks for about a second.
    ///
    /// Without `fsync` it is faster, and only a crash of the machine would show the difference.
    ///
    /// # Errors
    /// When no server programs are installed or they do not start.
    pub fn start(fsync: bool) -> Result<Self, PrivateError> {
        let service = match rustix::process::geteuid().is_root() {
            true => Some(ServiceUser::find()?),
            false => None,
        };
        let folder = parent_folder(service.as_ref())
            .join(format!("countersign-test-{}", credentials::random_hex::<6>()?));
        let programs = binaries::find(&folder, None)?.folder;
        let (mut script, lifeline, ended) = run_script(&folder, &programs, service.as_ref(), fsync)
            .map_err(PrivateError::io("start a temporary server in", &folder))?;
        let give_up = clock::monotonic() + PATIENCE;
        while probe(&socket_file(&folder)) != Answer::Ready {
            let over = !matches!(ended.try_recv(), Err(TryRecvError::Empty));
            if over || clock::monotonic() >= give_up {
                let output = last_lines(&folder);
                drop(lifeline);
                let _ = script.wait();
                return Err(PrivateError::NotStarted { path: folder, output });
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { folder, script, lifeline: Some(lifeline) })
    }

    /// Options to connect as the client role, which owns the databases it creates and is no superuser.
    #[must_use]
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        socket_options(&self.folder, CLIENT_ROLE, database)
    }

    /// Options to connect as the superuser.
    #[must_use]
    pub fn admin_options(&self, database: &str) -> PgConnectOptions {
        socket_options(&self.folder, ADMIN_ROLE, database)
    }

    /// The folder with the socket and the data, for the environment of a child process (`PGHOST`).
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for TemporaryServer {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.script.wait();
    }
}

/// Where temporary files go, unless that is too deep for a socket or closed to the service user.
fn parent_folder(service: Option<&ServiceUser>) -> PathBuf {
    let usual = std::env::temp_dir();
    let name = "countersign-test-0123456789ab/.s.PGSQL.5432";
    let fits = usual.join(name).as_os_str().len() <= 100;
    let open = service.is_none_or(|user| folders::ensure_reachable(&usual.join(name), user).is_ok());
    if fits && open { usual } else { PathBuf::from("/tmp") }
}

/// Starts the script. The receiver wakes when the server, or the attempt to make one, has ended.
fn run_script(
    folder: &Path,
    programs: &Path,
    service: Option<&ServiceUser>,
    fsync: bool,
) -> std::io::Result<(Child, ChildStdin, mpsc::Receiver<()>)> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SCRIPT).arg("sh");
    command.arg(folder).arg(programs).arg(CLIENT_ROLE);
    command.arg(format!("{} --auth=trust --no-sync", cluster::INITDB.join(" ")));
    command.args(server::arguments(folder, fsync));
    hidden::clear_environment(&mut command);
    // Its own group: Ctrl-C and a killed group of test processes must not take the script with them.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(user) = service {
        command.uid(user.uid).gid(user.gid);
    }
    let mut script = command.spawn()?;
    let (Some(lifeline), Some(mut output)) = (script.stdin.take(), script.stdout.take()) else {
        return Err(std::io::Error::other("a pipe is missing"));
    };
    let (sender, ended) = mpsc::channel();
    thread::Builder::new().name("temporary-server".into()).spawn(move || {
        // Nothing is ever written: only the server holds the other end, so this returns when it is gone.
        let _ = output.read_to_end(&mut Vec::new());
        let _ = sender.send(());
    })?;
    Ok((script, lifeline, ended))
}

fn last_lines(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    server::last_lines(&lines)
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, PgConnection};

    use super::*;

    /// C10, R23: the server can be used by a role that is no superuser, and nothing is left of it.
    #[tokio::test]
    async fn a_temporary_server_works_and_leaves_nothing() {
        let server = tokio::task::spawn_blocking(|| TemporaryServer::start(false)).await.unwrap().unwrap();
        let mut connection = PgConnection::connect_with(&server.connect_options("postgres")).await.unwrap();
        let superuser: String = sqlx::query_scalar("SELECT current_setting('is_superuser')")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(superuser, "off");
        sqlx::query("CREATE DATABASE first").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let folder = server.folder().to_owned();
        drop(server);
        assert!(!folder.exists());
    }
}
