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

/// Whether a message begins by saying that and nothing else: its first paragraph is one of the words, perhaps with a name under it. What
/// follows may be a signature of a machine, or a quotation in any form, and was hardly meant to take it back; a stop too many is lifted
/// more easily than a message too many is taken back.
#[must_use]
pub fn asks_to_stop(text: &str) -> bool {
    // What has no letters, such as an invisible mark, says nothing.
    let mut lines =
        text.lines().map(str::trim).skip_while(|line| normal(line).is_empty() && !is_quoted(line));
    let Some(first) = lines.next().filter(|line| !is_quoted(line)) else { return false };
    // A sentence that goes on in the next line is another sentence.
    let goes_on = lines
        .take_while(|line| !line.is_empty() && !is_quoted(line) && !is_appended(line))
        .any(|line| line.split_whitespace().count() > 3);
    if goes_on || first.chars().count() > LENGTH_LIMIT {
        return false;
    }
    let plain = normal(first);
    WORDS.iter().any(|word| normal(word) == plain)
}

fn is_quoted(line: &str) -> bool {
    line.starts_with('>')
}

/// What mail programs put under the words of a person: the line before a signature, before a quotation, and their own praise.
fn is_appended(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "--",
        "__",
        "sent from",
        "get outlook",
        "from:",
        "on ",
        "von:",
        "am ",
        "gesendet von",
        "von meinem",
        "de :",
        "de:",
        "le ",
        "el ",
        "em ",
        "envoye de",
        "envoye depuis",
        "enviado desde",
        "enviado do",
        "inviato da",
        "da:",
        "il ",
        "verzonden vanaf",
        "op ",
        "den ",
        "skickat fran",
        "sendt fra",
        "wyslane z",
    ];
    let plain: String = line.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect();
    let plain = plain.to_lowercase();
    line.ends_with(':') || BEGINNINGS.iter().any(|beginning| plain.starts_with(beginning))
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
    #[case("STOP\n\nSent from my iPhone")]
    #[case("STOP\nSent from my iPhone with love")]
    #[case("Stop\n\nOn Tue, 24 Nov 2026 at 10:00, Ana Example <\nana@acme.example> wrote:\n> Dear Zo\u{eb}")]
    #[case("Unsubscribe\n\nFrom: Ana Example <ana@acme.example>\nSent: Tuesday")]
    #[case("Unsubscribe\nFrom: Ana Example <ana@acme.example>\nSent: Tuesday")]
    #[case("Stop\n\n-----Original Message-----\nDear Zo\u{eb}, we would like to")]
    #[case("\u{200b}\nSTOP")]
    #[case("STOP\nZo\u{eb} Martin\nNordlys Utvikling AS")]
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
