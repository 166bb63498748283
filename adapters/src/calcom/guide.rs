//! The rules of bookings, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "Cal.com, POST /v2/bookings",
    sends: &["a booking for one attendee; Cal.com mails the invitation"],
    limits: &[
        "49 pairs of metadata, keys of 40 and values of 500 characters; one more pair is ours",
        "mails to the attendee in the languages Cal.com knows",
        "120 requests a minute for an API key unless its answers say otherwise",
    ],
    windows: &["none: anyone may be booked who has not asked to be left alone"],
    idempotency: "a repeated request is not recognised; where the host is booked at that time already it is refused",
    uncertain: "there was no clear answer, so the attendee may have been invited; the bookings of that attendee and time are looked \
                through, and one that is not there after five minutes was not made",
    not_offered: &[
        "taking a booking back here: cancel it at Cal.com",
        "bookings that the host has to confirm can be made twice, since they hold no time",
    ],
    credential: "an API key, cal_…",
};
