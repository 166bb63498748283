//! Channels whose providers keep no idempotency keys: a dispatcher that is killed between the wire and the outcome leaves a message of
//! which nobody knows, and nothing sends it again. What its provider shows settles it.
use rstest::rstest;
use serde_json::{Value, json};

use crate::holds::Hold;
use crate::office::Office;

/// An outbox of one channel, who may be written to from it, and one draft.
struct Channel {
    name: &'static str,
    from: &'static str,
    secret: &'static str,
    settings: &'static [&'static str],
    allowed: &'static str,
    draft: fn() -> Value,
}

const WHATSAPP: Channel = Channel {
    name: "whatsapp",
    from: "+14155552345",
    secret: "AC00000000000000000000000000000001:token-0123456789",
    settings: &["account_sid=AC00000000000000000000000000000001"],
    allowed: "+4420*",
    draft: || {
        json!({
            "to": "+442071234501",
            "payload": { "template": {
                "contentSid": "HX00000000000000000000000000000001", "version": "1",
                "variables": { "1": "Bo" }, "renderedText": "Bo",
            }},
        })
    },
};

const CAL_COM: Channel = Channel {
    name: "cal-com",
    from: "ana/visit",
    secret: "cal_0123456789",
    settings: &[],
    allowed: "@example.com",
    draft: || {
        json!({ "payload": {
            "eventTypeId": 1, "start": "2031-01-06T09:30:00Z", "timeZone": "Europe/Oslo",
            "attendee": { "name": "Bo", "email": "bo@example.com", "language": "en" },
        }})
    },
};

const LINKEDIN: Channel = Channel {
    name: "linkedin",
    from: "urn:li:person:ana-1",
    secret: "li_0123456789",
    settings: &["author_urn=urn:li:person:ana-1"],
    allowed: "urn:li:share:7000000000000000101",
    draft: || json!({ "to": "urn:li:share:7000000000000000101", "payload": { "action": "comment", "text": "Good point" } }),
};

const INSTAGRAM: Channel = Channel {
    name: "instagram",
    from: "acme",
    secret: "ig_0123456789",
    settings: &["ig_id=17841400000000001", "media_url=https://pictures.acme.example/"],
    allowed: "feed:17841400000000001",
    draft: || {
        json!({
            "to": "feed:17841400000000001",
            "payload": {
                "action": "post", "text": "New roof", "humanAgent": false,
                "imageSha256": "d20f6ffd523b78a86cd2f916fa34af5d1918d75f7b142237c752ad6b254213ab",
            },
        })
    },
};

impl Channel {
    /// A company with that outbox and one approved message in it.
    fn office(&self) -> Office {
        let mut office = Office::open("0s");
        let key = format!("COUNTERSIGN_CHANNELS__{}__BASE_URL", self.name.replace('-', "_").to_uppercase());
        office.home.set(&key, &office.provider.url());
        office.home.run_with(&["secrets", "set", "other"], self.secret).ends_with(0);
        let add =
            ["outboxes", "add", "other", "--channel", self.name, "--from", self.from, "--undo-window", "0s"];
        let rest = ["--secret", "secret://other:latest", "--daily-cap", "5", "--zone", "UTC"];
        office.home.run(&[&add[..], &rest[..]].concat()).ends_with(0);
        for setting in self.settings {
            office.home.run(&["outboxes", "set", "other", "--set", setting]).ends_with(0);
        }
        office.home.run(&["allowlist", "add", self.allowed]).ends_with(0);
        let mut draft = (self.draft)();
        draft["channel"] = self.name.into();
        draft["outbox"] = "other".into();
        office.home.run_with(&["drafts", "import", "-"], &draft.to_string()).ends_with(0);
        office.approve_all();
        office
    }
}

/// Starts a dispatcher and kills it when it comes to that point.
fn killed_at(office: &Office, point: &'static str) {
    let hold = Hold::at(&office.home, point);
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    worker.kill();
    hold.release();
}

fn status(office: &Office) -> String {
    office.home.texts("SELECT status FROM crm_activities").remove(0)
}

/// R3, R4, R7, F3, F5: killed on the wire or with the answer in hand, the message is uncertain and is not sent again, by whomever; its
/// quota stays used. Where its provider shows it, it was sent.
#[rstest]
#[case::whatsapp_before_the_first_byte(WHATSAPP, "wired", 0, "absent", "uncertain")]
#[case::whatsapp_with_the_answer(WHATSAPP, "answered", 1, "sent", "sent")]
#[case::cal_com_before_the_first_byte(CAL_COM, "wired", 0, "absent", "uncertain")]
#[case::cal_com_with_the_answer(CAL_COM, "answered", 1, "sent", "sent")]
#[case::linkedin_before_the_first_byte(LINKEDIN, "wired", 0, "impossible", "uncertain")]
#[case::linkedin_with_the_answer(LINKEDIN, "answered", 1, "impossible", "uncertain")]
fn a_killed_dispatcher_leaves_it_uncertain(
    #[case] channel: Channel,
    #[case] point: &'static str,
    #[case] accepted: usize,
    #[case] finding: &str,
    #[case] afterwards: &str,
) {
    let office = channel.office();
    killed_at(&office, point);
    office.dispatch().finish().ends_with(0);
    assert_eq!(status(&office), "uncertain");
    office.dispatch().finish().ends_with(0);
    assert_eq!((status(&office).as_str(), office.provider.ledger().len()), ("uncertain", accepted));
    let id = office.home.texts("SELECT id::text FROM crm_activities").remove(0);
    let looked = office.home.json(&["activities", "lookup", &id]);
    assert_eq!(looked["finding"], finding, "{looked}");
    assert_eq!((status(&office).as_str(), office.provider.ledger().len()), (afterwards, accepted));
    let used = office.home.count("SELECT sent_today::bigint FROM crm_credential_buckets b JOIN crm_outboxes o ON o.id = b.outbox_id WHERE o.name = 'other'");
    assert_eq!(used, 1, "its quota stays used");
    let again = office.home.run(&["activities", "lookup", &id]);
    if afterwards == "sent" {
        again.ends_with(3).complains("is not uncertain");
    } else {
        again.ends_with(0);
        let shown = office.home.run(&["activities", "show", &id]).ends_with(0).out;
        assert_eq!(shown.matches("looked   ").count(), 2, "{shown}");
    }
}

/// F2: killed while it reads what reaches nobody (a template; the quota of posts, the state of a container), nothing is uncertain: the
/// next one sends it once.
#[rstest]
#[case::the_template(WHATSAPP, false)]
#[case::the_quota_of_posts(INSTAGRAM, false)]
#[case::the_state_of_the_container(INSTAGRAM, true)]
fn a_dispatcher_killed_while_it_reads_leaves_nothing_uncertain(
    #[case] channel: Channel,
    #[case] is_prepared: bool,
) {
    let office = channel.office();
    if is_prepared {
        killed_at(&office, "closed");
        assert_eq!((status(&office).as_str(), office.provider.ledger().len()), ("approved", 0));
    }
    killed_at(&office, "read");
    crate::wait("it is sent", || {
        office.dispatch().finish().ends_with(0);
        assert_ne!(status(&office), "uncertain");
        (status(&office) == "sent").then_some(())
    });
    assert_eq!(office.provider.ledger().len(), 1);
}

/// An Instagram post takes two attempts: the first makes a container, which publishes nothing, the second publishes it. Killed on the
/// wire of that one, the container says what became of it, and it is never published twice.
#[rstest]
#[case::before_the_first_byte("wired", "unclear", "uncertain", 0)]
#[case::with_the_publication_in_hand("closing", "sent", "sent", 1)]
fn a_killed_post_is_known_by_its_container(
    #[case] point: &'static str,
    #[case] finding: &str,
    #[case] afterwards: &str,
    #[case] published: usize,
) {
    let office = INSTAGRAM.office();
    killed_at(&office, "closed");
    assert_eq!((status(&office).as_str(), office.provider.ledger().len()), ("approved", 0));
    killed_at(&office, point);
    office.dispatch().finish().ends_with(0);
    assert_eq!((status(&office).as_str(), office.provider.ledger().len()), ("uncertain", published));
    let id = office.home.texts("SELECT id::text FROM crm_activities").remove(0);
    let looked = office.home.json(&["activities", "lookup", &id]);
    assert_eq!(
        (looked["finding"].as_str(), status(&office).as_str()),
        (Some(finding), afterwards),
        "{looked}"
    );
    assert_eq!(office.provider.ledger().len(), published);
}
