//! CSV: a header, then records. Numbers of lines are those an editor shows, also behind quoted line breaks.
use countersign_core::draft::check::FieldError;
use countersign_core::draft::input::LINE_LIMIT_BYTES;

use super::mapping::{Mapping, Wish};
use super::{Field, Intake, LINES_LIMIT, too_many_lines};
use crate::exit::Fault;

/// Reads every record.
pub(super) fn read<T>(
    bytes: &[u8],
    separator: u8,
    wish: &Wish,
    fields: &[Field],
    parse: impl Fn(&[u8]) -> Result<T, FieldError>,
    intake: &mut Intake<T>,
) -> Result<(), Fault> {
    let text = text(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| Fault::usage(format!("the table cannot be read: {error}"));
    let mut record = csv::StringRecord::new();
    if !reader.read_record(&mut record).map_err(unreadable)? {
        return Err(Fault::usage("the file is empty; the first line of a table names its columns"));
    }
    let header: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    let mapping = Mapping::new(wish, &header, fields)?;
    intake.unused.clone_from(&mapping.unused);
    let mut lines = LineCount::new(text);
    let mut count = 0;
    loop {
        let begin = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        if !reader.read_record(&mut record).map_err(unreadable)? {
            return Ok(());
        }
        count += 1;
        if count > LINES_LIMIT {
            return Err(too_many_lines());
        }
        let line = lines.at(begin);
        if record.as_slice().len() > LINE_LIMIT_BYTES {
            intake.refuse(line, "line", format!("longer than {LINE_LIMIT_BYTES} bytes"));
            continue;
        }
        if record.len() != header.len() {
            let (cells, columns) = (record.len(), header.len());
            let reason = format!(
                "{cells} cells where the header has {columns}; is a quote left open, or --delimiter another?"
            );
            intake.refuse(line, "line", reason);
            continue;
        }
        if record.iter().all(str::is_empty) {
            continue;
        }
        let object = mapping.object(&record);
        intake.take(line, object.and_then(|object| parse(object.to_string().as_bytes())));
    }
}

/// The text without its byte order mark.
fn text(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Fault::usage("the file is UTF-16; save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, rest) = bytes.split_at(error.valid_up_to());
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let byte = rest.first().copied().unwrap_or_default();
        Fault::usage(format!("line {line}, byte {column}: 0x{byte:02x} is not UTF-8; save the file as UTF-8"))
    })
}

/// Numbers of lines by place. The reader's own are off by one behind CRLF and blank lines: it counts what it has consumed.
struct LineCount<'a> {
    text: &'a [u8],
    place: usize,
    line: usize,
}

impl<'a> LineCount<'a> {
    fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), place: 0, line: 1 }
    }

    /// The line on which the record begins that is found from this place on. Places only grow.
    fn at(&mut self, begin: usize) -> usize {
        while let Some(byte) = self.text.get(self.place) {
            if self.place >= begin && !b"\r\n".contains(byte) {
                break;
            }
            self.line += usize::from(*byte == b'\n');
            self.place += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::ACCOUNT;
    use serde_json::Value;

    fn table(bytes: &[u8], separator: u8) -> Result<Intake<Value>, String> {
        let mut intake = Intake { lines: Vec::new(), errors: Vec::new(), unused: Vec::new() };
        let parse = |json: &[u8]| {
            serde_json::from_slice(json).map_err(|error| FieldError::new("line", error.to_string()))
        };
        read(bytes, separator, &Wish::default(), ACCOUNT, parse, &mut intake)
            .map(|()| intake)
            .map_err(|fault| fault.sentence)
    }

    fn names(intake: &Intake<Value>) -> Vec<(usize, &str)> {
        intake.lines.iter().map(|(line, value)| (*line, value["name"].as_str().unwrap_or_default())).collect()
    }

    #[rstest::rstest]
    #[case::unix(b"name,tier\na,1\n\n\"b\nb\",2\nc,3", b',')]
    #[case::windows(b"\xef\xbb\xbfname;tier\r\na;1\r\n\r\n\"b\nb\";2\r\nc;3\r\n", b';')]
    #[case::tabs(b"name\ttier\na\t1\n\n\"b\nb\"\t2\nc\t3\n", b'\t')]
    fn records_carry_the_line_on_which_they_begin(#[case] bytes: &[u8], #[case] separator: u8) {
        let intake = table(bytes, separator).unwrap();
        assert_eq!(names(&intake), [(2, "a"), (4, "b\nb"), (6, "c")]);
        assert!(intake.errors.is_empty());
    }

    #[test]
    fn records_of_another_length_and_cells_of_another_form_are_refused_by_line() {
        let intake = table(b"name,tier\na\nb,1,x\nc,one\n,\nd,4\n", b',').unwrap();
        let errors: Vec<_> = intake.errors.iter().map(|error| (error.line, error.field.as_str())).collect();
        assert_eq!(errors, [(2, "line"), (3, "line"), (4, "tier")]);
        assert_eq!(names(&intake), [(6, "d")]);
    }

    #[rstest::rstest]
    #[case(b"", "the file is empty")]
    #[case(b"\xff\xfen\0", "UTF-16")]
    #[case(b"name,tier\na,1\nZo\xeb,2\n", "line 3, byte 3: 0xeb is not UTF-8")]
    #[case(b"name,name\na,b\n", "column `name` stands twice")]
    fn what_is_no_table_is_refused(#[case] bytes: &[u8], #[case] told: &str) {
        let sentence = table(bytes, b',').err().expect("no table");
        assert!(sentence.contains(told), "{sentence}");
    }

    #[test]
    fn more_lines_than_the_limit_are_refused() {
        let mut text = "name,tier\n".to_owned();
        text.push_str(&"a,1\n".repeat(LINES_LIMIT));
        assert_eq!(table(text.as_bytes(), b',').unwrap().lines.len(), LINES_LIMIT);
        text.push_str("a,1\n");
        assert!(table(text.as_bytes(), b',').err().unwrap().contains("split the file"));
    }
}
