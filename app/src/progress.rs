//! How far something long has come, in words: done of how many, how fast, how long it will still take. Arithmetic only; who
//! counts, when it is shown and where is not its matter.
use jiff::Timestamp;

/// Shorter than this tells nothing about a rate, in milliseconds.
const TOO_SHORT: i128 = 100;

/// Work that is counted in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Pieces done.
    pub(crate) done: u64,
    /// Pieces in all, where that is known.
    pub(crate) total: Option<u64>,
    /// When it began.
    pub(crate) started: Timestamp,
}

impl Progress {
    /// `3 000 of 10 000 · 12 400/s · 1 s left`; without rate and rest while too little is known.
    pub(crate) fn words(&self, now: Timestamp) -> String {
        let mut words = grouped(self.done);
        if let Some(total) = self.total {
            words = format!("{words} of {}", grouped(total));
        }
        let millis = i128::from(now.as_millisecond()) - i128::from(self.started.as_millisecond());
        if self.done == 0 || millis < TOO_SHORT {
            return words;
        }
        let rate = i128::from(self.done) * 1_000 / millis;
        match u64::try_from(rate).unwrap_or(u64::MAX) {
            0 => words.push_str(" · under 1/s"),
            rate => words = format!("{words} · {}/s", grouped(rate)),
        }
        if let Some(left) = self.total.and_then(|total| total.checked_sub(self.done)).filter(|left| *left > 0)
        {
            let millis = i128::from(left) * millis / i128::from(self.done);
            words = format!("{words} · {} left", time((millis + 999) / 1_000));
        }
        words
    }
}

/// `1 s`, `90 s`, `2 min`, `3 h`: rounded up, because nobody is angry about being early.
fn time(secs: i128) -> String {
    match secs {
        ..=90 => format!("{secs} s"),
        91..=5_400 => format!("{} min", (secs + 59) / 60),
        _ => format!("{} h", (secs + 3_599) / 3_600),
    }
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: impl Into<i128>) -> String {
    let digits = number.into().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0
            && digit.is_ascii_digit()
            && (digits.len() - index).is_multiple_of(3)
            && !out.ends_with('-')
        {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn at(done: u64, total: Option<u64>, millis: i64) -> String {
        let started: Timestamp = "2026-11-23T14:02:00Z".parse().unwrap();
        Progress { done, total, started }.words(started + SignedDuration::from_millis(millis))
    }

    #[test]
    fn tells_how_far_how_fast_and_how_long() {
        assert_eq!(at(3_000, Some(10_000), 242), "3 000 of 10 000 · 12 396/s · 1 s left");
        assert_eq!(at(1_000, Some(10_000), 20_000), "1 000 of 10 000 · 50/s · 3 min left");
        assert_eq!(at(10, Some(10_000), 20_000), "10 of 10 000 · under 1/s · 6 h left");
    }

    #[test]
    fn says_less_while_less_is_known() {
        assert_eq!(at(0, Some(10_000), 5_000), "0 of 10 000");
        assert_eq!(at(7, None, 99), "7");
        assert_eq!(at(2_000, None, 1_000), "2 000 · 2 000/s");
        assert_eq!(at(10, Some(10), 1_000), "10 of 10 · 10/s", "nothing is left");
        assert_eq!(at(12, Some(10), 1_000), "12 of 10 · 12/s", "more than was promised");
        assert_eq!(at(5, Some(10), -60_000), "5 of 10", "a clock that was set back");
    }

    #[test]
    fn a_sign_is_no_digit() {
        assert_eq!([grouped(-123), grouped(-1_234), grouped(1_000_000)], ["-123", "-1 234", "1 000 000"]);
    }
}
