//! Bodies in JSON, written by anybody. They were proven before, and are at most as long as a delivery may be.
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

/// How deep values may lie within one another; providers need a tenth of it.
const DEPTH_LIMIT: usize = 64;

/// Why a body is not read, in words that quote nothing of it.
type Unread = String;

/// Reads a value of any form.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Unread> {
    fits_form(bytes)
}

/// Reads a value of one form.
pub(crate) fn fits_form<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unread> {
    check_depth(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => "it is JSON, but not in the form the provider describes".to_owned(),
        _ => format!("it is no JSON that can be read (line {}, column {})", error.line(), error.column()),
    })
}

/// A short word: a text, or a whole number in its digits, since providers write their ids as either.
pub(crate) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn check_depth(bytes: &[u8]) -> Result<(), Unread> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => depth += 1,
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return Err(format!("its values lie more than {DEPTH_LIMIT} deep within one another"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// S33.
    #[rstest]
    #[case::at_the_limit("[".repeat(64) + &"]".repeat(64), true)]
    #[case::above("[".repeat(65) + &"]".repeat(65), false)]
    #[case::far_above("[".repeat(100_000), false)]
    #[case::objects(r#"{"a":"#.repeat(65) + "1" + &"}".repeat(65), false)]
    #[case::brackets_in_a_text(format!(r#""{}""#, "[".repeat(1000)), true)]
    #[case::a_quote_in_a_text(format!(r#""\"{}""#, "[".repeat(1000)), true)]
    #[case::a_backslash_at_the_end_of_a_text(format!(r#"["\\",{}{}]"#, "[".repeat(70), "]".repeat(70)), false)]
    #[case::lone_surrogate(r#""\ud83d""#.to_owned(), false)]
    #[case::huge_number("1e999".to_owned(), false)]
    #[case::two_values("1 2".to_owned(), false)]
    #[case::nothing(String::new(), false)]
    #[case::nul_in_a_text(r#""a\u0000b""#.to_owned(), true)]
    fn what_is_deep_or_broken_is_not_read(#[case] text: String, #[case] is_read: bool) {
        assert_eq!(parse(text.as_bytes()).is_ok(), is_read);
    }

    #[test]
    fn ids_are_texts_or_whole_numbers() {
        assert_eq!(word(&json!("a")).as_deref(), Some("a"));
        assert_eq!(word(&json!(7)).as_deref(), Some("7"));
        for none in [json!(""), json!(1.5), json!(null), json!([1])] {
            assert_eq!(word(&none), None);
        }
    }
}
