//! Somebody answers while a console is open: what they wrote stops what waits for them.
use crate::office::{Office, text};
use crate::screen::Screen;

/// I8, F44: a stranger's message waits on the Inbox for a person who says who it is; what an address gives away is applied by itself.
/// Either way the draft leaves the list before anybody approves it, and the console says why.
#[test]
fn a_reply_takes_its_draft_off_the_list() {
    let mut office = Office::open("1h");
    office.import(3);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("Dear Person 1,");

    office.home.change(
        r#"INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, sig_ok, reading, raw, raw_sha256)
        SELECT id, gen_random_uuid(), 'resend', 'm1', 'message', false, '{"externalId": "m1", "occurredAt": null, "about": [], "what":
          {"kind": "message", "from": "p1@private.example", "to": [], "subject": "Your letter", "text": "Please call me at home.",
           "isAutomatic": false, "isAnnounced": false}}', 'm1', sha256('m1') FROM crm_companies"#,
    );
    screen.shows("7 Inbox 1");
    screen.send("7");
    screen.shows("Unmatched: nobody was found whom it concerns.");
    screen.shows("Please call me at home.");
    let listed = office.home.json(&["inbox", "list", "--state", "attention"]);
    assert_eq!(text(&listed["items"][0]["from"]), "p1@private.example");
    screen.send("a");
    screen.shows("from, id or address:");
    screen.send("person1@example.com\r");
    screen.shows("withdrew 1 message that waited");
    screen.shows("7 Inbox 0");
    let event = text(&listed["items"][0]["id"]).to_owned();
    let shown = office.home.json(&["inbox", "show", &event]);
    assert_eq!((text(&shown["state"]), text(&shown["contact"]["name"])), ("applied", "Person 1"));
    assert_eq!(text(&shown["handled"][0]["action"]), "inbound.assign");
    office.home.run(&["inbox", "retry", &event]).ends_with(3);

    screen.send("1");
    screen.shows("2 pending");
    screen.shows("Dear Person 2,");
    office.home.change(
        r#"INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, sig_ok, reading, raw, raw_sha256)
        SELECT id, gen_random_uuid(), 'resend', 'm2', 'message', false, '{"externalId": "m2", "occurredAt": null, "about": [], "what":
          {"kind": "message", "from": "Person2@example.com", "to": [], "text": "No need.", "isAutomatic": false, "isAnnounced": false}}',
          'm2', sha256('m2') FROM crm_companies"#,
    );
    screen.shows("(they replied): Person 2");
    screen.shows("1 pending");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'withdrawn'"), 2);

    office.home.change(
        r#"INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, sig_ok, reading, raw, raw_sha256)
        SELECT id, gen_random_uuid(), 'resend', 'm3', 'message', false, '{"externalId": "m3", "occurredAt": null, "about": [], "what":
          {"kind": "message", "from": "a\u001b[31m@b.example", "to": [], "text": "Buy now.", "isAutomatic": false, "isAnnounced": false}}',
          'm3', sha256('m3') FROM crm_companies"#,
    );
    screen.shows("7 Inbox 1");
    let listed = office.home.run(&["inbox", "list"]).ends_with(0).out;
    assert!(listed.contains("Buy now.") && !listed.contains('\u{1b}'), "{listed}");
    let event =
        office.home.texts("SELECT id::text FROM crm_inbound_events WHERE state = 'unmatched'").remove(0);
    office
        .home
        .run(&["inbox", "assign", &event, "nobody@example.com"])
        .ends_with(1)
        .complains("countersign contacts list");
    office.home.run(&["inbox", "dismiss", &event, "--reason", "spam"]).ends_with(0);
    screen.shows("7 Inbox 0");
    screen.send("\x03");
    screen.ended_well();
    office.home.let_go();
    office.provider.stop();
}
