//! The main story: drafts come in, a person decides on the screen, the dispatcher sends, the screen tells the truth.
use crate::office::Office;
use crate::screen::Screen;

/// R1, R16, C1–C7, F31: from drafts on screen to messages on the wire.
#[test]
fn three_are_approved_one_is_taken_back_two_are_sent() {
    let mut office = Office::open("6s");
    office.import(5);
    let first = office.pending()[0].split('@').next().map(str::to_owned).expect("an id");

    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("1 Approvals 5");
    screen.shows("your roof is ready.");
    assert!(
        screen.contents().contains("email goes to 127.0.0.1"),
        "the override is said\n{}",
        screen.contents()
    );

    screen.send("/");
    screen.shows("Filter:");
    screen.send("person3@\r");
    screen.hides("Person 1 ");
    screen.shows("Person 3");
    screen.send("/");
    screen.shows("Filter:");
    // ctrl-u empties the field.
    screen.send("\x15\r");
    screen.shows("Person 1 ");

    // One by one, each shown to its end before it is approved.
    for number in 1..=3 {
        screen.shows(&format!("Dear Person {number},"));
        screen.approve(&format!("Person {number}"));
    }
    screen.shows("1 Approvals 2");
    // The latest first: the third.
    screen.send("u");
    screen.shows("taken back");
    screen.shows("1 Approvals 3");

    crate::until("two messages are sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 2
    });
    screen.send("2");
    screen.shows("main");
    screen.until("the outbox says two of its quota are used", |screen| screen.contents().contains(" 2/500"));
    screen.send("1");
    screen.shows("Person 3");
    screen.send("q");
    screen.ended_well();

    office.sent_each_once(2);
    assert!(office.provider.ledger().iter().any(|entry| entry.activity_id.as_deref() == Some(&first)));
    let pending = office.home.texts(
        "SELECT recipient FROM crm_activities a JOIN crm_activity_details d ON d.activity_id = a.id
        WHERE status = 'draft_pending_approval' ORDER BY recipient",
    );
    assert_eq!(pending, ["person3@example.com", "person4@example.com", "person5@example.com"]);

    drop(screen);
    office.home.let_go();
    office.provider.stop();
    office.home.is_deserted();
}
