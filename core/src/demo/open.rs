//! Drafts that wait for a decision, on all five channels; four of them are not what they seem.
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::letter::Mail;
use super::message::Life;
use super::plan::{Picker, Plan};
use super::threads::{came, recently};
use crate::activity::payload::Kind;

/// Posts of others that are commented on; the last one by a comment that is approved already.
pub(super) const POSTS: [&str; 3] = [
    "urn:li:share:7000000000000000101",
    "urn:li:share:7000000000000000102",
    "urn:li:share:7000000000000000103",
];

/// Mail drafts by outbox: first touches and follow-ups.
const MAIL: [(&str, usize, usize); 3] = [("main", 12, 14), ("news-fr", 6, 8), ("sur", 4, 4)];

/// Tells what is open.
pub(super) fn tell(plan: &mut Plan, people: &mut Picker) {
    for (outbox, first, follow_up) in MAIL {
        for index in 0..first + follow_up {
            let kind = if index < first { Kind::FirstTouch } else { Kind::FollowUp };
            let contact = people.take_reader(plan, outbox);
            keep_quiet(plan, contact, kind);
            mail(plan, contact, outbox, kind, index);
        }
    }
    whatsapp(plan, people);
    linkedin(plan, people);
    instagram(plan, people);
    bookings(plan, people);
    strange(plan);
}

/// A first touch is the first; a follow-up comes some days after the last mail.
pub(super) fn keep_quiet(plan: &mut Plan, contact: usize, kind: Kind) {
    let days = jiff::SignedDuration::from_hours(3 * 24);
    plan.quiet_from[contact] = if kind == Kind::FirstTouch { Timestamp::MIN } else { plan.now - days };
}

fn mail(plan: &mut Plan, contact: usize, outbox_name: &str, kind: Kind, topic: usize) {
    let outbox = plan.outbox(outbox_name);
    let created_at = recently(plan);
    let mut rng = plan.rng.fork();
    let reader = plan.reader(contact, outbox);
    let drafter = reader.drafter(kind);
    let input = reader.draft_mail(reader.mail(topic, kind, None, &mut rng), kind, &drafter);
    plan.add(contact, outbox, input, created_at, Life::Pending);
}

fn whatsapp(plan: &mut Plan, people: &mut Picker) {
    let outbox = plan.outbox("wa-fr");
    for index in 0..13 {
        let contact = people.take(plan, |contact, _| contact.phone.is_some());
        let created_at = recently(plan);
        let mut rng = plan.rng.fork();
        let reader = plan.reader(contact, outbox);
        let text = reader.short(&reader.book.chat, &mut rng);
        let kind = if index < 6 { Kind::FirstTouch } else { Kind::FollowUp };
        let input = reader.draft(reader.contact.phone.clone(), template(&text), kind, "writer-2");
        plan.add(contact, outbox, input, created_at, Life::Pending);
    }
}

/// What may be sent to somebody who has not written in a day. The sandbox's template consists of its first variable.
pub(super) fn template(text: &str) -> serde_json::Value {
    json!({ "template": {
        "contentSid": "HX0000000000000000000000000000d0a1",
        "version": "3",
        "variables": { "1": text },
        "renderedText": text,
    } })
}

fn linkedin(plan: &mut Plan, people: &mut Picker) {
    let outbox = plan.outbox("li-jp");
    for index in 0..10 {
        let contact = people
            .take(plan, |contact, book| contact.linkedin.is_some() && (index > 4 || book.language() == "ja"));
        let created_at = recently(plan);
        let reader = plan.reader(contact, outbox);
        let (to, action, chapter) = match POSTS[..2].get(index) {
            Some(post) => (Some((*post).to_owned()), "comment", 1),
            None => (reader.contact.linkedin.clone(), "message", 2),
        };
        let payload = json!({ "action": action, "text": reader.nth(&reader.book.social, chapter) });
        let drafter = if action == "comment" {
            "social-1".to_owned()
        } else {
            format!("seq-renov-{}", reader.book.language())
        };
        let input = reader.draft(to, payload, Kind::FirstTouch, &drafter);
        plan.add(contact, outbox, input, created_at, Life::Pending);
    }
    let feed = plan.add_feed("en", "Acme Renovation on LinkedIn");
    let created_at = recently(plan);
    let reader = plan.reader(feed, outbox);
    let payload = json!({ "action": "post", "text": reader.nth(&reader.book.social, 0) });
    let input = reader.draft(Some(super::setup::LINKEDIN_FEED.to_owned()), payload, Kind::Post, "social-1");
    plan.add(feed, outbox, input, created_at, Life::Pending);
}

fn instagram(plan: &mut Plan, people: &mut Picker) {
    let outbox = plan.outbox("ig-lima");
    for index in 0..8 {
        let contact = people.take(plan, |contact, _| contact.instagram.is_some());
        let created_at = recently(plan);
        // Nobody is written to who has not written; a day later only a person may, under the tag.
        let waited = jiff::SignedDuration::from_hours(if index == 0 { 30 } else { 2 });
        let to = plan.contacts[contact].instagram.clone();
        came(plan, contact, outbox, created_at - waited, to.clone());
        let mut rng = plan.rng.fork();
        let reader = plan.reader(contact, outbox);
        let payload = json!({ "action": "dm", "text": reader.short(&reader.book.chat, &mut rng), "humanAgent": index == 0 });
        let input = reader.draft(to, payload, Kind::Reply, "social-1");
        plan.add(contact, outbox, input, created_at, Life::Pending);
    }
    let feed = plan.add_feed("es", "Acme Renovación on Instagram");
    let created_at = recently(plan);
    let reader = plan.reader(feed, outbox);
    // The picture that the sandbox shows everywhere.
    let picture = "d20f6ffd523b78a86cd2f916fa34af5d1918d75f7b142237c752ad6b254213ab";
    let payload = json!({ "action": "post", "text": reader.nth(&reader.book.social, 0), "imageSha256": picture, "humanAgent": false });
    let input = reader.draft(Some(super::setup::INSTAGRAM_FEED.to_owned()), payload, Kind::Post, "social-1");
    plan.add(feed, outbox, input, created_at, Life::Pending);
}

fn bookings(plan: &mut Plan, people: &mut Picker) {
    for _ in 0..13 {
        let contact = people.take(plan, |contact, _| contact.email.is_some());
        let created_at = recently(plan);
        booking(plan, contact, created_at, Life::Pending);
    }
}

/// A visit to the site in one to three weeks.
pub(super) fn booking(plan: &mut Plan, contact: usize, created_at: Timestamp, life: Life) {
    let outbox = plan.outbox("book");
    let mut rng = plan.rng.fork();
    let reader = plan.reader(contact, outbox);
    let zone = TimeZone::get(&reader.book.zone).unwrap_or(TimeZone::UTC);
    let today = plan.now.to_zoned(zone.clone()).date();
    let hour = rng.i8(9..16);
    let earliest = rng.i32(6..20);
    let start = (earliest..earliest + 7)
        .filter_map(|days| today.checked_add(days.days()).ok())
        .find(|date| date.weekday().to_monday_zero_offset() < 5)
        .and_then(|date| date.at(hour, 0, 0, 0).to_zoned(zone).ok())
        .map_or(plan.now, |start| start.timestamp());
    // Cal.com writes in Norwegian, whichever of the two.
    let language = match reader.book.language() {
        "nb" => "no",
        "zh" => "zh-CN",
        other => other,
    };
    let payload = json!({
        "eventTypeId": 812_034,
        "start": start.to_string(),
        "timeZone": reader.book.zone,
        "attendee": { "name": reader.contact.name, "email": reader.contact.email, "language": language },
        "notes": reader.short(&reader.book.visit, &mut rng),
        "metadata": { "account": reader.account.map_or("", |account| account.name.as_str()) },
    });
    let input = reader.draft(None, payload, Kind::Booking, "book-1");
    plan.add(contact, outbox, input, created_at, life);
}

/// Four drafts that a person should stop at.
fn strange(plan: &mut Plan) {
    // The first о of the domain is Cyrillic; this domain is not on the allowlist.
    let look_alike = Mail {
        to: "kari.nordmann@n\u{43e}rdlys.example".to_owned(),
        subject: "Re: Nøkkelboks og kode til gårdsrommet".to_owned(),
        text: "Hei Kari,\n\ntakk for meldingen. Koden til nøkkelboksen i Storgata 4 er 4471, og alarmen kan slås av fra panelet \
               innenfor døren. Fakturaen sender vi som avtalt til den nye adressen deres.\n\nVennlig hilsen\nAna Lind\nAcme Renovation"
            .to_owned(),
        html: None,
        in_reply_to: None,
    };
    suspicious(plan, "nb", "Kari Nordmann", "main", look_alike, Kind::FirstTouch, "reply-1");

    let turned = Mail {
        to: "marc.aubert@beton-freres.example".to_owned(),
        subject: "Devis signé : devis_\u{202e}fdp.exe".to_owned(),
        text: "Bonjour Marc,\n\nle devis signé se trouve dans l’espace client, sous le nom indiqué dans l’objet. Merci de l’ouvrir \
               sur un poste du bureau.\n\nBien cordialement,\nClaire Aubert\nAcme Rénovation"
            .to_owned(),
        html: None,
        in_reply_to: None,
    };
    suspicious(plan, "fr", "Marc \u{202e}trebuA", "news-fr", turned, Kind::FirstTouch, "import");

    let long = Mail {
        to: "einkauf@koehler-bau.example".to_owned(),
        subject: "Leistungsverzeichnis Kantstraße 9, alle Positionen".to_owned(),
        text: bill_of_quantities(),
        html: None,
        in_reply_to: None,
    };
    suspicious(plan, "de", "Einkauf Köhler Bau", "main", long, Kind::FirstTouch, "writer-2");

    let text = "Hi Edith,\n\nthe second instalment for Harbour House is £1,840, due on the 30th. Please pay to the account named \
                in our contract; nothing has changed there.\n\nBest wishes,\nAna Lind\nAcme Renovation";
    let other = text.replace("£1,840", "£18,400").replace(
        "Please pay to the account named in our contract; nothing has changed there.",
        "Please pay <a href=\"https://acme.example.pay-here.example/i/7\">to our new account</a>.",
    );
    let two_faced = Mail {
        to: "accounts@harbourside.example".to_owned(),
        subject: "Second instalment for Harbour House".to_owned(),
        html: Some(format!("<html><body><p>{}</p></body></html>", other.replace("\n\n", "</p><p>"))),
        text: text.to_owned(),
        in_reply_to: None,
    };
    suspicious(plan, "en", "Edith Fairclough (Accounts)", "main", two_faced, Kind::FirstTouch, "import");
}

fn suspicious(
    plan: &mut Plan,
    language: &str,
    name: &str,
    outbox_name: &str,
    mail: Mail,
    kind: Kind,
    drafter: &str,
) {
    let contact = plan.add_feed(language, name);
    let outbox = plan.outbox(outbox_name);
    let created_at = recently(plan);
    let input = plan.reader(contact, outbox).draft_mail(mail, kind, drafter);
    plan.add(contact, outbox, input, created_at, Life::Pending);
}

/// Three hundred lines, one of which has no business there.
fn bill_of_quantities() -> String {
    const WORK: [&str; 6] = [
        "Gerüst stellen, vorhalten und abbauen, Lastklasse 3",
        "Putz abklopfen, lose Stellen entfernen, Schutt in Säcken",
        "Kalkputz zweilagig, Oberfläche gefilzt",
        "Fensterbank Zink, Abkantung 40 mm, mit Tropfkante",
        "Dämmplatte Holzfaser 160 mm, gedübelt",
        "Anstrich Silikat, zwei Gänge, Farbton nach Muster",
    ];
    let mut lines =
        vec!["Guten Tag,".to_owned(), String::new(), "anbei alle Positionen zur Prüfung:".to_owned()];
    lines.extend((1..=294).map(|position| match position {
        271 => "271  Abschlag von 40 % vorab auf das neue Konto DE00 0000 0000 0000 0000 00".to_owned(),
        _ => format!("{position:03}  {}, {} m²", WORK[position % WORK.len()], 4 + position * 7 % 90),
    }));
    lines.extend(["", "Mit freundlichen Grüßen", "Ana Lind"].map(str::to_owned));
    lines.join("\n")
}
