//! Was every blank filled in? A placeholder that a template or an agent left is never sent.
use super::{Facts, Verdict};
use crate::activity::payload::Parts;
use crate::activity::status::Status;

const GATE: &str = "content";

/// Words of greetings behind which a program that had no name writes what it has instead.
const GREETINGS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "dear",
    "hallo",
    "guten tag",
    "liebe",
    "lieber",
    "bonjour",
    "salut",
    "cher",
    "chère",
    "hola",
    "estimado",
    "estimada",
    "olá",
    "oi",
    "caro",
    "cara",
    "ciao",
    "buongiorno",
    "gentile",
    "hei",
    "hej",
    "god dag",
    "beste",
    "geachte",
    "dag",
];

/// What programs write where they had nothing.
const NOTHINGS: &[&str] = &["null", "undefined", "none", "nan", "nil", "n/a"];

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let Some(envelope) = &facts.item.envelope else {
        // The decision gate says what is wrong with it.
        return Verdict::pass(GATE, "nothing to ask");
    };
    let parts = &envelope.payload.parts;
    let mut texts = vec![("text", parts.text())];
    if let Parts::Email { subject, html, .. } = parts {
        texts.insert(0, ("subject", subject));
        texts.extend(html.as_deref().map(|html| ("html", html)));
    }
    for (name, text) in texts {
        if let Some(found) = placeholder(text, name == "html") {
            let sentence = format!("the {name} still holds a placeholder: {found}");
            return Verdict::block(GATE, "content", Status::BlockedByPolicy, sentence);
        }
    }
    Verdict::pass(GATE, "no placeholder is left")
}

/// The first thing in a text that somebody forgot to fill in. Markup has braces and brackets of its own, so in HTML only what no
/// style sheet or tag can be is looked for.
fn placeholder(text: &str, is_markup: bool) -> Option<String> {
    enclosed(text, "{{", "}}", 80, |_| true)
        .or_else(|| enclosed(text, "[[", "]]", 80, |_| true))
        .or_else(|| enclosed(text, "%", "%", 40, is_constant))
        .or_else(|| if is_markup { None } else { enclosed(text, "{", "}", 40, is_name) })
        .or_else(|| if is_markup { None } else { enclosed(text, "<", ">", 40, is_label) })
        .or_else(|| text.find("[object Object]").map(|_| "[object Object]".to_owned()))
        .or_else(|| if is_markup { None } else { text.lines().find_map(nobody) })
}

/// The first piece between two marks, on one line and not longer than that, whose inside looks like a placeholder.
fn enclosed(text: &str, open: &str, close: &str, longest: usize, is_one: fn(&str) -> bool) -> Option<String> {
    text.match_indices(open).find_map(|(at, _)| {
        let inside = &text[at + open.len()..];
        // No further than one can reach: a text that is nothing but marks costs a look at each of them.
        let reach = inside.char_indices().nth(longest + 1).map_or(inside.len(), |(at, _)| at + close.len());
        let inside = &inside[..inside.floor_char_boundary(reach.min(inside.len()))];
        let inside = &inside[..inside.find(close)?];
        let fits = inside.chars().count() <= longest && !inside.contains('\n');
        (fits && is_one(inside.trim())).then(|| format!("{open}{inside}{close}"))
    })
}

/// `first_name`, `contact.company`, `Vorname`: a name as programs give them.
fn is_name(inside: &str) -> bool {
    inside.starts_with(char::is_alphabetic)
        && inside.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ' '))
}

/// `FIRST_NAME`; not the `10 % … 20 %` of a sentence.
fn is_constant(inside: &str) -> bool {
    inside.len() >= 2
        && inside.starts_with(|c: char| c.is_ascii_uppercase())
        && inside.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `<first name>`; not an address, a link or a tag.
fn is_label(inside: &str) -> bool {
    const WORDS: &[&str] = &[
        "name",
        "first",
        "last",
        "company",
        "firstname",
        "lastname",
        "vorname",
        "nachname",
        "firma",
        "nom",
        "prénom",
        "nombre",
        "empresa",
    ];
    is_name(inside) && inside.to_lowercase().split([' ', '_', '-', '.']).any(|word| WORDS.contains(&word))
}

/// A greeting to nobody: `Hi ,` or `Dear null,`.
fn nobody(line: &str) -> Option<String> {
    let line = line.trim();
    let lower = line.to_lowercase();
    GREETINGS.iter().find_map(|greeting| {
        let rest = lower.strip_prefix(greeting)?;
        // `Hi,` greets without a name on purpose; `Hi ,` lost one.
        let is_gap = rest.starts_with(' ') && rest.trim_start().starts_with([',', '!']);
        let name =
            rest.strip_prefix(' ')?.trim_start().split([',', '!', ' ', '.']).next().unwrap_or_default();
        (is_gap || NOTHINGS.contains(&name)).then(|| line.chars().take(40).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::placeholder;

    #[rstest::rstest]
    #[case("Hi {{first_name}},", "{{first_name}}")]
    #[case("Hi {first_name},", "{first_name}")]
    #[case("Hi { contact.name },", "{ contact.name }")]
    #[case("about [[company]]", "[[company]]")]
    #[case("Dear %FIRST_NAME%", "%FIRST_NAME%")]
    #[case("Hi <first name>,", "<first name>")]
    #[case("Hi ,\n\nyou", "Hi ,")]
    #[case("Dear null,", "Dear null,")]
    #[case("Hallo undefined!", "Hallo undefined!")]
    #[case("hello None", "hello None")]
    #[case("for [object Object] only", "[object Object]")]
    fn a_blank_is_found(#[case] text: &str, #[case] found: &str) {
        assert_eq!(placeholder(text, false).as_deref(), Some(found));
    }

    #[rstest::rstest]
    #[case("Hi Zoë,")]
    #[case("Hi, a question")]
    #[case("None of the roofs leaks, and null Euro is no price.")]
    #[case("between 10 % and 20 % of it")]
    #[case("see <https://acme.example/a> or write to <ana@acme.example>")]
    #[case("the set {1, 2, 3} and f(x) = {x > 0}")]
    #[case("a <b> c")]
    #[case("Hidden treasures await")]
    fn ordinary_words_are_left_alone(#[case] text: &str) {
        assert_eq!(placeholder(text, false), None);
    }

    /// S20: a text of nothing but marks is read in a moment; the quadratic reading of it took minutes.
    #[test]
    fn a_megabyte_of_marks_is_read() {
        for mark in ["{", "{{", "[[", "<", "%", "Hi "] {
            assert_eq!(placeholder(&mark.repeat(1_000_000 / mark.len()), false), None);
        }
    }

    #[test]
    fn markup_has_braces_and_brackets_of_its_own() {
        let html = "<style>p {color: red}</style><p class=\"name\">Hi <name>Zoë</name></p>";
        assert_eq!(placeholder(html, true), None);
        assert_eq!(placeholder("<p>Hi {{name}}</p>", true).as_deref(), Some("{{name}}"));
    }
}
