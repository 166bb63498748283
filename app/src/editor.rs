//! The user's own editor (`$VISUAL`, `$EDITOR`, else `vi`) on a text. Knows nothing of what the text is for.
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{self, Pid, Signal, WaitId, WaitIdOptions};

use crate::exit::{Code, Fault};

/// A text longer than this is not read back; no draft may be larger.
pub(crate) const LIMIT_BYTES: usize = countersign_core::activity::payload::ENVELOPE_LIMIT_BYTES;

/// The program and its arguments, split as a shell would.
///
/// # Errors
/// When the variable holds a quote that is not closed.
pub(crate) fn command(variable: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, Fault> {
    for name in ["VISUAL", "EDITOR"] {
        let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        return shell_words::split(&text).map_err(|_| {
            Fault::usage(format!("{name} has a quote that is not closed: set it to a command like `vim`"))
        });
    }
    Ok(vec!["vi".to_owned()])
}

/// Lets the person edit the file and waits. The terminal has to be free.
///
/// # Errors
/// When the editor cannot be started or does not end well; the file is as the editor left it.
pub(crate) fn edit(command: &[String], file: &Path) -> Result<(), Fault> {
    let failed = |sentence: String| Fault { code: Code::Failed, sentence };
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Fault::usage("EDITOR is empty; set it to a command like `vim`"))?;
    let mut child =
        Command::new(program).args(arguments).arg(file).spawn().map_err(|error| {
            failed(format!("the editor `{program}` cannot be started: {error}; set EDITOR"))
        })?;
    keep_going(&child);
    let status = child.wait().map_err(|error| failed(format!("the editor `{program}` was lost: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(failed(format!("the editor `{program}` ended with {status}; nothing was changed")))
    }
}

/// Waits for the end of the editor without taking it. Nobody could continue an editor that stops itself (`ctrl-z`): its shell is us.
fn keep_going(child: &Child) {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let wanted = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
    loop {
        match process::waitid(WaitId::Pid(pid), wanted) {
            Ok(Some(status)) if status.stopped() => {
                // Taken from the queue, or it would be told again at once.
                let _ = process::waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
                let _ = process::kill_process(pid, Signal::CONT);
            }
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Reads an edited text back.
///
/// # Errors
/// When it is not UTF-8 or too large, or the file cannot be read.
pub(crate) fn read(source: &mut dyn std::io::Read, name: &str) -> Result<String, Fault> {
    let failed = |what: String| Fault { code: Code::Usage, sentence: format!("{name}: {what}") };
    let mut bytes = Vec::new();
    let limit = u64::try_from(LIMIT_BYTES).unwrap_or(u64::MAX) + 1;
    source.take(limit).read_to_end(&mut bytes).map_err(|error| failed(format!("cannot be read: {error}")))?;
    if bytes.len() > LIMIT_BYTES {
        return Err(failed(format!("more than {LIMIT_BYTES} bytes; no message may be larger")));
    }
    String::from_utf8(bytes).map_err(|error| {
        failed(format!("byte {} is not UTF-8; save the text as UTF-8", error.utf8_error().valid_up_to() + 1))
    })
}

/// Reads a file back.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_file(file: &Path) -> Result<String, Fault> {
    let name = file.display().to_string();
    let mut open = File::open(file)
        .map_err(|error| Fault { code: Code::Usage, sentence: format!("{name}: cannot be read: {error}") })?;
    read(&mut open, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visual_comes_before_editor_and_is_split_like_a_shell_would() {
        let both = |name: &str| Some(if name == "VISUAL" { "code --wait 'a b'" } else { "nano" }.to_owned());
        assert_eq!(command(both).unwrap(), ["code", "--wait", "a b"]);
        assert_eq!(command(|name| (name == "EDITOR").then(|| "nano".to_owned())).unwrap(), ["nano"]);
        assert_eq!(command(|_| None).unwrap(), ["vi"]);
        assert!(command(|_| Some("vim 'x".to_owned())).is_err());
    }

    #[test]
    fn a_text_that_is_not_utf8_or_too_large_is_refused_with_its_name() {
        let read = |bytes: &[u8]| read(&mut &bytes[..], "draft.txt").unwrap_err().to_string();
        assert!(read(b"ab\xffc").starts_with("draft.txt: byte 3 is not UTF-8"));
        assert!(read(&vec![b'a'; LIMIT_BYTES + 1]).contains("more than 1048576 bytes"));
    }
}
