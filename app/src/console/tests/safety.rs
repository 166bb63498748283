//! What keeps a sender's reputation: risk and second people, switches, mass undo, holds with their ends, and evidence.
use countersign_core::activity::status::Status;
use countersign_core::activity::view::{DecisionView, Hold};
use countersign_core::actor::Role;
use countersign_core::approval::risk::Risk;
use countersign_core::approval::{ItemOutcome, Undone};
use countersign_core::channel::ChannelName;
use countersign_core::gate::{Ruling, Verdict};
use countersign_core::outbox::store::{KillScope, WideKill};
use jiff::SignedDuration;
use rstest::rstest;

use super::bench::{Bench, World};
use super::fixtures::{ago, id, now};
use crate::console::msg::{Effect, Failure, Msg};
use crate::console::switch::{Reach, Turn};
use crate::console::theme::{Charset, Theme};

const REASONS: [&str; 2] = ["the first message to anybody at nordlys.example", "speaks of prices (`offer`)"];

/// The first draft is risky, in a company that asks for two people.
pub(super) fn risky() -> World {
    let mut world = World::filled();
    let draft = &mut world.drafts[0];
    draft.row.risk = Risk::High;
    draft.risk_reasons = REASONS.map(str::to_owned).to_vec();
    draft.needs_two = true;
    world
}

pub(super) fn voted(world: &mut World, by: &str) {
    let draft = &mut world.drafts[0];
    draft.row.approvals = 1;
    draft.decisions.push(DecisionView {
        verdict: "approve".to_owned(),
        by: by.to_owned(),
        at: ago(60),
        payload_sha256: draft.row.payload_sha256,
        reason: None,
        round: 1,
    });
}

fn admin(world: World) -> Bench {
    Bench::themed(world, 120, 40, Theme::shipped("default", Charset::Unicode), Role::Admin)
}

/// All sixteen gates, some of which stand against it.
fn gates(against: &[(&'static str, Ruling)]) -> Vec<Verdict> {
    let names = [
        "outbox",
        "freshness",
        "allowlist",
        "suppression",
        "consent",
        "reply",
        "channel",
        "window",
        "address",
        "content",
        "decision",
        "time",
        "spacing",
        "frequency",
        "quiet_hours",
        "quota",
    ];
    names
        .into_iter()
        .map(|gate| {
            let found = against.iter().find(|(name, _)| *name == gate);
            let ruling = found.map_or(Ruling::Pass, |(_, ruling)| *ruling);
            let sentence = format!("what {gate} says");
            Verdict {
                gate,
                ruling,
                code: if found.is_some() { "code" } else { "" },
                sentence: sentence.into(),
            }
        })
        .collect()
}

#[test]
fn risk_stands_in_the_list_and_its_reasons_below_the_message() {
    let mut bench = Bench::with(risky(), 120, 40);
    let text = bench.text();
    assert!(text.contains("email     high follow_up"), "{text}");
    let line =
        "risk high: 0 of 2 approved; two people have to; the first message to anybody at nordlys.example;";
    assert!(text.contains(line), "{text}");
    bench.press("lll");
    let text = bench.text();
    for words in [
        "Risk      high",
        "          the first message",
        "          speaks of prices",
        "Approved  0 of 2 approved",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_low_risk_that_one_person_may_take_needs_no_line() {
    let mut bench = Bench::new(120, 40);
    assert!(!bench.text().contains("risk low"), "{}", bench.text());
}

#[rstest]
fn who_still_has_to_decide_is_named(#[values((120, 40), (80, 24), (60, 20), (40, 12))] size: (u16, u16)) {
    let mut world = risky();
    voted(&mut world, "ben");
    let mut bench = Bench::with(world, size.0, size.1);
    assert!(bench.text().contains("1 of 2 "), "{}", bench.text());
    bench.press("<enter>");
    let text = bench.text();
    assert!(size.0 < 60 || text.contains("1 of 2 approved, by ben; a second"), "{text}");
}

/// Votes of an earlier round or about other bytes are no votes.
#[test]
fn a_vote_about_other_bytes_is_not_counted() {
    let mut world = risky();
    voted(&mut world, "ben");
    world.drafts[0].row.round = 2;
    assert!(Bench::with(world, 120, 40).text().contains("0 of 2 approved"));
}

#[test]
fn a_first_vote_leaves_the_draft_where_it_is_and_counts_down_nothing() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("a");
    bench.decide(|_| ItemOutcome::NeedsSecond);
    assert!(bench.notice().starts_with("approved by you; a second person has to: Zoë"), "{}", bench.notice());
    assert_eq!((bench.cursor(), bench.model.approvals.rows.len()), (Some(id(1)), 6));
    assert!(bench.text().contains("1 of 2  Zoë"), "{}", bench.text());
    assert!(bench.model.undoable().is_none());
}

#[test]
fn first_votes_among_approvals_are_told_apart() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("<space>j<space>a");
    let approved = bench.approved();
    bench.decide(|decided| if decided == id(1) { ItemOutcome::NeedsSecond } else { approved.clone() });
    let text = bench.text();
    assert!(text.contains("approved 1 of 2 messages"), "{text}");
    assert!(text.contains("approved by you; a second person has to: Zoë Álvarez"), "{text}");
    assert!(!bench.model.is_marked(id(1)), "it is decided as far as this person goes");
}

#[test]
fn only_first_votes_are_not_called_approved() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("<space>j<space>a");
    bench.decide(|_| ItemOutcome::NeedsSecond);
    let said = bench.notice();
    assert_eq!(said, "approved by you: 2 messages; a second person has to");
}

/// Sixteen gates on a small screen: what stands against it in sentences, what passes in one line with a sign for the rest.
#[test]
fn sixteen_gates_fit_a_small_screen() {
    let mut world = World::filled();
    let until = now() + SignedDuration::from_mins(5);
    world.drafts[0].verdicts = gates(&[("quiet_hours", Ruling::Defer { until })]);
    let mut bench = Bench::with(world, 80, 24);
    bench.press("<enter>");
    let text = bench.text();
    assert!(text.contains(" hold quiet_hours: what quiet_hours says (in 5 min)"), "{text}");
    assert!(text.contains(" ok 15 of 16  outbox freshness allowlist") && text.contains(" …\n"), "{text}");
    insta::assert_snapshot!("gates_80x24", bench.picture());
}

#[test]
fn what_stands_against_it_is_named_even_where_its_sentence_has_no_room() {
    let mut world = risky();
    let stop = Ruling::Block { status: Status::BlockedByPolicy };
    let until = now() + SignedDuration::from_mins(5);
    let against = [
        ("suppression", stop),
        ("reply", stop),
        ("decision", Ruling::Reopen),
        ("quota", Ruling::Defer { until }),
    ];
    world.drafts[0].verdicts = gates(&against);
    let mut bench = Bench::with(world, 80, 24);
    bench.press("<enter>");
    let text = bench.text();
    assert!(text.contains("stop suppression: what suppression says"), "{text}");
    for named in ["stop reply", "back decision", "hold quota"] {
        assert!(text.contains(named), "{named}: {text}");
    }
    bench.press("lll");
    bench.press("<enter>");
    assert!(bench.text().contains("back decision (code); becomes a draft again"), "{}", bench.text());
}

#[test]
fn a_kill_asks_why_and_takes_neither_its_own_key_nor_nothing_for_an_answer() {
    let mut bench = Bench::new(120, 40);
    bench.press("2X<enter>");
    assert!(bench.asked.is_empty());
    assert!(bench.notice().starts_with("KILL main, reason:"), "{}", bench.notice());
    bench.press("<esc>X<esc>");
    assert!(bench.asked.is_empty() && bench.model.dialog.is_none());
    bench.press("Xwrong list<enter>");
    let [Effect::Switch { reach: Reach::Outbox { name, .. }, turn }] = bench.asked.as_slice() else {
        panic!("{:?}", bench.asked);
    };
    assert_eq!((name.as_str(), turn), ("main", &Turn::Kill { reason: "wrong list".to_owned() }));
    assert_eq!(bench.notice(), "killing: main", "until the answer is here");
    let Effect::Switch { reach, turn } = bench.asked.remove(0) else { panic!() };
    bench.tell(Msg::Switched { reach, turn, result: Ok(()) });
    assert_eq!(bench.notice(), "killed: main");
}

fn killed() -> World {
    let mut world = World::filled();
    world.outboxes[0].kill_reason = Some("wrong list".to_owned());
    world.outboxes[0].kill_scope = Some(KillScope::Outbox);
    world
}

#[test]
fn only_an_admin_lifts_a_kill_and_by_another_key_than_asked() {
    let mut bench = Bench::with(killed(), 120, 40);
    bench.press("2X");
    assert!(bench.model.dialog.is_none() && bench.asked.is_empty());
    assert!(bench.notice().contains("needs the admin role, you are approver"), "{}", bench.notice());
    let mut bench = admin(killed());
    bench.press("2XX<enter>y");
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    bench.press("Y");
    let [Effect::Switch { reach: Reach::Outbox { name, .. }, turn: Turn::Lift }] = bench.asked.as_slice()
    else {
        panic!("{:?}", bench.asked);
    };
    assert_eq!(name, "main");
    assert_eq!(bench.notice(), "letting go again: main");
}

#[test]
fn the_palette_kills_a_channel_and_the_company_from_any_screen() {
    for (typed, expected) in
        [("kill channel email", Reach::Channel(ChannelName::Email)), ("kill everything", Reach::Company)]
    {
        let mut bench = Bench::new(120, 40);
        bench.press(&format!(":{typed}<enter><enter>"));
        assert!(bench.asked.is_empty(), "a reason is asked for");
        bench.press("leak<enter>");
        let turn = Turn::Kill { reason: "leak".to_owned() };
        assert_eq!(bench.asked, [Effect::Switch { reach: expected, turn }]);
    }
}

fn stopped() -> World {
    let mut world = World::filled();
    world.kills = vec![
        WideKill { channel: None, reason: "key leaked".to_owned() },
        WideKill { channel: Some(ChannelName::Email), reason: "blocklisted".to_owned() },
    ];
    for outbox in &mut world.outboxes {
        outbox.kill_reason = Some("key leaked".to_owned());
        outbox.kill_scope = Some(KillScope::Company);
    }
    world
}

#[rstest]
fn while_the_company_is_killed_every_screen_says_so(
    #[values((120, 40), (80, 24), (60, 20))] size: (u16, u16),
    #[values("1", "2", "7", "9")] screen: &str,
) {
    let mut bench = Bench::with(stopped(), size.0, size.1);
    bench.press(screen);
    let text = bench.text();
    assert!(text.lines().next().unwrap().contains("KILLED"), "{text}");
    assert!(
        bench.notice().starts_with("! KILLED: nothing of this company leaves: key l"),
        "{}",
        bench.notice()
    );
}

#[test]
fn a_killed_channel_is_named_in_the_header_and_lifted_in_the_palette_by_an_admin() {
    let mut world = stopped();
    world.kills.remove(0);
    let mut bench = admin(world.clone());
    assert!(bench.text().contains("! email KILLED"), "{}", bench.text());
    assert_eq!(bench.notice(), "! KILLED: nothing leaves by email: blocklisted");
    bench.press(":lift channel email<enter>Y");
    let lift = Effect::Switch { reach: Reach::Channel(ChannelName::Email), turn: Turn::Lift };
    assert_eq!(bench.asked, [lift]);
    let mut bench = Bench::with(world, 120, 40);
    bench.press(":lift channel email<enter>");
    assert!(bench.model.dialog.is_none(), "not by an approver");
    assert!(bench.notice().contains("needs the admin role"), "{}", bench.notice());
}

/// A wider kill stops the outbox already; the key does not pretend to lift or add to it.
#[test]
fn an_outbox_stopped_from_above_is_not_killed_again() {
    let mut bench = admin(stopped());
    assert!(bench.text().contains("company KILLED"));
    bench.press("2X");
    assert!(bench.model.dialog.is_none() && bench.notice().contains("reaches further"), "{}", bench.notice());
    assert!(bench.text().contains("KILLED with the company: key leaked"), "{}", bench.text());
    bench.press("p");
    assert!(bench.asked.is_empty() && bench.notice().contains("reaches further"), "{}", bench.notice());
}

#[test]
fn a_whole_batch_is_taken_back_and_counted_even_after_its_time() {
    let mut bench = Bench::new(120, 40);
    bench.press("<space>j<space>a");
    let decision = match &bench.asked[0] {
        Effect::Approve { generation, .. } => *generation,
        other => panic!("{other:?}"),
    };
    bench.press("U");
    assert!(bench.notice().contains("still being approved"), "{}", bench.notice());
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.later(3_600);
    bench.press("u");
    assert!(bench.asked.is_empty(), "its time is over, one by one");
    bench.press("UU");
    assert_eq!(bench.asked, [Effect::UndoBatch { decision }]);
    bench.asked.clear();
    bench.press("k");
    assert!(bench.text().contains("taking back your latest batch"), "{}", bench.text());
    bench.later(2);
    bench.tell(Msg::BatchGoesOn { decision, tried: 1_000, of: 4_000 });
    assert!(bench.text().contains("taking back 1 000 of 4 000 · 500/s · 6 s left"), "{}", bench.text());
    bench.tell(Msg::BatchUndone { decision, result: Ok(Undone { undone: 1, batch_size: 2 }) });
    assert!(!bench.text().contains("taking back"), "{}", bench.text());
    assert_eq!(bench.notice(), "taken back 1 of 2 messages; 1 had left, stopped or come back before");
    bench.press("U");
    assert!(bench.asked.is_empty() && bench.notice().contains("taken back already"), "{}", bench.notice());
}

/// R19: not knowing is said, and asking again is possible.
#[test]
fn a_lost_answer_to_a_batch_can_be_asked_again() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.press("U");
    let Effect::UndoBatch { decision } = bench.asked.remove(0) else { panic!() };
    bench.tell(Msg::BatchUndone { decision, result: Err(Failure::Unavailable("gone".to_owned())) });
    assert!(bench.notice().contains("ask again for the rest"), "{}", bench.notice());
    let version = bench.world.version;
    bench.tell(Msg::Polled(version));
    bench.press("U");
    assert_eq!(bench.asked, [Effect::UndoBatch { decision }]);
}

/// Every part of a long decision belongs to the same batch.
#[test]
fn the_parts_of_a_long_approval_are_one_batch() {
    let mut bench = Bench::new(120, 40);
    let items: Vec<_> = (1..=1_001).map(|number| (id(number), bench.hash_of(1).payload_sha256)).collect();
    let items: Vec<_> =
        items.into_iter().map(|(id, hash)| countersign_core::approval::Item::seen(id, hash)).collect();
    for item in &items {
        bench.model.marks.add(*item);
        bench.model.seen.insert(item.id, item.payload_sha256);
    }
    bench.press("a");
    let generation = |effect: &Effect| match effect {
        Effect::Approve { generation, items } => (*generation, items.len()),
        other => panic!("{other:?}"),
    };
    let first = generation(&bench.asked[0]);
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    let second = generation(&bench.asked[0]);
    assert_eq!((first.1, second.1), (1_000, 1));
    assert_eq!(first.0, second.0);
}

#[test]
fn what_failed_becomes_a_draft_again_and_what_is_uncertain_does_not() {
    let mut bench = Bench::new(120, 40);
    bench.press("2n");
    assert!(
        bench.asked.is_empty() && bench.notice().contains("only what failed or is blocked"),
        "{}",
        bench.notice()
    );
    bench.press("jn");
    assert!(matches!(&bench.asked[0], Effect::Undo { ids, .. } if *ids == [id(22)]), "{:?}", bench.asked);
    bench.decide(|_| ItemOutcome::Undone);
    assert_eq!(bench.notice(), "taken back, a draft again: studio.casa.lima");
}

#[rstest]
#[case::circuit(|world: &mut World| {
    world.outboxes[0].cool_until = Some(now() + SignedDuration::from_mins(90));
    (world.outboxes[0].is_circuit_open, world.outboxes[0].fault_streak) = (true, 5);
}, "circuit open, tries 15:32: 5 calls without a clear answer")]
#[case::provider(|world: &mut World| {
    world.outboxes[0].cool_until = Some(now() + SignedDuration::from_secs(22));
}, "waiting: the provider asked, in 22 s")]
#[case::half_open(|world: &mut World| world.outboxes[0].fault_streak = 7, "one call at a time: 7 calls without a clear answer")]
#[case::warming_up(|world: &mut World| world.outboxes[0].effective_cap = 40, "31/40     12        12      1 284   open, warm-up (cap 80)")]
#[case::warmed_up_for_today(|world: &mut World| world.outboxes[0].effective_cap = 31, "warm-up full until 00:00 Paris")]
#[case::mute(|world: &mut World| world.mute = vec![ChannelName::Email], "no adapter yet")]
fn an_outbox_names_its_lowest_limit(#[case] change: fn(&mut World), #[case] words: &str) {
    let mut world = World::filled();
    change(&mut world);
    let mut bench = Bench::with(world, 120, 40);
    // In full on the line above the hints while the cursor is among the outboxes.
    bench.press("2o");
    assert!(bench.text().contains(words), "{words}: {}", bench.text());
}

/// What ends by a person's word has no time, and says whose word.
#[rstest]
#[case("outbox_killed", "when lifted")]
#[case("outbox_paused", "when resumed")]
fn a_stop_says_what_ends_it(#[case] code: &str, #[case] next: &str) {
    let mut world = World::filled();
    world.queue[1].row.hold =
        Some(Hold { code: code.to_owned(), sentence: "stopped".to_owned(), until: None });
    let mut bench = Bench::with(world, 80, 24);
    bench.press("2");
    assert!(bench.text().contains(next), "{}", bench.text());
    bench.press("jjj<enter>");
    let text = bench.text();
    assert!(text.contains("nothing leaves until somebody lets it send again"), "{text}");
}

/// What waits to be repeated says so, until when its key is trusted, and what the provider told.
#[test]
fn the_evidence_of_a_repeat_names_its_deadline() {
    let mut world = World::filled();
    let sending = &mut world.queue[0];
    let until = now() + SignedDuration::from_secs(40);
    sending.row.hold =
        Some(Hold { code: "replay".to_owned(), sentence: "tried again".to_owned(), until: Some(until) });
    sending.attempts = world.trouble[0].attempts.clone();
    let mut bench = Bench::with(world, 120, 40);
    bench.press("2jj");
    let text = bench.text();
    assert!(text.contains("tried again") && text.contains("in 40 s"), "{text}");
    for words in [
        "Asked     POST /emails, body of 2 bytes",
        "Answer    reset connection reset by peer",
        "Key       countersign-21",
        "Became    nothing was heard of it since",
        // 24 hours from the first time on the wire, less the hour of margin.
        "Window    the same key works until 2026-11-24 12:58:00 UTC",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn the_evidence_of_an_uncertain_message_says_when_its_window_passed() {
    let mut world = World::filled();
    let uncertain = &mut world.trouble[0];
    uncertain.row.wire_at = Some(ago(90_000));
    uncertain.attempts[0].wire_at = Some(ago(90_000));
    let mut bench = Bench::with(world, 120, 40);
    bench.press("2");
    assert!(bench.text().contains("Window    passed 2026-11-23 12:02:00 UTC:"), "{}", bench.text());
}

/// A new round has a new key, whose time begins anew.
#[test]
fn the_window_of_a_new_key_does_not_begin_with_an_old_one() {
    let mut world = World::filled();
    let uncertain = &mut world.trouble[0];
    let mut old = uncertain.attempts[0].clone();
    (old.idempotency_key, old.wire_at) = ("countersign-21-old".to_owned(), Some(ago(90_000)));
    uncertain.attempts.insert(0, old);
    let mut bench = Bench::with(world, 120, 40);
    bench.press("2");
    assert!(bench.text().contains("the same key works until 2026-11-24 12:58:00"), "{}", bench.text());
}
