//! A recipient who can be taken for another contact is approved by a key of its own, and never in bulk.
use countersign_core::approval::{Item, ItemOutcome};
use countersign_core::contact::look_alike::{Known, LookAlike};

use super::bench::{Bench, World};
use super::fixtures::id;

fn bench(width: u16, height: u16) -> Bench {
    let mut world = World::filled();
    let known = Known {
        address: "anna@nordlys.example".to_owned(),
        name: "Anna Lind".to_owned(),
        account: Some("Nordlys".to_owned()),
    };
    world.drafts[0].look_alikes = vec![LookAlike::of("anna@nоrdlys.example", Some(known)).unwrap()];
    Bench::with(world, width, height)
}

/// S4: the message names both addresses, with the one as it goes over the wire.
#[test]
fn the_message_names_the_contact_it_looks_like() {
    let text = bench(120, 40).text();
    assert!(text.contains("looks like anna@nordlys.example (Anna Lind · Nordlys), which is"), "{text}");
    assert!(text.contains("@xn--"), "{text}");
}

/// S4: the key that approves does not confirm, nor do enter and space; the bytes are those that were shown.
#[test]
fn only_a_key_of_its_own_confirms() {
    let mut bench = bench(120, 40);
    let shown = bench.hash_of(1);
    bench.press("aa<enter><space>y");
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    assert!(bench.notice().contains("looks like anna@nordlys.example"), "{}", bench.notice());
    bench.press("Y");
    assert_eq!(bench.approvals(), [Item { confirms_look_alike: true, ..shown }]);
}

/// S4: what is confirmed is what was shown, whatever the draft says by now.
#[test]
fn a_draft_that_changes_under_the_question_keeps_the_old_hash() {
    let mut bench = bench(120, 40);
    let shown = bench.hash_of(1);
    bench.press("a");
    bench.changed(|world| world.drafts[0].row.payload_sha256 = world.drafts[1].row.payload_sha256);
    bench.press("Y");
    assert_eq!(bench.approvals(), [Item { confirms_look_alike: true, ..shown }]);
}

#[test]
fn esc_leaves_it() {
    let mut bench = bench(80, 24);
    bench.press("<enter><pagedown><pagedown>a<esc>Y");
    assert!(bench.asked.is_empty());
}

/// S4, S13: a bulk approval confirms nothing; the item comes back with the reason.
#[test]
fn marks_never_confirm() {
    let mut bench = bench(120, 40);
    bench.press("<space>j<space>a");
    assert!(bench.approvals().iter().all(|item| !item.confirms_look_alike));
    let approved = bench.approved();
    let reason = "anna looks like another".to_owned();
    bench.decide(|item| {
        if item == id(1) {
            ItemOutcome::NeedsConfirmation { reason: reason.clone() }
        } else {
            approved.clone()
        }
    });
    let text = bench.text();
    assert!(text.contains("open it and confirm: anna looks like another"), "{text}");
}
