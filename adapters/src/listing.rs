//! What the lists of all providers have in common.
use countersign_core::channel::{Listed, Response};

use crate::answer::without_form;
use crate::wait::wait;

/// An answer that is no page.
pub(crate) fn refused(response: &Response, detail: &str) -> Listed {
    let why = format!("{}: {detail}", response.status);
    match response.status {
        // Whom the provider does not know it will not know in five minutes.
        401 | 403 => Listed::Shut { why },
        _ => Listed::Later { why, after: wait(response) },
    }
}

/// A page without the form of one.
pub(crate) fn formless(response: &Response) -> Listed {
    Listed::Later { why: without_form(response), after: None }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use countersign_core::activity::fact::Fact;
    use countersign_core::channel::{Channel, Listed, ProviderSettings, Response, Window};
    use countersign_core::inbound::event::{Event, Phase, What};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use crate::calcom::Calcom;
    use crate::resend::Resend;
    use crate::twilio::Twilio;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";

    fn settings() -> ProviderSettings {
        ProviderSettings::stored(&json!({ "account_sid": ACCOUNT }))
    }

    fn since() -> Timestamp {
        "2026-11-25T00:00:00Z".parse().unwrap()
    }

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: Bytes::from(body.to_owned()) }
    }

    /// What a page of a list tells, and where the next one begins.
    fn page(
        channel: &dyn Channel,
        name: &str,
        place: Option<&str>,
        body: &Value,
    ) -> (Vec<Event>, Option<String>) {
        let settings = settings();
        let window = Window { since: since(), place, settings: &settings };
        let list = channel.lists().iter().find(|list| list.name == name).unwrap();
        match channel.listed(list, &window, &response(200, &body.to_string())) {
            Listed::Page { events, next } => (events, next),
            other => panic!("{other:?}"),
        }
    }

    fn asked(channel: &dyn Channel, name: &str, place: Option<&str>) -> String {
        let settings = settings();
        let window = Window { since: since(), place, settings: &settings };
        let list = channel.lists().iter().find(|list| list.name == name).unwrap();
        let request = channel.list(list, &window).unwrap();
        assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
        request.path
    }

    #[test]
    fn mails_are_read_from_the_newest_until_they_are_known() {
        let mail = |id: &str, at: &str, word: &str| json!({ "id": id, "created_at": at, "last_event": word });
        let new = "2026-11-25 10:00:00.5+00";
        let all = json!({ "has_more": true, "data": [
            mail("a", new, "delivered"), mail("b", new, "sent"), mail("c", new, "bounced"), mail("d", new, "something new"),
            mail("../e", new, "delivered"),
        ] });
        let (events, next) = page(&Resend, "sent-mail", None, &all);
        let told: Vec<_> =
            events.iter().map(|event| (event.external_id.as_str(), event.occurred_at)).collect();
        assert_eq!(told, [("listed:a:delivered", None), ("listed:c:bounced", None)]);
        // Only the webhook says whether for good.
        assert!(matches!(&events[1].what, What::Status(progress) if progress.fact == Fact::SoftBounced));
        assert_eq!(next, None, "an id that leads elsewhere is no place");
        let more = json!({ "has_more": true, "data": [mail("a", new, "opened")] });
        assert_eq!(page(&Resend, "sent-mail", None, &more).1.as_deref(), Some("a"));
        assert_eq!(asked(&Resend, "sent-mail", Some("a")), "/emails?limit=100&after=a");
        let old = json!({ "has_more": true, "data": [mail("a", "2026-11-24 23:59:59+00", "opened")] });
        let (events, next) = page(&Resend, "sent-mail", None, &old);
        assert_eq!((events.len(), next), (0, None));
    }

    /// The list and the webhook that announces it call a mail by the same id.
    #[test]
    fn a_mail_to_us_is_announced_as_its_webhook_does() {
        let id = "4ef9a417-02e9-4d39-ad75-9611e0fcc33c";
        let all = json!({ "has_more": false, "data": [{ "id": id, "from": "Bo <bo@example.org>", "to": ["us@acme.example"],
            "subject": null, "message_id": "<1@example.org>", "created_at": "2026-11-25T10:00:00Z" }] });
        let (events, next) = page(&Resend, "received-mail", None, &all);
        assert_eq!((events.len(), next), (1, None));
        assert_eq!(events[0].external_id, format!("received:{id}"));
        let What::Message(letter) = &events[0].what else { panic!("{:?}", events[0].what) };
        assert!(letter.is_announced && letter.from == "bo@example.org", "{letter:?}");
    }

    #[test]
    fn messages_are_read_by_the_day_in_the_words_of_their_webhooks() {
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
        assert_eq!(asked(&Twilio, "messages", None), format!("{path}?DateSent%3E=2026-11-25&PageSize=50"));
        let sid = |n: u32| format!("SM{n:032x}");
        let message = |n: u32, direction: &str, from: &str, status: &str| {
            json!({ "sid": sid(n), "direction": direction, "from": from, "to": "whatsapp:+15550001", "body": "Hi", "status": status,
                "error_code": 63024, "error_message": null, "date_sent": "Wed, 25 Nov 2026 09:00:00 +0000" })
        };
        let body = json!({ "next_page_uri": format!("{path}?Page=1&PageToken=x"), "messages": [
            message(1, "inbound", "whatsapp:+4479", "received"), message(2, "outbound-api", "whatsapp:+15550002", "undelivered"),
            { "sid": sid(3), "direction": "inbound", "from": "+4479", "to": "+15550001", "body": "SMS", "status": "received" },
        ] });
        let (events, next) = page(&Twilio, "messages", None, &body);
        let told: Vec<_> =
            events.iter().map(|event| (event.external_id.clone(), event.occurred_at)).collect();
        assert_eq!(
            told,
            [
                (sid(1), Some("2026-11-25T09:00:00Z".parse().unwrap())),
                (format!("{}:undelivered", sid(2)), None)
            ]
        );
        assert!(
            matches!(&events[0].what, What::Message(letter) if letter.from == "+4479" && letter.text.as_deref() == Some("Hi"))
        );
        assert!(matches!(&events[1].what, What::Status(progress) if progress.fact == Fact::Failed));
        assert_eq!(asked(&Twilio, "messages", next.as_deref()), format!("{path}?Page=1&PageToken=x"));
        // S17: an answer cannot lead to another list.
        let elsewhere =
            json!({ "next_page_uri": "/2010-04-01/Accounts/AC1/Keys.json?Page=1", "messages": [] });
        assert_eq!(page(&Twilio, "messages", None, &elsewhere).1, None);
    }

    #[test]
    fn bookings_are_read_by_their_last_change() {
        let channel = Calcom::new(None);
        assert_eq!(
            asked(&channel, "bookings", None),
            "/v2/bookings?afterUpdatedAt=2026-11-25T00%3A00%3A00.000Z&sortUpdatedAt=asc&take=100&skip=0"
        );
        let booking = |uid: &str, status: &str| {
            json!({ "uid": uid, "status": status, "updatedAt": "2026-11-25T09:00:00.250Z", "start": "2026-12-01T09:00:00Z",
                "attendees": [{ "email": " bo@example.org " }], "metadata": {} })
        };
        let body = json!({ "data": [booking("a", "accepted"), booking("b", "cancelled"), booking("c", "unheard of")] });
        let (events, next) = page(&channel, "bookings", None, &body);
        let phases: Vec<_> = events
            .iter()
            .map(|event| match &event.what {
                What::Booking(booking) => {
                    (event.external_id.as_str(), booking.phase, booking.attendees.clone())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let bo = vec!["bo@example.org".to_owned()];
        assert_eq!(
            phases,
            [
                ("listed:a:accepted:1795597200250", Phase::Booked, bo.clone()),
                ("listed:b:cancelled:1795597200250", Phase::Cancelled, bo)
            ]
        );
        assert_eq!(next, None);
    }

    /// A booking that changes while the list is read moves to its end. So a page begins with the time at which the one before ended, and
    /// counts only where one moment fills a page.
    #[test]
    fn bookings_that_move_while_the_list_is_read_hide_none() {
        let channel = Calcom::new(None);
        let mut bookings: Vec<(String, Timestamp)> = (0..350_i64)
            .map(|n| {
                (
                    format!("b{n}"),
                    since() + jiff::SignedDuration::from_secs(if n < 120 { n } else { 120 + n / 150 }),
                )
            })
            .collect();
        let (mut place, mut seen, mut pages) = (None, std::collections::BTreeSet::new(), 0);
        loop {
            pages += 1;
            assert!(pages < 20, "it does not end");
            let path = asked(&channel, "bookings", place.as_deref());
            let pairs: Vec<_> =
                form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
            let word = |name: &str| pairs.iter().find(|(key, _)| key == name).unwrap().1.clone();
            let (from, skip): (Timestamp, usize) =
                (word("afterUpdatedAt").parse().unwrap(), word("skip").parse().unwrap());
            bookings.sort_by_key(|(_, at)| *at);
            let shown: Vec<_> = bookings.iter().filter(|(_, at)| *at >= from).skip(skip).take(100).collect();
            seen.extend(shown.iter().map(|(uid, _)| uid.clone()));
            let data: Vec<_> = shown
                .iter()
                .map(|(uid, at)| json!({ "uid": uid, "status": "accepted", "updatedAt": at }))
                .collect();
            let next = page(&channel, "bookings", place.as_deref(), &json!({ "data": data })).1;
            // Somebody edits the first ones.
            for (_, at) in bookings.iter_mut().take(if pages == 1 { 5 } else { 0 }) {
                *at = since() + jiff::SignedDuration::from_hours(1);
            }
            let Some(next) = next else { break };
            place = Some(next);
        }
        assert_eq!(seen.len(), 350);
        assert_eq!(pages, 5);
    }

    /// A provider that takes no heed of what is asked does not keep the reader for ever.
    #[test]
    fn a_list_out_of_order_ends() {
        let channel = Calcom::new(None);
        let all = |at: &str| json!({ "data": vec![json!({ "uid": "a", "status": "accepted", "updatedAt": at }); 100] });
        let next = |place: &str, at: &str| page(&channel, "bookings", Some(place), &all(at)).1;
        let place = "0@2026-11-25T09:00:00.25Z";
        assert_eq!(next(place, "2026-11-25T09:00:00.251Z").as_deref(), Some("0@2026-11-25T09:00:00.251Z"));
        assert_eq!(next(place, "2026-11-25T09:00:00.250Z").as_deref(), Some("100@2026-11-25T09:00:00.25Z"));
        assert_eq!(next(place, "2026-11-25T08:00:00Z"), None);
        assert_eq!(next("9900@2026-11-25T09:00:00.25Z", "2026-11-25T09:00:00.250Z"), None);
    }

    #[rstest::rstest]
    #[case(401, true)]
    #[case(403, true)]
    #[case(404, false)]
    #[case(429, false)]
    #[case(503, false)]
    #[case(200, false)]
    fn what_is_no_page_says_why(#[case] status: u16, #[case] is_shut: bool) {
        let settings = settings();
        let window = Window { since: since(), place: None, settings: &settings };
        for channel in [&Resend as &dyn Channel, &Twilio, &Calcom::new(None)] {
            for list in channel.lists() {
                let mut answer = response(status, "<html>nothing</html>");
                answer.headers.push(("retry-after".to_owned(), "7".to_owned()));
                match channel.listed(list, &window, &answer) {
                    Listed::Shut { why } => assert!(is_shut && why.contains(&status.to_string()), "{why}"),
                    Listed::Later { after, .. } if status == 200 => assert_eq!(after, None),
                    Listed::Later { why, after } => {
                        assert!(!is_shut && why.contains(&status.to_string()), "{why}");
                        assert_eq!(after, Some(std::time::Duration::from_secs(7)));
                    }
                    Listed::Page { .. } => panic!("no page"),
                }
            }
        }
    }
}
