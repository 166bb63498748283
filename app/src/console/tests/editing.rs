//! Editing by keys: what is kept, what is saved over which bytes, and when the new text is approved.
use countersign_core::activity::payload::{Envelope, PayloadHash};
use countersign_core::activity::status::Status;
use countersign_core::actor::Role;
use countersign_core::approval::{Item, ItemOutcome, ItemResult};

use super::bench::{Bench, World};
use super::fixtures::{ago, id};
use crate::console::msg::{Effect, Failure, Msg};
use crate::console::theme::{Charset, Theme};
use crate::kept::Kept;

/// A console with the editor open on the first message.
fn editing() -> Bench {
    let mut bench = Bench::new(120, 40);
    bench.press("e");
    assert!(bench.model.editor.is_some(), "{}", bench.notice());
    bench
}

fn saved(bench: &mut Bench) -> (u64, Item, String) {
    match bench.asked.pop() {
        Some(Effect::Revise { generation, item, document }) => (generation, item, document),
        other => panic!("nothing was saved: {other:?}"),
    }
}

fn answer(bench: &mut Bench, generation: u64, outcome: ItemOutcome) {
    bench.tell(Msg::Revised { generation, result: Ok(ItemResult { id: id(1), outcome }) });
    bench.paint();
}

/// The database gives the first message another text.
fn revised(bench: &mut Bench, text: &str) -> PayloadHash {
    let mut now = PayloadHash::of(b"");
    bench.changed(|world| {
        let item = &mut world.drafts[0];
        let envelope: &mut Envelope = item.envelope.as_mut().unwrap();
        if let countersign_core::activity::payload::Parts::Email { text: body, .. } =
            &mut envelope.payload.parts
        {
            text.clone_into(body);
        }
        now = envelope.seal().unwrap().sha256();
        item.row.payload_sha256 = now;
    });
    now
}

#[test]
fn typing_keeps_the_text_and_saving_names_the_bytes_that_were_shown() {
    let mut bench = editing();
    let base = bench.hash_of(1);
    bench.press("Hi ");
    let kept = bench.asked.clone();
    let Some(Effect::KeepEdit { item, text }) = kept.last() else { panic!("{kept:?}") };
    assert_eq!((kept.len(), *item), (3, base));
    assert!(text.starts_with("Hi --- subject ---\n"), "{text}");
    bench.asked.clear();
    bench.press("<c-s>");
    let (_, item, document) = saved(&mut bench);
    assert_eq!(item, base);
    assert_eq!(&document, text);
}

#[test]
fn letters_that_decide_elsewhere_are_letters_here() {
    let mut bench = editing();
    bench.press("axuesqvi*? 19[O");
    assert!(bench.asked.iter().all(|effect| matches!(effect, Effect::KeepEdit { .. })), "{:?}", bench.asked);
    assert!(bench.text().contains("axuesqvi*? 19[O"));
}

/// S9: bracketed paste is text, line breaks and all.
#[test]
fn a_paste_goes_into_the_text_and_decides_nothing() {
    let mut bench = editing();
    bench.tell(Msg::Pasted("aaaa\r\nq\u{1b}[31m".to_owned()));
    let text = bench.model.editor.as_ref().unwrap().text();
    assert!(text.starts_with("aaaa\nq\u{1b}[31m--- subject"), "{text}");
    assert!(
        bench.text().contains("q<ESC>[31m") || bench.text().contains("q<U+001B>[31m"),
        "{}",
        bench.text()
    );
}

#[test]
fn leaving_keeps_a_changed_text_and_edit_goes_on_with_it() {
    let mut bench = editing();
    bench.press("x<esc>");
    assert!(bench.model.editor.is_none());
    assert!(bench.notice().contains("the text is kept"), "{}", bench.notice());
    assert!(bench.text().contains("edit kept"));
    bench.press("e");
    assert!(bench.model.editor.as_ref().unwrap().text().starts_with("x---"));
}

#[test]
fn leaving_without_a_change_and_dropping_forget_the_text() {
    let mut bench = editing();
    bench.press("<esc>");
    assert!(bench.asked.is_empty() && bench.model.kept.is_empty());
    bench.press("ex<c-q>");
    assert!(matches!(bench.asked.last(), Some(Effect::ForgetEdit { .. })), "{:?}", bench.asked);
    assert!(bench.model.kept.is_empty() && bench.model.editor.is_none());
}

/// S8: what was read before the change does not count for what it says now.
#[test]
fn a_saved_text_is_shown_and_decided_anew() {
    let mut bench = editing();
    bench.press("x<c-s>");
    let (generation, ..) = saved(&mut bench);
    let now = revised(&mut bench, "Other words.");
    answer(&mut bench, generation, ItemOutcome::Revised { payload_sha256: now });
    assert!(bench.model.editor.is_none() && bench.model.kept.is_empty());
    assert!(bench.notice().contains("saved, waits for a decision"), "{}", bench.notice());
    assert!(bench.text().contains("Other words."));
    assert!(bench.approvals().is_empty());
    bench.press("a");
    assert_eq!(bench.approvals(), [Item::seen(id(1), now)]);
}

#[test]
fn save_and_approve_approves_the_new_bytes_once_they_were_painted_to_their_end() {
    let mut bench = editing();
    bench.press("x<c-t>");
    let (generation, ..) = saved(&mut bench);
    let now = revised(&mut bench, &"line\n".repeat(200));
    answer(&mut bench, generation, ItemOutcome::Revised { payload_sha256: now });
    assert!(bench.approvals().is_empty(), "its end was not shown");
    bench.press("<pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown>");
    assert!(bench.approvals().is_empty() || bench.approvals().len() == 1);
    while bench.approvals().is_empty() {
        bench.press("<pagedown>");
    }
    assert_eq!(bench.approvals(), [Item::seen(id(1), now)]);
}

/// What was read before the text was saved, and arrives afterwards, is not taken for a change by somebody else.
#[test]
fn a_read_that_is_older_than_the_saved_text_changes_nothing() {
    let mut bench = editing();
    bench.press("x<c-t>");
    let (generation, ..) = saved(&mut bench);
    bench.is_answering = false;
    bench.changed(|_| {});
    let read =
        bench.asked.iter().find(|effect| matches!(effect, Effect::LoadDetail { .. })).cloned().unwrap();
    bench.is_answering = true;
    let late = bench.answer(&read).unwrap();
    let now = revised(&mut bench, "Other words.");
    answer(&mut bench, generation, ItemOutcome::Revised { payload_sha256: now });
    // It is drawn before the next read is answered.
    bench.is_answering = false;
    bench.tell(late);
    bench.paint();
    bench.is_answering = true;
    bench.model.detail_in_flight = None;
    bench.changed(|_| {});
    bench.paint();
    assert_eq!(bench.approvals(), [Item::seen(id(1), now)], "{}", bench.notice());
}

#[test]
fn save_and_approve_lets_go_when_the_message_is_changed_again_or_left() {
    let mut bench = editing();
    bench.press("x<c-t>");
    let (generation, ..) = saved(&mut bench);
    let mine = PayloadHash::of(b"mine");
    revised(&mut bench, "Somebody else's words.");
    answer(&mut bench, generation, ItemOutcome::Revised { payload_sha256: mine });
    assert!(bench.approvals().is_empty());
    assert!(bench.model.approve_when_seen.is_none());
    assert!(bench.notice().contains("changed again"), "{}", bench.notice());

    let mut bench = editing();
    bench.press("x<c-t>");
    let (generation, ..) = saved(&mut bench);
    bench.is_answering = false;
    answer(&mut bench, generation, ItemOutcome::Revised { payload_sha256: mine });
    bench.press("j");
    assert!(bench.model.approve_when_seen.is_none());
}

#[test]
fn a_conflict_loses_no_text_and_says_who_was_first() {
    let mut bench = editing();
    bench.press("my words <c-s>");
    let (generation, ..) = saved(&mut bench);
    answer(
        &mut bench,
        generation,
        ItemOutcome::Taken { status: Status::Approved, by: Some("ben".to_owned()), at: Some(ago(60)) },
    );
    assert!(bench.notice().contains("not saved: taken by ben"), "{}", bench.notice());
    assert!(bench.model.editor.as_ref().unwrap().text().starts_with("my words "));

    bench.press("<c-s>");
    let (generation, ..) = saved(&mut bench);
    bench.tell(Msg::Revised { generation, result: Err(Failure::Unavailable("gone".to_owned())) });
    assert!(bench.notice().contains("it is not known whether the text was saved"), "{}", bench.notice());
    assert!(bench.model.editor.is_some());
}

/// A text that was begun from older bytes says so, and is saved over the bytes that are on screen now.
#[test]
fn a_text_from_older_bytes_says_that_the_message_was_changed() {
    let mut bench = editing();
    bench.press("mine <esc>");
    let now = revised(&mut bench, "Other words.");
    bench.press("e");
    assert!(bench.text().contains("the message was changed since this text was begun"), "{}", bench.text());
    bench.press("<c-s>");
    let (_, item, document) = saved(&mut bench);
    assert_eq!(item, Item::seen(id(1), now));
    assert!(document.starts_with("mine "));
}

#[test]
fn the_users_own_editor_gets_the_text_and_gives_one_back() {
    let mut bench = editing();
    bench.press("<c-g>");
    let Some(Effect::EditOutside { item, text }) = bench.asked.pop() else { panic!() };
    bench.tell(Msg::EditedOutside { item, result: Ok(format!("{text}more")) });
    assert!(bench.model.editor.as_ref().unwrap().text().ends_with("more"));
    assert!(matches!(bench.asked.last(), Some(Effect::KeepEdit { .. })));
    bench.tell(Msg::EditedOutside { item, result: Err("the editor `ed` cannot be started".to_owned()) });
    assert!(bench.notice().contains("cannot be started"));
}

/// Looking is not editing: what the user's own editor did not change leaves no file, whichever bytes the text was begun from.
#[test]
fn the_users_own_editor_leaves_no_second_file() {
    let mut bench = editing();
    let base = bench.hash_of(1);
    bench.press("<c-g>");
    let Some(Effect::EditOutside { item, text }) = bench.asked.pop() else { panic!() };
    bench.tell(Msg::EditedOutside { item, result: Ok(text) });
    assert_eq!(bench.asked, [Effect::ForgetEdit { item: base }]);
    assert!(bench.model.kept.is_empty());

    bench.asked.clear();
    bench.press("mine <esc>");
    revised(&mut bench, "Other words.");
    bench.press("e<c-g>");
    let Some(Effect::EditOutside { item, text }) = bench.asked.pop() else { panic!() };
    assert_eq!(item, base, "the text goes on in the file it has");
    bench.tell(Msg::EditedOutside { item, result: Ok(format!("{text}more")) });
    let Some(Effect::KeepEdit { item, .. }) = bench.asked.last() else { panic!("{:?}", bench.asked) };
    assert_eq!(*item, base);
}

#[test]
fn texts_kept_from_an_earlier_start_are_told_and_those_of_closed_drafts_too() {
    let mut bench = Bench::new(120, 40);
    for number in [1, 2, 3] {
        let item = bench.hash_of(number);
        bench.model.kept.insert(item.id, Kept { item, text: "kept words".to_owned() });
    }
    bench.tell(Msg::KeptChecked(vec![(id(1), Status::DraftPendingApproval), (id(2), Status::Sent)]));
    let notice = bench.notice();
    assert!(
        notice.contains("1 edit is unsaved") && notice.contains("1 edit is kept of messages"),
        "{notice}"
    );
    assert_eq!(bench.model.kept.len(), 1, "the third belongs to another company");
    bench.press("e");
    assert_eq!(bench.model.editor.as_ref().unwrap().text(), "kept words");
}

#[test]
fn what_cannot_be_edited_says_why() {
    let theme = Theme::shipped("default", Charset::Unicode);
    let mut bench = Bench::themed(World::filled(), 120, 40, theme, Role::Viewer);
    bench.press("e");
    assert!(bench.model.editor.is_none() && bench.notice().contains("needs the approver role"));
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| world.drafts[0].envelope = None);
    bench.press("e");
    assert!(bench.notice().contains("its text was erased"), "{}", bench.notice());
    let mut bench = editing();
    bench.press("x");
    bench.lose_database();
    bench.press("<c-s>");
    assert!(bench.notice().contains("the database does not answer"), "{}", bench.notice());
    assert!(bench.model.editor.is_some(), "the text stays");
}

#[test]
fn editor_120x40() {
    let mut bench = editing();
    bench.press("<down><down><down>My \u{202e}words ");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn editor_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("e<down>My \u{202e}words ");
    insta::assert_snapshot!(bench.picture());
}
