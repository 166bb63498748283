//! What is told about HTML parts: deceiving ones, honest ones, and ones made to hold up the reader.
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn flags(html: &str, text: &str) -> String {
    Reading::of(html, text).flags.join("\n")
}

/// S7: HTML with an extra sentence is flagged with its words.
#[test]
fn what_only_the_html_says_is_flagged_in_words() {
    let found =
        Reading::of("<p>Hi Zoë,</p><p>the price <b>doubles</b> today.</p>", "Hi Zoë,\n\nthe price today.");
    assert_eq!(found.flags, ["only the HTML says: doubles"]);
    assert!(!found.is_plain());
}

/// S7: and what it leaves out.
#[test]
fn what_only_the_text_says_is_flagged_in_words() {
    let found = Reading::of("<p>Pay to our account.</p>", "Do not pay to our account.");
    assert_eq!(found.flags, ["only the HTML says: Pay", "only the text says: Do not pay"]);
}

#[rstest]
#[case("<p>Hi Zoë,<br>see you</p>", "Hi Zoë,\nsee you\n")]
#[case("<html><head><title></title></head><body><p>a&amp;b &#163;5</p></body></html>", "a&b £5")]
#[case("<!doctype html><ul><li>one<li>two</ul>", "- one\n- two")]
#[case("<p>Hal<b>lo</b></p><!-- nothing -->", "Hallo")]
#[case("<p style=\"color:#333;margin:0 0 1em\">yes</p>", "yes")]
#[case("<div style='background:#000'><p style='color:#fff'>yes</p></div>", "yes")]
#[case("<table><tr><td>a<td>b</table>", "a b")]
#[case("<a href='https://acme.example/x'>our site</a>", "our site (https://acme.example/x)")]
#[case("<a href='https://www.acme.example/x'>acme.example</a>", "acme.example")]
#[case("<a href='mailto:ana@acme.example'>ana@acme.example</a>", "ana@acme.example")]
fn honest_html_is_plain(#[case] html: &str, #[case] text: &str) {
    let found = Reading::of(html, text);
    assert!(found.is_plain(), "{found:?}");
}

#[rstest]
#[case("<p style='display:none'>pay</p>", "display:none: pay")]
#[case("<p style='DISPLAY : none !important'>pay</p>", "display:none: pay")]
#[case("<p style='display:block;visibility:hidden'>pay</p>", "visibility:hidden: pay")]
#[case("<span style='font-size:1px'>pay</span>", "font-size:1px: pay")]
#[case("<span style='font-size:0'>pay</span>", "font-size:0: pay")]
#[case("<span style='opacity:0'>pay</span>", "opacity:0: pay")]
#[case("<p hidden>pay</p>", "hidden: pay")]
#[case("<p style='position:absolute;left:-999px'>pay</p>", "position:absolute: pay")]
#[case("<p style='text-indent:-999px'>pay</p>", "text-indent:-999px: pay")]
#[case("<p style='color:#fefefe'>pay</p>", "the colour of its background: pay")]
#[case(
    "<div style='background:#123456'><b style='color:#123456'>pay</b></div>",
    "the colour of its background: pay"
)]
#[case("<font color=white>pay</font>", "the colour of its background: pay")]
#[case("<p style='display:none'><b>pa</b>y</p>", "display:none: pay")]
#[case("<p style='max-height:0'>pay</p>", "max-height:0: pay")]
#[case("<p title='pay'></p>", "attribute title: pay")]
#[case("<head><title>pay</title></head>", "title: pay")]
fn hidden_words_are_flagged(#[case] html: &str, #[case] sentence: &str) {
    let found = Reading::of(html, "");
    assert!(found.flags.contains(&format!("the HTML hides by {sentence}")), "{found:?}");
    // Hidden words are no words that both parts say.
    assert!(flags(html, "pay").contains("only the text says: pay"));
}

#[rstest]
#[case("<img src='https://t.example/p.gif' width=1 height=1>", "fetches a picture nobody sees")]
#[case(
    "<img src='https://t.example/p.png'>",
    "fetches a picture, which tells the sender who reads: https://t.example/p.png"
)]
#[case("<img src='data:image/png;base64,AA=='>", "holds a picture")]
#[case("<table background='//t.example/x'></table>", "fetches //t.example/x for <table>")]
#[case("<p style='background:url(//t.example/x)'>", "fetches by style")]
#[case("<style>@import '//t.example/x'</style>", "fetches by <style>")]
#[case("<bgsound src=x>", "has <bgsound>")]
#[case("<video poster=x></video>", "has <video>")]
#[case("<script>x</script>", "has <script>")]
#[case("<form action=x></form>", "has <form>")]
#[case("<base href='//t.example'>", "has <base>")]
#[case("<meta http-equiv=refresh content='0;url=x'>", "has <meta> refresh")]
#[case("<p onclick=x>", "a script in attribute onclick")]
#[case("<!--[if mso]><p>pay</p><![endif]-->", "a comment that some mail programs show: [if mso]")]
#[case("<p>pay&#x202e;me</p>", "its words: ")]
fn fetches_and_active_content_are_flagged(#[case] html: &str, #[case] sentence: &str) {
    let found = flags(html, "");
    assert!(found.contains(sentence), "{found}");
}

#[rstest]
#[case("acme.example", "https://acme.example.pay-here.example/i/7")]
#[case("https://acme.example/pay", "https://evil.example/")]
#[case("see acme.example.", "https://evil.example/")]
#[case("acme．example", "https://evil.example/")]
#[case("ana@acme.example", "mailto:ana@evil.example")]
#[case("ana@acme.example", "https://evil.example/")]
#[case("our site", "https://acme.example@evil.example/")]
#[case("our site", "https://xn--acm-ena.example/")]
#[case("our site", "https:\\\\evil.example/")]
#[case("our site", "http://192.0.2.1/")]
#[case("our site", "javascript:alert(1)")]
#[case("our site", "//evil.example/")]
#[case("our site", "mailto:ana@acme.example?bcc=x@evil.example")]
fn links_that_lead_elsewhere_are_flagged(#[case] label: &str, #[case] target: &str) {
    let found = Reading::of(&format!("<p><a href=\"{target}\">{label}</a></p>"), label);
    assert_eq!(found.links, [Link { label: label.to_owned(), target: target.to_owned() }]);
    assert_eq!(found.flags.len(), 1, "{found:?}");
    assert!(found.flags[0].starts_with("link "), "{found:?}");
}

/// What is not known is named: it may hide anything.
#[rstest]
#[case("<style>.x{display:none}</style><p class=x>yes</p>", "<style>")]
#[case("<p style='float:left'>yes</p>", "style float")]
#[case("<p style='dis\\play:none'>yes</p>", "style with escapes or comments")]
#[case("<p style='padding-left:9999px'>yes</p>", "style padding-left")]
#[case("<p dir=rtl>yes</p>", "attribute dir")]
#[case("<del>yes</del>", "<del>")]
#[case("<p><b style='color:#333'></p>yes", "tags out of order")]
#[case("<div style='color:#333'>yes</div><body bgcolor='#ccc'>", "tags out of order")]
#[case("<p a=1 a=2>yes</p>", "malformed (duplicate-attribute)")]
fn what_is_not_known_is_named(#[case] html: &str, #[case] name: &str) {
    let found = Reading::of(html, "yes");
    assert!(found.unjudged.contains(&name.to_owned()), "{found:?}");
    assert!(!found.is_plain());
}

/// Of long texts that differ everywhere only the words are told, and a minus is no list.
#[test]
fn long_texts_and_signs_are_compared_too() {
    let many = |word: &str| format!("{word} ").repeat(2_000);
    assert!(flags(&many("a"), &many("b")).contains("only the HTML says: a a a"));
    let (one, other) = (format!("x{}y", many(" a b")), format!("y{}x", many(" b a")));
    assert_eq!(flags(&one, &other), "the HTML says the same words in another order");
    assert_eq!(flags("<p>- 5</p>", "5"), "only the HTML says: -");
    assert_eq!(flags("<p>- five</p>", "- five"), "");
}

/// Bounded on HTML made to hold up the reader: every one is 1 MiB or close to it.
#[rstest]
#[case("<div>")]
#[case("<b><i></b>")]
#[case("</x>")]
#[case("<a href='x'>")]
#[case("<p hidden>x")]
#[case("<p style='display:none;float:left'>x")]
#[case("word other ")]
#[case("<!--x-->")]
#[case("&amp;")]
#[case("<img src=x>")]
fn a_mebibyte_of_anything_is_read(#[case] piece: &str) {
    let html = piece.repeat(LIMIT_BYTES / piece.len());
    let found = Reading::of(&html, "another text");
    assert!(!found.is_plain());
    assert!(found.flags.len() <= 300 && found.unjudged.len() <= 30 && found.links.len() <= 200);
    assert!(found.flags.iter().all(|flag| flag.len() < 4_000));
}

/// A tag of 1 MiB, and more than can be read.
#[test]
fn long_tags_are_read_and_longer_parts_are_not() {
    let attributes: String = (0..80_000).map(|number| format!(" a{number}=1")).collect();
    assert!(!Reading::of(&format!("<p{attributes}>x</p>"), "x").is_plain());
    let found = Reading::of(&"x".repeat(LIMIT_BYTES + 1), "x");
    assert_eq!(found.unjudged, ["more than 1048576 bytes"]);
}

proptest! {
    /// Plain means: the words a reader sees are the words of the text.
    #[test]
    fn nothing_that_is_plain_says_more(pieces in proptest::collection::vec(
        prop_oneof![
            Just("<p>"), Just("</p>"), Just("<b>"), Just("</b>"), Just("<br>"), Just("<p hidden>"), Just("secret "),
            Just("word "), Just("<span style='display:none'>"), Just("</span>"), Just("<!--"), Just("-->"),
            Just("<td>"), Just("<title>"), Just("</title>"), Just("<a href='https://a.example/'>"), Just("</a>"),
        ],
        0..12,
    )) {
        let html = pieces.concat();
        let found = Reading::of(&html, "word");
        if found.is_plain() {
            prop_assert!(!html.replace("<!--", "\u{0}").split('\u{0}').next().unwrap_or("").contains("secret"), "{html}");
        }
    }

    #[test]
    fn anything_is_read(html in ".{0,200}", text in ".{0,50}") {
        for flag in Reading::of(&html, &text).flags {
            prop_assert!(!flag.chars().any(char::is_control));
        }
    }
}

/// S38: a mail without a text part asks for things all the same, and what it quotes was said by somebody else.
#[rstest]
#[case("<p>Yes, <b>Tuesday</b> &amp; Wednesday</p><p>Ann</p>", "Yes, Tuesday & Wednesday\nAnn\n")]
#[case(
    "<html><head><style>p{color:red}</style><title>Hi</title></head><body><div>STOP</div></body></html>",
    "STOP\n"
)]
#[case(
    "<div>STOP<br></div><div>On Tuesday Ana wrote:<br><BLOCKQUOTE><p>Good morning,</p><p>a word</p></BLOCKQUOTE></div>",
    "STOP\nOn Tuesday Ana wrote:\n> Good morning,\n> a word\n"
)]
#[case("<script>alert(1)</script>a<br>  b\n c", "a\nb c\n")]
#[case("", "")]
#[case("<p", "")]
fn the_words_of_a_mail_are_what_is_seen(#[case] html: &str, #[case] expected: &str) {
    assert_eq!(words(html), expected);
}

#[test]
fn longer_html_has_no_words() {
    assert_eq!(words(&"a".repeat(LIMIT_BYTES + 1)), "");
}
