//! Attachments of a mail: what each may be called, and how much they may be together. Pure.
use super::check::FieldError;
use crate::activity::payload::Attachment;
use crate::safe_text::SafeText;

/// Most files that go with one mail.
pub const ATTACHMENTS_LIMIT: usize = 20;

/// Most bytes of all files of one mail: in the rendered request they grow by a third, and the whole message is frozen as one of at most
/// 1 MiB. The provider itself takes 40 MB; what is larger is better linked to.
pub const ATTACHMENTS_LIMIT_BYTES: usize = 700 * 1024;

/// Checks names and media types.
///
/// # Errors
/// The first attachment that is not acceptable.
pub(super) fn check(attachments: &[Attachment]) -> Result<(), FieldError> {
    if attachments.len() > ATTACHMENTS_LIMIT {
        return Err(FieldError::new("payload.attachments", format!("at most {ATTACHMENTS_LIMIT} files")));
    }
    for (index, file) in attachments.iter().enumerate() {
        let field = |name: &str| format!("payload.attachments[{index}].{name}");
        if !is_file_name(&file.name) {
            return Err(FieldError::new(
                field("name"),
                "use 1 to 150 characters on one line, without / and \\, not beginning or ending with a dot or a space",
            ));
        }
        if attachments[..index].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&file.name)) {
            return Err(FieldError::new(field("name"), "two files have this name; give each its own"));
        }
        if !is_media_type(&file.mime) {
            return Err(FieldError::new(field("mime"), "write a media type like application/pdf"));
        }
    }
    Ok(())
}

/// What is shown is what is saved: no path, nothing that turns the reading direction, no hidden file.
fn is_file_name(name: &str) -> bool {
    let is_edge = |c: char| c == '.' || c.is_whitespace();
    (1..=150).contains(&name.chars().count())
        && !name.contains(['/', '\\'])
        && !name.starts_with(is_edge)
        && !name.ends_with(is_edge)
        && SafeText::line(name).to_string() == name
}

fn is_media_type(mime: &str) -> bool {
    let is_token = |part: &str| {
        (1..=60).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    mime.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::payload::PayloadHash;

    fn file(name: &str, mime: &str) -> Attachment {
        Attachment { name: name.to_owned(), mime: mime.to_owned(), sha256: PayloadHash::of(name.as_bytes()) }
    }

    #[rstest::rstest]
    #[case("Angebot Größe 2.pdf", "application/pdf")]
    #[case("a", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    fn an_ordinary_file_is_taken(#[case] name: &str, #[case] mime: &str) {
        assert_eq!(check(&[file(name, mime)]), Ok(()));
    }

    /// S15, S20: a name cannot lead elsewhere, deceive a reader or break a header.
    #[rstest::rstest]
    #[case("", "application/pdf", "name")]
    #[case("../offer.pdf", "application/pdf", "name")]
    #[case("a\\b.pdf", "application/pdf", "name")]
    #[case(".bashrc", "text/plain", "name")]
    #[case("offer.pdf ", "application/pdf", "name")]
    #[case("offer.pdf\r\nBcc: x@example.com", "application/pdf", "name")]
    #[case("offer\u{202e}fdp.exe", "application/pdf", "name")]
    #[case("offer\0.pdf", "application/pdf", "name")]
    #[case("offer.pdf", "application", "mime")]
    #[case("offer.pdf", "application/pdf; name=\"x\"", "mime")]
    #[case("offer.pdf", "application/pdf\r\nX: y", "mime")]
    fn what_would_be_saved_as_something_else_is_refused(
        #[case] name: &str,
        #[case] mime: &str,
        #[case] field: &str,
    ) {
        let error = check(&[file(name, mime)]).unwrap_err();
        assert_eq!(error.field, format!("payload.attachments[0].{field}"));
    }

    #[test]
    fn two_files_of_one_name_and_too_many_files_are_refused() {
        let twice = [file("a.pdf", "application/pdf"), file("A.pdf", "application/pdf")];
        assert_eq!(check(&twice).unwrap_err().field, "payload.attachments[1].name");
        let many: Vec<_> =
            (0..=ATTACHMENTS_LIMIT).map(|n| file(&format!("{n}.pdf"), "application/pdf")).collect();
        assert_eq!(check(&many).unwrap_err().field, "payload.attachments");
    }
}
