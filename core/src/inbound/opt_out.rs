//! Does somebody ask not to be written to any more? Only a message that says nothing else counts: who writes "stop" within a sentence
//! says something to a person, and a person reads it.
use unicode_normalization::UnicodeNormalization as _;

/// Words that mean it, in small letters and without marks: those that carriers take (CTIA's list), and their like in the languages of
/// the shipped templates.
const WORDS: &[&str] = &[
    // English
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "opt out",
    "optout",
    "opt-out",
    "remove me",
    "revoke",
    // German
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen",
    // French
    "arret",
    "arreter",
    "desabonner",
    "desinscrire",
    "se desinscrire",
    "me desinscrire",
    // Spanish, Portuguese, Italian
    "baja",
    "alto",
    "cancelar",
    "parar",
    "sair",
    "pare",
    "desinscrever",
    "cancellami",
    "disiscrivimi",
    "annulla iscrizione",
    "ferma",
    // Dutch, Danish, Norwegian, Swedish
    "afmelden",
    "uitschrijven",
    "afmeld",
    "stands",
    "avslutt",
    "avregistrera",
    "avsluta",
    // Polish, Czech
    "wypisz",
    "rezygnuje",
    "odhlasit",
    // Hebrew, Arabic
    "הסר",
    "הסירו",
    "הסרה",
    "عدم الاشتراك",
    "الغاء",
    "الغاء الاشتراك",
    "توقف",
    "ايقاف",
    // Japanese, Chinese, Korean
    "停止",
    "配信停止",
    "解除",
    "退订",
    "取消订阅",
    "退訂",
    "取消訂閱",
    "수신거부",
    // Russian, Ukrainian, Greek, Turkish, Hindi
    "стоп",
    "отписаться",
    "отписка",
    "відписатися",
    "διαγραφη",
    "iptal",
    "durdur",
    "रोकें",
    "बंद करें",
];

/// How long such a message is at most, in characters.
const LENGTH_LIMIT: usize = 40;

/// Whether a message says that and nothing else. A mail may quote what it answers: what is quoted was said by somebody else.
#[must_use]
pub fn asks_to_stop(text: &str) -> bool {
    let said = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with('>') && !is_signature(line))
        .filter(|line| !line.is_empty());
    let mut lines = said.take(3);
    let Some(first) = lines.next() else { return false };
    // A name under it is no other message; a second sentence is.
    if lines.any(|line| line.split_whitespace().count() > 3 && !introduces_quote(line)) {
        return false;
    }
    if first.chars().count() > LENGTH_LIMIT {
        return false;
    }
    let plain = normal(first);
    WORDS.iter().any(|word| normal(word) == plain)
}

/// The line before a signature, as mail programs write it.
fn is_signature(line: &str) -> bool {
    line == "--" || line == "-- "
}

/// The line that mail programs put before what they quote.
fn introduces_quote(line: &str) -> bool {
    line.ends_with(':')
}

/// Small letters, without marks and punctuation, with single spaces.
fn normal(text: &str) -> String {
    let bare: String = text
        .nfkd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() || c == '-' { c } else { ' ' })
        .collect();
    // The feminine and dotted forms that decomposition leaves alone.
    let bare = bare.replace(['أ', 'إ', 'آ'], "ا");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S38: opt-out words in the supported languages.
    #[rstest::rstest]
    #[case("STOP")]
    #[case(" Stop. ")]
    #[case("stop!!!")]
    #[case("Unsubscribe\n\nAnn")]
    #[case("Arrêt")]
    #[case("se désinscrire")]
    #[case("Abmelden\n\nAm 3. Mai schrieb Ana:\n> Guten Tag, wir hätten da noch eine Frage")]
    #[case("BAJA")]
    #[case("退订")]
    #[case("配信停止")]
    #[case("הסר")]
    #[case("إلغاء الاشتراك")]
    #[case("Отписаться")]
    #[case("opt-out")]
    fn who_asks_to_be_left_alone_is_understood(#[case] text: &str) {
        assert!(asks_to_stop(text), "{text}");
    }

    #[rstest::rstest]
    #[case("")]
    #[case("Please stop by on Tuesday")]
    #[case("We cannot cancel the order any more, can we?")]
    #[case("Can you end the fence at the corner?")]
    #[case("> STOP")]
    #[case("Stop\nActually wait, can we talk on Tuesday instead?")]
    #[case("Don't stop")]
    fn who_merely_uses_the_word_is_not(#[case] text: &str) {
        assert!(!asks_to_stop(text), "{text}");
    }
}
