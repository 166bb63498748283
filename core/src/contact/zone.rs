//! In which time zones a recipient may be: the one that is known, else those of the country, else nobody knows. Pure.
use jiff::tz::TimeZone;

/// Countries with their zones; one a line.
const ZONES: &str = include_str!("zones.tsv");

/// Where a recipient may be.
#[derive(Clone, Debug)]
pub enum Zones {
    /// The contact's own zone.
    Known(TimeZone),
    /// The zones of the contact's country.
    Plausible(Vec<TimeZone>),
    /// Neither zone nor country is known.
    Unknown,
}

impl Zones {
    /// Finds them. The region of the locale stands in where no country is known.
    #[must_use]
    pub fn of(zone: Option<&str>, country: Option<&str>, locale: Option<&str>) -> Self {
        if let Some(zone) = zone.and_then(|zone| TimeZone::get(zone).ok()) {
            return Self::Known(zone);
        }
        let Some(country) = country.or_else(|| locale.and_then(region)) else {
            return Self::Unknown;
        };
        let zones: Vec<TimeZone> = ZONES
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(code, _)| code.eq_ignore_ascii_case(country))
            .filter_map(|(_, zone)| TimeZone::get(zone).ok())
            .collect();
        if zones.is_empty() { Self::Unknown } else { Self::Plausible(zones) }
    }
}

/// The region of a language tag: `BR` of `pt-BR` or `zh-Hant-TW`.
fn region(locale: &str) -> Option<&str> {
    let is_region = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    locale.split(['-', '_']).skip(1).find(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Some("Europe/Oslo"), Some("US"), None, "known")]
    #[case(None, Some("NO"), Some("en-US"), "1")]
    #[case(None, Some("BR"), None, "16")]
    #[case(None, None, Some("zh-Hant-TW"), "1")]
    #[case(None, None, Some("pt"), "unknown")]
    #[case(Some("Mars/Base"), None, None, "unknown")]
    #[case(None, Some("XX"), None, "unknown")]
    fn the_best_that_is_known_counts(
        #[case] zone: Option<&str>,
        #[case] country: Option<&str>,
        #[case] locale: Option<&str>,
        #[case] found: &str,
    ) {
        let zones = match Zones::of(zone, country, locale) {
            Zones::Known(_) => "known".to_owned(),
            Zones::Plausible(zones) => zones.len().to_string(),
            Zones::Unknown => "unknown".to_owned(),
        };
        assert_eq!(zones, found);
    }

    /// A zone that the library does not know would silently not be asked.
    #[test]
    fn every_zone_of_the_table_is_known() {
        for line in ZONES.lines().skip(1) {
            let (country, zone) = line.split_once('\t').unwrap();
            assert_eq!(country.len(), 2, "{line}");
            assert!(TimeZone::get(zone).is_ok(), "{line}");
        }
    }
}
