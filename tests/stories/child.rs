//! A command under way, without a terminal.
use std::io::{Read, Write as _};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use rustix::process::Signal;
use serde_json::Value;

use crate::process;

/// A command that runs. It is killed when it is dropped.
pub(crate) struct Child {
    process: Process,
    words: String,
    out: Option<JoinHandle<Vec<u8>>>,
    err: Option<JoinHandle<Vec<u8>>>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
    words: String,
}

impl Answer {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "`{}` said\n{}{}", self.words, self.out, self.err);
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "`{}` should complain of `{text}`:\n{}{}",
            self.words,
            self.out,
            self.err
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("`{}`: {error}\n{}{}", self.words, self.out, self.err))
    }
}

impl Child {
    /// Starts a command and hands it its standard input.
    pub(crate) fn start(mut command: Command, input: &str) -> Self {
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (out, err) = (process.stdout.take().map(drain), process.stderr.take().map(drain));
        if let Some(mut stdin) = process.stdin.take() {
            // A command that does not read its input may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        Self { process, words, out, err }
    }

    /// Its number.
    pub(crate) fn number(&self) -> process::Number {
        process::Number::try_from(self.process.id()).expect("process numbers are small")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.number(), signal);
    }

    /// Ends it without a chance to clean up.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        let _ = self.ended();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Answer {
        let status = self.ended();
        let text = |reader: Option<JoinHandle<Vec<u8>>>| {
            let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
            String::from_utf8(bytes).expect("output is text")
        };
        let (out, err) = (text(self.out.take()), text(self.err.take()));
        Answer { code: status.code(), out, err, words: self.words.clone() }
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        crate::wait(&format!("the end of `{}`", self.words), || {
            self.process.try_wait().expect("a child can be asked")
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came until the pipe broke is what there is.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
