//! Asks a server whether it takes connections, in the way `pg_isready` does: no login, no runtime, no trace in its log.
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What stands behind a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nobody listens.
    Absent,
    /// Somebody listens but takes no connections: the server starts, stops, recovers, or does not answer in time.
    Busy,
    /// The server takes connections.
    Ready,
}

/// The protocol's name for "the database system is starting up / shutting down".
const CANNOT_CONNECT_NOW: &[u8] = b"C57P03\0";

/// Looks behind a socket.
pub(super) fn probe(socket: &Path) -> Answer {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return Answer::Absent;
    };
    let limit = Some(Duration::from_secs(1));
    let mut reply = [0; 1024];
    let answer = stream
        .set_read_timeout(limit)
        .and_then(|()| stream.set_write_timeout(limit))
        .and_then(|()| stream.write_all(&startup_message()))
        .and_then(|()| stream.read(&mut reply));
    match answer {
        Ok(length) => judge(&reply[..length]),
        Err(_) => Answer::Busy,
    }
}

fn startup_message() -> Vec<u8> {
    let parameters = format!("user\0{}\0database\0postgres\0\0", super::CLIENT_ROLE);
    let length = u32::try_from(8 + parameters.len()).expect("a constant of a few dozen bytes");
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(&[0, 3, 0, 0]);
    message.extend_from_slice(parameters.as_bytes());
    message
}

/// A request for a password and a refusal of the role both come from a server that works.
fn judge(reply: &[u8]) -> Answer {
    let refused_for_now = || reply.windows(CANNOT_CONNECT_NOW.len()).any(|part| part == CANNOT_CONNECT_NOW);
    match reply.first() {
        Some(b'R') => Answer::Ready,
        Some(b'E') if !refused_for_now() => Answer::Ready,
        _ => Answer::Busy,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::asks_for_a_password(b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0", Answer::Ready)]
    #[case::too_many_clients(b"E\0\0\0\x20SFATAL\0VFATAL\0C53300\0Msorry\0\0", Answer::Ready)]
    #[case::shutting_down(b"E\0\0\0\x20SFATAL\0VFATAL\0C57P03\0Mlater\0\0", Answer::Busy)]
    #[case::hung_up(b"", Answer::Busy)]
    fn replies_are_told_apart(#[case] reply: &[u8], #[case] expected: Answer) {
        assert_eq!(judge(reply), expected);
    }

    #[test]
    fn nobody_behind_a_missing_socket() {
        assert_eq!(probe(Path::new("/nonexistent/.s.PGSQL.5432")), Answer::Absent);
    }
}
