//! Amounts of money: minor units in rows, whole units where people write and read. Pure.
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Currencies of two decimals, by their ISO 4217 codes.
const CENTS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY \
    COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS \
    KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK \
    PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD \
    UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Currencies without decimals.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Currencies of three decimals.
const MILLS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// How many decimals the smallest unit of a currency stands for; `None` for one that is not known.
fn decimals(currency: &str) -> Option<u32> {
    let is_in = |list: &str| list.split_ascii_whitespace().any(|known| known == currency);
    [(CENTS, 2), (WHOLE, 0), (MILLS, 3)]
        .into_iter()
        .find(|(list, _)| is_in(list))
        .map(|(_, decimals)| decimals)
}

/// An amount in the smallest unit of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// How much.
    pub minor: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// Text that does not say an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    /// Anything else than digits, a space and three letters: what a point or a comma in it means cannot be told.
    #[error("write whole units in digits and the currency, like '50000 EUR'")]
    Shape,
    /// How many of its smallest units make one is not known.
    #[error("this is no currency whose smallest unit is known; use its ISO 4217 code, like EUR")]
    Currency,
    /// More than can be kept.
    #[error("that is more than can be kept")]
    TooMuch,
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (amount, currency) = text.trim().split_once(' ').ok_or(NotMoney::Shape)?;
        let currency = currency.trim().to_ascii_uppercase();
        let is_plain = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(NotMoney::Shape);
        }
        let unit = 10_i64.pow(decimals(&currency).ok_or(NotMoney::Currency)?);
        let amount: i64 = amount.parse().map_err(|_| NotMoney::TooMuch)?;
        let minor = amount.checked_mul(unit).ok_or(NotMoney::TooMuch)?;
        Ok(Self { minor, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minor, currency } = self;
        let Some(decimals) = decimals(currency) else {
            return write!(f, "{minor} {currency} minor");
        };
        let unit = 10_i64.pow(decimals);
        match minor % unit {
            0 => write!(f, "{} {currency}", minor / unit),
            rest => {
                let width = usize::try_from(decimals).unwrap_or(0);
                write!(f, "{}.{:0width$} {currency}", minor / unit, rest.abs())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("50000 EUR", 5_000_000)]
    #[case("50000 eur", 5_000_000)]
    #[case("7000000 JPY", 7_000_000)]
    #[case("12 KWD", 12_000)]
    #[case("0 USD", 0)]
    fn whole_units_become_smallest_ones_and_read_back(#[case] text: &str, #[case] minor: i64) {
        let money: Money = text.parse().unwrap();
        assert_eq!(money.minor, minor);
        assert_eq!(money.to_string(), text.to_uppercase());
    }

    #[rstest::rstest]
    #[case("50000", NotMoney::Shape)]
    #[case("EUR 50000", NotMoney::Shape)]
    #[case("50,000 EUR", NotMoney::Shape)]
    #[case("50.000 EUR", NotMoney::Shape)]
    #[case("50 000 EUR", NotMoney::Shape)]
    #[case("-1 EUR", NotMoney::Shape)]
    #[case("1 €", NotMoney::Shape)]
    #[case("1 XAU", NotMoney::Currency)]
    #[case("1 EUX", NotMoney::Currency)]
    #[case("92233720368547759 EUR", NotMoney::TooMuch)]
    #[case("99999999999999999999 JPY", NotMoney::TooMuch)]
    fn what_cannot_be_told_is_refused(#[case] text: &str, #[case] why: NotMoney) {
        assert_eq!(text.parse::<Money>(), Err(why));
    }

    #[test]
    fn what_is_kept_in_smallest_units_is_shown_exactly() {
        let shown = |minor, currency: &str| Money { minor, currency: currency.to_owned() }.to_string();
        assert_eq!(shown(5_000_050, "EUR"), "50000.50 EUR");
        assert_eq!(shown(12_005, "KWD"), "12.005 KWD");
        assert_eq!(shown(7, "XAU"), "7 XAU minor");
    }
}
