//! What an outbox of bookings may say about its provider.
use countersign_core::channel::{ProviderSettings, RenderError, Setting};

const EVENT_TYPE: &str = "event_type_id";

pub(super) const SETTINGS: &[Setting] = &[Setting {
    key: EVENT_TYPE,
    is_required: false,
    what: "the number of the only event type that is booked from this outbox, as in the address of its page",
    fits: |value| id(value).is_some(),
}];

/// Event types beyond 2^53 cannot be written in canonical JSON.
fn id(value: &str) -> Option<i64> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|id| is_number && (1..1 << 53).contains(id))
}

/// Refuses an event type that the outbox is not there for.
pub(super) fn check(settings: &ProviderSettings, event_type_id: i64) -> Result<(), RenderError> {
    match settings.get(EVENT_TYPE).and_then(id) {
        Some(only) if only != event_type_id => Err(RenderError::new(
            "payload.eventTypeId",
            format!("this outbox books event type {only} and no other"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::SETTINGS;

    #[rstest]
    #[case("17", true)]
    #[case("9007199254740991", true)]
    #[case("9007199254740992", false)]
    #[case("0", false)]
    #[case("-1", false)]
    #[case("+1", false)]
    #[case("1.0", false)]
    #[case("ana-lind/site-visit", false)]
    #[case("", false)]
    fn an_event_type_is_a_number(#[case] value: &str, #[case] fits: bool) {
        assert_eq!((SETTINGS[0].fits)(value), fits);
    }
}
