//! Two people on the same drafts, and a list that moves under keys that are held down.
use std::collections::BTreeSet;

use crate::office::{Office, draft};
use crate::screen::{Screen, cells};

/// Every text that a terminal of that size has shown, frame by frame.
fn frames(bytes: &[u8]) -> Vec<String> {
    const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
    let mut emulator = vt100::Parser::new(cells(40), cells(120), 0);
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(END_OF_FRAME.len()).position(|window| window == END_OF_FRAME) {
        let (frame, tail) = rest.split_at(end + END_OF_FRAME.len());
        emulator.process(frame);
        frames.push(emulator.screen().contents());
        rest = tail;
    }
    frames
}

/// S11, R24, C1–C7: two people approve the same marked drafts at the same moment. Each draft has one winner, the loser hears who
/// it was, and everything is sent once.
#[test]
fn two_consoles_race_on_the_same_marked_drafts() {
    const DRAFTS: usize = 4;
    let mut office = Office::open("0s");
    office.import(DRAFTS);
    let mut first = Screen::open(&office.home, &[]);
    first.shows("Dear Person 1,");
    // The person at the first console goes on under the name ben; the second console belongs to a new operator.
    let me = office.home.texts("SELECT name FROM crm_operators").remove(0);
    office.home.change("UPDATE crm_operators SET name = 'ben'");
    office.home.on("countersign", async |conn| {
        let add = "INSERT INTO crm_operators (company_id, id, name, role)
            SELECT id, gen_random_uuid(), $1, 'approver' FROM crm_companies";
        sqlx::query(add).bind(&me).execute(conn).await.expect("the operator is added")
    });
    let mut second = Screen::open(&office.home, &[]);
    for screen in [&mut first, &mut second] {
        for number in 1..=DRAFTS {
            screen.shows(&format!("Dear Person {number},"));
            screen.send(" ");
            screen.shows(&format!("{number} marked"));
            if number < DRAFTS {
                screen.send("j");
            }
        }
    }
    first.send("a");
    second.send("a");
    crate::until("everything is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 4
    });
    let lost = |screen: &Screen| frames(&screen.bytes()).iter().any(|frame| frame.contains("taken by "));
    crate::until("the loser is told", || lost(&first) || lost(&second));
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'"), 4);
    for mut screen in [first, second] {
        screen.send("\x03");
        screen.ended_well();
    }
    office.sent_each_once(DRAFTS);
    office.home.let_go();
    office.provider.stop();
}

/// S9: rows come, go and change places while `a`, `j` and `space` repeat. Whatever was approved had been on screen to its end.
#[test]
fn a_list_that_moves_under_held_keys_approves_only_what_was_shown() {
    let mut office = Office::open("1h");
    office.import(12);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("Dear Person 1,");
    for round in 0..12_usize {
        screen.send("aj ");
        match round % 3 {
            0 => {
                let line = draft(100 + round);
                office.home.run_with(&["drafts", "import", "-"], &line).ends_with(0);
            }
            1 => {
                if let Some(item) = office.pending().get(1) {
                    // The console may be first; that is the point.
                    office.home.run(&["approvals", "reject", item, "--reason", "not now"]);
                }
            }
            _ => office.home.change(
                "WITH last AS (SELECT company_id, id FROM crm_activities WHERE stage = 'draft' ORDER BY created_at DESC, id LIMIT 1),
                  moved AS (UPDATE crm_activities a SET created_at = a.created_at - interval '1 day' FROM last WHERE a.id = last.id)
                UPDATE crm_change_counters SET version = version + 1",
            ),
        }
        screen.send("aaa");
    }
    // With the last decision on screen, everything before it is in the frames.
    screen.send("\x1b");
    crate::until("something was approved", || {
        office.home.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'") > 0
    });
    screen.send("\x03");
    screen.ended_well();
    let shown: BTreeSet<String> = frames(&screen.bytes())
        .iter()
        .filter(|frame| frame.contains("your roof is ready."))
        .flat_map(|frame| {
            frame
                .lines()
                .filter(|line| line.contains("Dear Person"))
                .map(|line| line.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let approved = office.home.texts(
        "SELECT 'Dear ' || c.name || ',' FROM crm_decisions d JOIN crm_activities a ON a.id = d.activity_id
        JOIN crm_contacts c ON c.id = a.contact_id
        WHERE d.verdict = 'approve' AND d.payload_sha256 = a.payload_sha256",
    );
    let all = office.home.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'");
    assert_eq!(i64::try_from(approved.len()).expect("few"), all, "every approval names the bytes there are");
    for letter in approved {
        assert!(shown.contains(&letter), "{letter} was approved and never shown; shown: {shown:?}");
    }
    office.home.let_go();
    office.provider.stop();
}
