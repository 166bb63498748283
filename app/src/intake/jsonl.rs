//! JSON lines: one object a line, blank lines are passed over.
use countersign_core::draft::check::FieldError;
use countersign_core::draft::input::LINE_LIMIT_BYTES;

use super::{Intake, LINES_LIMIT, too_many_lines};
use crate::exit::Fault;

/// Reads every line.
pub(super) fn read<T>(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, FieldError>,
    intake: &mut Intake<T>,
) -> Result<(), Fault> {
    for (index, line) in bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        if number > LINES_LIMIT {
            return Err(too_many_lines());
        }
        if line.len() > LINE_LIMIT_BYTES {
            intake.refuse(number, "line", format!("longer than {LINE_LIMIT_BYTES} bytes"));
        } else if !line.trim_ascii().is_empty() {
            intake.take(number, parse(line));
        }
    }
    Ok(())
}
