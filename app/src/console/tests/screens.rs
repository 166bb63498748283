//! Pictures of the screens. They are read in review like code.
//!
//! Characters and roles are one picture per screen and layout class; what each theme makes of the roles is one picture per theme.
use countersign_core::activity::status::Status;
use countersign_core::actor::Role;
use countersign_core::approval::ItemOutcome;
use rstest::rstest;

use super::bench::{Bench, World};
use super::fixtures::{ago, id};
use super::picture;
use crate::console::theme::{Charset, Theme};

/// Every screen that has a picture: a name, the keys that lead there, and what is different before them.
const SCENES: &[(&str, &str, Before)] = &[
    ("approvals", "j<space>k", Before::Filled),
    ("open", "<enter>", Before::Filled),
    ("narrowed", ":outbox main<enter>:kind follow_up<enter>", Before::Filled),
    ("outbox", "2", Before::Filled),
    ("settle", "2<enter>asked them<enter>", Before::Filled),
    ("reject", "<enter>xwrong tone", Before::Filled),
    ("edit", "e", Before::Filled),
    ("diff", "<enter>d", Before::Filled),
    ("snooze", "s", Before::Filled),
    ("copy", "<enter>y", Before::Filled),
    ("range", "jvj", Before::Filled),
    ("inbox", "7", Before::Filled),
    ("assign", "7jjabo@acme.example", Before::Filled),
    ("activity", "9", Before::Filled),
    ("help", "?", Before::Filled),
    ("palette", ":<down>", Before::Filled),
    ("palette_typed", ":un", Before::Filled),
    ("empty", "", Before::Empty),
    ("stale", "", Before::Lost),
];

/// One size for each of the three layouts, and the smallest.
const SIZES: [(u16, u16); 4] = [(120, 30), (80, 24), (60, 20), (40, 8)];

#[derive(Clone, Copy)]
enum Before {
    Filled,
    Empty,
    Lost,
}

fn scene(keys: &str, before: Before, size: (u16, u16), theme: Theme) -> Bench {
    let world = match before {
        Before::Filled | Before::Lost => World::filled(),
        Before::Empty => World { version: 1, ..World::default() },
    };
    let mut bench = Bench::themed(world, size.0, size.1, theme, Role::Approver);
    if matches!(before, Before::Lost) {
        bench.lose_database();
    }
    bench.press(keys);
    bench
}

#[test]
fn every_screen_in_every_layout() {
    for (name, keys, before) in SCENES {
        for size in SIZES {
            let mut bench = scene(keys, *before, size, Theme::shipped("default", Charset::Unicode));
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), bench.picture());
        }
    }
}

/// Themes change looks and never words or signs, so what is known without colour is known in all of them.
#[rstest]
fn a_theme_changes_no_character(#[values("mono", "high-contrast", "colour-blind-safe")] theme: &str) {
    for (name, keys, before) in SCENES {
        for size in SIZES {
            let mut plain = scene(keys, *before, size, Theme::shipped("default", Charset::Unicode));
            let mut themed = scene(keys, *before, size, Theme::shipped(theme, Charset::Unicode));
            assert_eq!(plain.text(), themed.text(), "{name} {size:?}");
        }
    }
}

/// What each class of theme makes of the screens in each layout: where the cursor is, what is wrong, what is asked.
#[rstest]
fn what_a_theme_makes_of_the_screens(
    #[values("default", "mono", "high-contrast")] theme: &str,
    #[values(0, 1, 2)] layout: usize,
) {
    let size = SIZES[layout];
    let mut pictures = String::new();
    for wanted in ["approvals", "open", "outbox", "activity", "edit", "palette_typed", "reject"] {
        let Some((name, keys, before)) = SCENES.iter().find(|(name, ..)| *name == wanted) else {
            panic!("{wanted}");
        };
        let mut bench = scene(keys, *before, size, Theme::shipped(theme, Charset::Unicode));
        pictures.push_str(&format!("== {name}\n{}", picture::looks(&bench.paint())));
    }
    insta::assert_snapshot!(format!("theme_{theme}_{}x{}", size.0, size.1), pictures);
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
