//! A morning at the console: twenty drafts, three of them in other words, one changed by somebody else in between.
use crate::office::Office;
use crate::screen::Screen;

/// Keys that are pressed, without what is typed into a text.
struct Hands {
    screen: Screen,
    keys: usize,
}

impl Hands {
    fn press(&mut self, keys: &str) {
        self.keys += keys.chars().count();
        self.screen.send(keys);
    }

    /// Typing is not counted.
    fn type_in(&mut self, text: &str) {
        self.screen.send(text);
    }
}

/// S8, S13, C3: twenty decisions with fewer than sixty keys, each on what was read; what somebody changed in between is looked at
/// again.
#[test]
fn twenty_drafts_three_edits_and_one_conflict_take_fewer_than_sixty_keys() {
    let office = Office::open("0s");
    office.import(20);
    let items = office.pending();
    let mut hands = Hands { screen: Screen::open(&office.home, &[]), keys: 0 };
    hands.screen.shows("1 Approvals 20");
    for number in 1..=20 {
        hands.screen.shows(&format!("Dear Person {number},"));
        if [3, 9, 15].contains(&number) {
            hands.press("e");
            hands.screen.shows("--- subject ---");
            hands.type_in("\x1b[B\x1b[FX");
            hands.screen.shows(&format!("Roof {number}X"));
            hands.press("\x13");
            hands.screen.shows("saved, waits for a decision");
            hands.screen.shows(&format!("Subject   Roof {number}X"));
        }
        if number < 20 {
            hands.press("j");
        }
    }
    let other = "--- subject ---\nRoof 7 again\n--- text ---\nDear Person 7,\n\nother words.\n";
    office.home.run_with(&["approvals", "edit", &items[6], "--file", "-"], other).ends_with(0);
    hands.press("*");
    hands.screen.shows("20 marked");
    hands.press("a");
    hands.screen.shows("approved 19 of 20 messages");
    hands.screen.shows("changed since shown: look again");
    // Not esc: a key that follows it at once would be taken for a piece of an arrow key.
    hands.press("\r");
    hands.screen.shows("1 Approvals 1");
    hands.screen.shows("other words.");
    // The marked one is decided: it is the only one, and it was read just now.
    hands.screen.approve("Person 7");
    hands.keys += 1;
    crate::until("all are sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 20
    });
    hands.press("q");
    hands.screen.ended_well();
    assert!(hands.keys < 60, "{} keys", hands.keys);

    office.sent_each_once(20);
    let bodies: Vec<String> = office.provider.ledger().into_iter().map(|entry| entry.body).collect();
    let says = |text: &str| bodies.iter().filter(|body| body.contains(text)).count();
    for subject in ["Roof 3X", "Roof 9X", "Roof 15X", "Roof 7 again", "other words."] {
        assert_eq!(says(subject), 1, "{subject}");
    }
}
