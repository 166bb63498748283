//! How many values a body in JSON has. Each costs many times its length in memory, so they are counted before any of them is kept.
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most values of a body.
pub(super) const LIMIT: usize = 10_000;

/// Counts the values of a text in JSON, and no further than one above [`LIMIT`].
///
/// # Errors
/// What is wrong with it before that.
pub(super) fn count(json: &[u8]) -> Result<usize, serde_json::Error> {
    let count = Cell::new(0);
    let mut text = serde_json::Deserializer::from_slice(json);
    match Counted(&count).deserialize(&mut text).and_then(|()| text.end()) {
        Err(error) if count.get() <= LIMIT => Err(error),
        Ok(()) | Err(_) => Ok(count.get()),
    }
}

/// A value that is counted and not kept.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > LIMIT {
            return Err(D::Error::custom("too many values"));
        }
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<IgnoredAny>()?.is_some() {
            fields.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("1", 1)]
    #[case("[]", 1)]
    #[case(r#"[null, true, -1, 1.5, "a", {"b": [2]}]"#, 9)]
    fn every_value_counts_once(#[case] json: &str, #[case] values: usize) {
        assert_eq!(count(json.as_bytes()).unwrap(), values);
    }

    #[rstest::rstest]
    #[case("[1")]
    #[case("[1] 2")]
    #[case("\"\\ud800\"")]
    fn what_is_no_json_is_told(#[case] json: &str) {
        assert!(count(json.as_bytes()).is_err());
    }

    #[test]
    fn it_stops_one_above_the_most() {
        let many = |values: usize| format!("[{}1]", "1,".repeat(values - 2));
        assert_eq!(count(many(LIMIT).as_bytes()).unwrap(), LIMIT);
        assert_eq!(count(many(LIMIT + 1).as_bytes()).unwrap(), LIMIT + 1);
        let endless = "[1,".repeat(1 << 18);
        assert!(count(endless.as_bytes()).is_err(), "too deep");
        let unfinished = format!("[{}", "1,".repeat(1 << 18));
        assert_eq!(count(unfinished.as_bytes()).unwrap(), LIMIT + 1);
    }
}
