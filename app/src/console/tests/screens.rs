//! Pictures of the screens. They are read in review like code.
use countersign_core::activity::status::Status;
use countersign_core::approval::ItemOutcome;

use super::bench::{Bench, World};
use super::fixtures::{ago, id};

#[test]
fn approvals_120x40() {
    let mut bench = Bench::new(120, 40);
    bench.press("j<space>");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn approvals_80x24() {
    let mut bench = Bench::new(80, 24);
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn approvals_80x24_open() {
    let mut bench = Bench::new(80, 24);
    bench.press("<enter>");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn outbox_120x40() {
    let mut bench = Bench::new(120, 40);
    bench.press("2");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn outbox_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("2");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn empty_80x24() {
    let mut bench = Bench::with(World { version: 1, ..World::default() }, 80, 24);
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn stale_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.lose_database();
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn help_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("?");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn reject_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("<enter>xwrong tone");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn results_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("j<enter><space>j<space>j<space><esc>j<space>a");
    let approved = bench.approved();
    let other = bench.hash_of(1).payload_sha256;
    bench.decide(|decided| match decided {
        first if first == id(2) => approved.clone(),
        second if second == id(3) => {
            ItemOutcome::Taken { status: Status::Approved, by: Some("ben".to_owned()), at: Some(ago(60)) }
        }
        _ => ItemOutcome::Changed { payload_sha256: other },
    });
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn settle_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("2<enter>asked them<enter>");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn hostile_120x40() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.drafts[0].row.contact = "\u{1b}[2JZoë\u{202e}".to_owned();
        if let Some(envelope) = &mut world.drafts[0].envelope {
            envelope.payload.to = "ana@acme.example\u{200b} <evil@else.example>".to_owned();
        }
    });
    insta::assert_snapshot!(bench.picture());
}
