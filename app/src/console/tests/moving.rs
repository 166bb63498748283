//! Moving, marking, narrowing, paging.
use countersign_core::activity::status::Status;
use countersign_core::channel::ChannelName;

use super::bench::{Bench, World};
use super::fixtures::{ago, id, item, mail};
use crate::console::model::{Pane, Screen};
use crate::console::msg::Effect;

fn many(count: u128) -> World {
    let drafts = (1..=count)
        .map(|number| {
            let mut draft = item(
                number,
                Status::DraftPendingApproval,
                &format!("Contact {number}"),
                None,
                mail("s", "t"),
            );
            draft.row.created_at = ago(100_000 - i64::try_from(number).unwrap());
            draft
        })
        .collect();
    World { drafts, version: 1, ..World::default() }
}

#[test]
fn keys_move_and_stop_at_the_ends() {
    let mut bench = Bench::new(120, 40);
    bench.press("jj<down>k");
    assert_eq!(bench.cursor(), Some(id(3)));
    bench.press("G");
    assert_eq!(bench.cursor(), Some(id(6)));
    bench.press("j");
    assert_eq!(bench.cursor(), Some(id(6)));
    bench.press("gg");
    assert_eq!(bench.cursor(), Some(id(1)));
    bench.press("gk");
    assert_eq!(bench.cursor(), Some(id(1)), "a sequence that is not known does nothing");
    bench.press("<c-d>");
    assert_ne!(bench.cursor(), Some(id(1)));
    bench.press("<c-u>");
    assert_eq!(bench.cursor(), Some(id(1)));
}

#[test]
fn further_pages_come_before_the_end_is_reached_and_one_at_a_time() {
    let mut bench = Bench::with(many(450), 120, 40);
    assert_eq!(bench.model.approvals.rows.len(), 200);
    bench.press("G");
    assert_eq!(bench.model.approvals.rows.len(), 400);
    assert_eq!(bench.cursor(), Some(id(200)));
    bench.press("GG");
    assert_eq!(bench.cursor(), Some(id(450)));
    bench.is_answering = false;
    bench.press("gg");
    let pages = bench.asked.iter().filter(|effect| matches!(effect, Effect::LoadPage { .. })).count();
    assert!(pages <= 1, "{pages} pages for one key");
}

#[test]
fn a_screen_taller_than_a_page_is_filled_without_going_round_in_circles() {
    let mut bench = Bench::with(many(600), 120, 500);
    bench.press("G");
    assert!(bench.reads < 20, "{} reads", bench.reads);
    assert!(bench.model.approvals.rows.len() >= 400);
}

#[test]
fn a_change_far_down_reads_only_what_is_on_screen() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.press("GGG");
    let before = bench.reads;
    bench.changed(|world| {
        world.drafts.remove(449);
    });
    assert!(bench.reads - before <= 5, "{} reads", bench.reads - before);
    assert_eq!(bench.cursor(), Some(id(449)));
    assert_eq!(bench.model.approvals.rows.len(), 449);
}

#[test]
fn rows_that_were_read_long_ago_are_read_again_when_they_come_into_view() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.press("GGG");
    bench.changed(|world| {
        world.drafts.remove(0);
    });
    assert_eq!(bench.model.approvals.rows.len(), 450, "the row above is not on screen");
    bench.press("gg");
    assert_eq!(bench.cursor(), Some(id(2)));
    assert_eq!(bench.model.approvals.rows.len(), 449);
}

#[test]
fn the_cursor_holds_an_id_and_marks_survive_a_change() {
    let mut bench = Bench::new(120, 40);
    bench.press("j<space>j");
    bench.changed(|world| {
        world.drafts.remove(0);
    });
    assert_eq!(bench.cursor(), Some(id(3)));
    assert!(bench.model.is_marked(id(2)));
    bench.press("k<space>");
    assert!(!bench.model.is_marked(id(2)));
}

#[test]
fn the_text_filter_narrows_and_an_empty_one_shows_all() {
    let mut bench = Bench::new(120, 40);
    bench.press("/kari<enter>");
    assert_eq!(bench.model.approvals.rows.len(), 1);
    assert_eq!(bench.cursor(), Some(id(6)));
    assert!(bench.text().contains("text: kari"));
    bench.press("/<c-u><enter>");
    assert_eq!(bench.model.approvals.rows.len(), 6);
}

#[test]
fn esc_takes_the_text_filter_away_and_decides_nothing() {
    let mut bench = Bench::new(120, 40);
    bench.press("/kari<enter>");
    assert!(bench.text().contains("1 match"));
    bench.press("<esc>");
    assert_eq!(bench.model.approvals.rows.len(), 6);
    assert!(!bench.text().contains("match"));
}

#[test]
fn the_channel_filter_goes_round() {
    let mut bench = Bench::new(120, 40);
    bench.press("c");
    assert_eq!(bench.model.filter.channel, Some(ChannelName::Email));
    assert_eq!(bench.model.approvals.rows.len(), 2);
    bench.press("cccc");
    assert_eq!(bench.model.filter.channel, Some(ChannelName::Instagram));
    bench.press("c");
    assert_eq!(bench.model.filter.channel, None);
}

#[test]
fn enter_opens_under_the_list_then_in_full_and_esc_goes_back() {
    let mut bench = Bench::new(80, 24);
    assert!(!bench.text().contains("Subject"));
    bench.press("<enter>");
    assert!(bench.text().contains("Subject") && bench.text().contains("drafted by"));
    bench.press("<enter>");
    assert!(!bench.text().contains("drafted by"));
    bench.press("<esc><esc>");
    assert_eq!(bench.model.pane, Pane::List);
}

#[test]
fn tab_and_digits_change_the_screen() {
    let mut bench = Bench::new(80, 24);
    bench.press("<tab>");
    assert_eq!(bench.model.screen, Screen::Outbox);
    bench.press("<s-tab>2");
    assert_eq!(bench.model.screen, Screen::Outbox);
    bench.press("1");
    assert_eq!(bench.model.screen, Screen::Approvals);
    assert_eq!(bench.cursor(), Some(id(1)));
}

#[test]
fn refresh_reads_again_but_not_once_more_for_a_held_key() {
    let mut bench = Bench::new(80, 24);
    let before = bench.reads;
    bench.press("r");
    assert!(bench.reads > before);
    bench.is_answering = false;
    bench.press("rrr");
    assert!(bench.asked.len() <= 3, "{:?}", bench.asked);
}
