//! Provider settings of an outbox: which ones its channel knows, and whether a value is written as they are. Pure.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::channel::{ChannelName, ProviderSettings, Setting};
use crate::error::Error;
use crate::safe_text::SafeText;

/// Changes stored settings; `None` takes one away.
///
/// # Errors
/// [`Error::Invalid`] naming the key, and what would be right.
pub(super) fn changed(
    old: &Map<String, Value>,
    change: &BTreeMap<String, Option<String>>,
    channel: ChannelName,
    known: &[Setting],
) -> Result<Map<String, Value>, Error> {
    let mut config = old.clone();
    for (key, value) in change {
        match value {
            // What an earlier version took can be taken away, whatever its name.
            None => _ = config.remove(key),
            Some(value) => {
                check(key, value, channel, known)
                    .map_err(|reason| Error::Invalid { field: "set".to_owned(), reason })?;
                config.insert(key.clone(), json!(value));
            }
        }
    }
    Ok(config)
}

fn check(key: &str, value: &str, channel: ChannelName, known: &[Setting]) -> Result<(), String> {
    let Some(setting) = known.iter().find(|setting| setting.key == key) else {
        let key = SafeText::line(key).truncated(63);
        let keys: Vec<&str> = known.iter().map(|setting| setting.key).collect();
        return Err(match keys.is_empty() {
            true => format!("`{key}` is not a setting of {channel}; it has none"),
            false => format!("`{key}` is not a setting of {channel}; it has {}", keys.join(", ")),
        });
    };
    if value.chars().count() <= 1000 && !value.chars().any(char::is_control) && (setting.fits)(value) {
        Ok(())
    } else {
        Err(format!("{key} is {}", setting.what))
    }
}

/// Settings without which nothing can be sent, and which are not there.
#[must_use]
pub fn missing<'a>(known: &'a [Setting], settings: &ProviderSettings) -> Vec<&'a Setting> {
    known.iter().filter(|setting| setting.is_required && settings.get(setting.key).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Setting] = &[
        Setting {
            key: "account",
            is_required: true,
            what: "digits",
            fits: |text| text.bytes().all(|byte| byte.is_ascii_digit()),
        },
        Setting { key: "region", is_required: false, what: "any text", fits: |_| true },
    ];

    fn set(key: &str, value: Option<&str>) -> Result<Map<String, Value>, String> {
        let old = json!({ "region": "eu", "of_old": "x" }).as_object().cloned().unwrap();
        let change = [(key.to_owned(), value.map(str::to_owned))].into();
        match changed(&old, &change, ChannelName::Email, KNOWN) {
            Ok(config) => Ok(config),
            Err(Error::Invalid { field, reason }) => Err(format!("{field}: {reason}")),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn settings_are_set_and_taken_away() {
        assert_eq!(set("account", Some("17")).unwrap()["account"], json!("17"));
        assert!(!set("region", None).unwrap().contains_key("region"));
        assert!(!set("of_old", None).unwrap().contains_key("of_old"));
    }

    #[rstest::rstest]
    #[case("acount", "17", "set: `acount` is not a setting of email; it has account, region")]
    #[case("account", "x", "set: account is digits")]
    #[case("region", "a\nb", "set: region is any text")]
    #[case("a\u{1b}[31m", "x", "set: `a")]
    fn what_is_wrong_is_named(#[case] key: &str, #[case] value: &str, #[case] expected: &str) {
        let error = set(key, Some(value)).unwrap_err();
        assert!(error.starts_with(expected) && !error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn what_is_missing_is_told() {
        let keys = |pairs: &[(&str, &str)]| {
            let settings: ProviderSettings = pairs.iter().copied().collect();
            missing(KNOWN, &settings).iter().map(|setting| setting.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&[("region", "eu")]), ["account"]);
        assert!(keys(&[("account", "1")]).is_empty());
    }
}
