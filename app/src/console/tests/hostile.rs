//! What text from outside can do to the screen: nothing outside its box.
use std::collections::BTreeMap;

use countersign_core::activity::payload::Parts;
use countersign_core::activity::status::Status;
use countersign_core::activity::view::{ActivityDetail, Hold};
use countersign_core::safe_text::SafeText;

use super::bench::{Bench, World};
use super::fixtures::{ago, outboxes, sealed};
use super::picture;

/// What must never be in a cell: controls, direction marks, what has no shape.
pub(super) fn is_forbidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

pub(super) const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0gLXJm\u{7}",
    "\u{9b}31m\u{90}q\u{9c}\u{7f}\u{8}\u{8}\u{8}\r\n",
    "\u{202e}gro.live@ana\u{202c}\u{2067}x\u{2069}",
    "a\u{200b}b\u{2060}c\u{feff}d\u{e0041}\u{e0042}\u{fff9}",
    "──────\n a approve  x reject\n\n ok allowlist",
    "\u{2028}\u{2029}Z\u{338}\u{338}\u{338}\u{338}\u{338}\u{338}\u{338}\u{338}",
];

fn everywhere(text: &str, status: Status) -> ActivityDetail {
    let mut item = super::fixtures::item(
        1,
        status,
        text,
        Some(text),
        Parts::Email {
            subject: text.to_owned(),
            text: text.to_owned(),
            html: Some(text.to_owned()),
            in_reply_to: Some(text.to_owned()),
            attachments: Vec::new(),
        },
    );
    let mut payload = item.envelope.take().unwrap().payload;
    for field in [&mut payload.from, &mut payload.to] {
        text.clone_into(field);
    }
    payload.cc = vec![text.to_owned()];
    payload.bcc = vec![text.to_owned()];
    payload.reply_to = Some(text.to_owned());
    payload.headers = BTreeMap::from([(text.to_owned(), text.to_owned())]);
    let mut item = sealed(1, status, text, Some(text), payload);
    text.clone_into(&mut item.row.proposed_by);
    text.clone_into(&mut item.row.outbox);
    item.row.hold = Some(Hold { code: text.to_owned(), sentence: text.to_owned(), until: None });
    item.row.risk = countersign_core::approval::risk::Risk::High;
    item.risk_reasons = vec![text.to_owned(), text.to_owned()];
    item.needs_two = true;
    item.verdicts[0].sentence = text.to_owned().into();
    item.verdicts[0].ruling = countersign_core::gate::Ruling::Block { status: Status::BlockedByPolicy };
    item.attempts = vec![countersign_core::activity::view::AttemptView {
        attempt: 1,
        idempotency_key: text.to_owned(),
        wire_at: Some(ago(5)),
        closed_at: ago(4),
        outcome: text.to_owned(),
        provider_ref: Some(text.to_owned()),
        code: Some(text.to_owned()),
        detail: Some(text.to_owned()),
    }];
    item
}

pub(super) fn world(text: &str) -> World {
    let mut outboxes = outboxes();
    text.clone_into(&mut outboxes[0].name);
    outboxes[2].pause_reason = Some(text.to_owned());
    let mut trouble = everywhere(text, Status::Uncertain);
    trouble.row.id = super::fixtures::id(2);
    World {
        drafts: vec![everywhere(text, Status::DraftPendingApproval)],
        trouble: vec![trouble],
        outboxes,
        version: 1,
        ..World::default()
    }
}

/// S1, S2, S3: no cell of any screen holds what acts on a terminal or hides from a reader.
#[test]
fn no_cell_holds_what_acts_or_hides() {
    for text in HOSTILE {
        let mut bench = Bench::with(world(text), 120, 40);
        for keys in
            ["", "<enter>", "<pagedown>", "<esc>x", "<esc>2", "<enter>", "why<enter>", "<esc>op", "<esc>?"]
        {
            bench.press(keys);
            let buffer = bench.paint();
            for cell in &buffer.content {
                assert!(
                    !cell.symbol().chars().any(is_forbidden),
                    "{text:?} after {keys:?}: {:?}",
                    cell.symbol()
                );
            }
        }
    }
}

/// S1, S2, S3: the whole corpus, on the screen where people decide.
#[test]
fn the_whole_corpus_stays_in_its_box() {
    let chrome = |buffer: &ratatui::buffer::Buffer| {
        let text = picture::text(buffer);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        [0, 1, 2, 3, 4].map(|index| lines[index].clone()).to_vec()
    };
    let mut expected = None;
    for hostile in countersign_tests::hostile::corpus() {
        let drafts = vec![everywhere(&hostile.text, Status::DraftPendingApproval)];
        let mut bench = Bench::with(World { drafts, version: 1, ..World::default() }, 120, 40);
        let buffer = bench.paint();
        for cell in &buffer.content {
            assert!(!cell.symbol().chars().any(is_forbidden), "{:?}: {:?}", hostile, cell.symbol());
        }
        let chrome = chrome(&buffer);
        assert_eq!(*expected.get_or_insert_with(|| chrome.clone()), chrome, "{hostile:?}");
        let is_flagged = picture::text(&buffer).contains("! hidden characters");
        assert!(is_flagged || !hostile.category.must_warn(), "{hostile:?}");
    }
}

/// S3, S5: what was hidden is shown as a mark and said in words above the text.
#[test]
fn hidden_characters_are_shown_and_flagged_in_words() {
    let mut bench = Bench::with(world("pay\u{202e}gro.live"), 120, 40);
    let text = bench.text();
    assert!(text.contains("! hidden characters"), "{text}");
    assert!(text.contains("! Subject:") && text.contains("pay<U+202E>gro.live"), "{text}");
}

/// S6: cells outside the boxes are the same for a hostile and a harmless text of the same shape.
#[test]
fn chrome_is_out_of_reach() {
    for hostile in HOSTILE {
        // The harmless twin says in plain letters what the sanitiser makes of the hostile text.
        let harmless = SafeText::line(hostile).as_str().to_owned();
        let rows = |text: &str| {
            let mut bench = Bench::with(world(text), 120, 40);
            let lines: Vec<String> = picture::text(&bench.paint()).lines().map(str::to_owned).collect();
            let chrome = [0, 1, 2, 3, 4, lines.len() - 2, lines.len() - 1];
            chrome.iter().map(|index| lines[*index].clone()).collect::<Vec<_>>()
        };
        assert_eq!(rows(hostile), rows(&harmless), "{hostile:?}");
    }
}

/// S7: both parts of a mail are shown, and the second is announced.
#[test]
fn an_html_part_is_announced_and_shown_as_source() {
    let mut draft = super::fixtures::drafts().remove(0);
    let mut payload = draft.envelope.take().unwrap().payload;
    if let Parts::Email { html, .. } = &mut payload.parts {
        *html = Some("<p style=\"display:none\">and the price doubles</p>".to_owned());
    }
    let draft = sealed(1, Status::DraftPendingApproval, "Zoë", None, payload);
    let mut bench = Bench::with(World { drafts: vec![draft], version: 1, ..World::default() }, 120, 40);
    let text = bench.text();
    assert!(text.contains("HTML part present: 49 bytes, shown as source below"), "{text}");
    assert!(text.contains("and the price doubles"), "{text}");
    assert!(text.contains("! HTML: the HTML hides by display:none: and the price doubles"), "{text}");
    assert!(text.contains("! HTML: only the text says: "), "{text}");
}

/// S7: an HTML part that says and does nothing else is told in a line, with where its links lead.
#[test]
fn an_html_part_that_says_the_same_is_told_in_a_line() {
    let with = |html: &str| {
        let mut payload = super::fixtures::drafts().remove(0).envelope.take().unwrap().payload;
        payload.parts = Parts::Email {
            subject: "Visit".to_owned(),
            text: "Hi Zoë, see our site.".to_owned(),
            html: Some(html.to_owned()),
            in_reply_to: None,
            attachments: Vec::new(),
        };
        let draft = sealed(1, Status::DraftPendingApproval, "Zoë", None, payload);
        Bench::with(World { drafts: vec![draft], version: 1, ..World::default() }, 160, 40).text()
    };
    let text = with("<p>Hi Zoë, see <a href=\"https://acme.example/x\">our site</a>.</p>");
    assert!(text.contains("HTML says the same as the text · 1 link · 0 pictures"), "{text}");
    assert!(text.contains("our site → https://acme.example/x"), "{text}");
    assert!(!text.contains("<p>"), "{text}");
    // A character that cannot be seen in the source brings the source back.
    let text = with("<p>Hi Zoë, see our site.</p><!-- \u{202e} -->");
    assert!(text.contains("<U+202E>") && text.contains("! HTML: 1 direction override"), "{text}");
    let text = with("<p>Hi Zoë, see <a href=\"https://evil.example/\">acme.example</a> our site.</p>");
    assert!(text.contains("! HTML: link says acme.example but leads to https://evil.example/"), "{text}");
    assert!(text.contains("shown as source below") && text.contains("<p>Hi"), "{text}");
}
