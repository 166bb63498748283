//! Inline styles: which of them hide, colour or fetch, and which are known to do none of that. No style sheets, no cascade.
use super::colour::Colour;

/// What a `style` attribute does.
#[derive(Debug, Default)]
pub(super) struct Style {
    /// The declaration that hides.
    pub(super) hides: Option<String>,
    /// The declaration that fetches.
    pub(super) fetches: Option<String>,
    pub(super) ink: Option<Colour>,
    pub(super) paper: Option<Colour>,
    /// Properties whose effect is not known.
    pub(super) unjudged: Vec<String>,
}

impl Style {
    pub(super) fn of(text: &str) -> Self {
        let mut style = Self::default();
        // Escapes and comments can spell any word another way.
        if text.contains('\\') || text.contains("/*") {
            style.unjudged.push("style with escapes or comments".to_owned());
        }
        let text = text.to_ascii_lowercase();
        if text.contains("url") || text.contains("image-set") || text.contains("@import") {
            style.fetches = Some(text.clone());
        }
        for declaration in text.split(';').map(str::trim).filter(|declaration| !declaration.is_empty()) {
            let (name, value) = declaration.split_once(':').unwrap_or((declaration, ""));
            style.declare(name.trim(), value.trim());
        }
        style
    }

    fn declare(&mut self, name: &str, value: &str) {
        let bare = value.strip_suffix("!important").unwrap_or(value).trim();
        if hides(name, bare) {
            self.hides.get_or_insert_with(|| format!("{name}:{bare}"));
            return;
        }
        let is_known = match name {
            "color" => {
                self.ink = Colour::parse(bare);
                self.ink.is_some()
            }
            "background" | "background-color" => {
                self.paper = Colour::parse(bare);
                self.paper.is_some()
            }
            _ => is_harmless(name, bare),
        };
        if !is_known {
            self.unjudged.push(format!("style {}", super::excerpt(name)));
        }
    }
}

fn hides(name: &str, value: &str) -> bool {
    let number = leading_number(value);
    let is_nothing = number
        .is_some_and(|number| number.abs() < 2.0 && !value.ends_with("em") && !value.ends_with('%'))
        || number.is_some_and(|number| number <= 0.1);
    match name {
        "display" => value == "none",
        "visibility" => matches!(value, "hidden" | "collapse"),
        "font-size" | "max-height" | "max-width" | "height" | "width" => is_nothing,
        "line-height" => number.is_some_and(|number| number <= 0.1),
        "font" => value.starts_with('0') || value.starts_with("1px"),
        "opacity" => number.is_some_and(|number| number < 0.2),
        "color" => value == "transparent",
        "text-indent" | "left" | "right" | "top" | "bottom" | "letter-spacing" | "margin" | "margin-left"
        | "margin-top" | "margin-right" | "margin-bottom" => {
            value.split_whitespace().any(|part| leading_number(part).is_some_and(|number| number < 0.0))
        }
        "position" => matches!(value, "absolute" | "fixed"),
        "clip" | "clip-path" => true,
        "mso-hide" => value == "all",
        _ => false,
    }
}

fn is_harmless(name: &str, value: &str) -> bool {
    let is_length = |part: &str| {
        part == "auto" || part == "0" || {
            let number = leading_number(part);
            let unit = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let most = if matches!(unit, "em" | "rem") { 4.0 } else { 64.0 };
            matches!(unit, "px" | "pt" | "em" | "rem")
                && number.is_some_and(|number| (0.0..=most).contains(&number))
        }
    };
    let lengths = || value.split_whitespace().all(is_length);
    match name {
        "margin" | "margin-left" | "margin-right" | "margin-top" | "margin-bottom" | "padding"
        | "padding-left" | "padding-right" | "padding-top" | "padding-bottom" | "border-radius" => lengths(),
        "font-family" => {
            value.chars().all(|c| c.is_ascii_alphanumeric() || " ,-'\"".contains(c))
                && !["symbol", "dings", "icon"].iter().any(|word| value.contains(word))
        }
        "font-weight" => matches!(value, "normal" | "bold" | "400" | "500" | "600" | "700"),
        "font-style" => matches!(value, "normal" | "italic"),
        "text-align" => matches!(value, "left" | "right" | "center" | "justify" | "start" | "end"),
        "vertical-align" => matches!(value, "top" | "middle" | "bottom" | "baseline"),
        "text-decoration" => matches!(value, "none" | "underline"),
        "border-collapse" => matches!(value, "collapse" | "separate"),
        "font-size" => {
            is_between(value, &[("px", 9.0, 40.0), ("pt", 7.0, 30.0), ("em", 0.7, 3.0), ("%", 70.0, 300.0)])
        }
        "line-height" => {
            value == "normal"
                || is_between(
                    value,
                    &[("", 1.0, 3.0), ("px", 12.0, 64.0), ("em", 1.0, 3.0), ("%", 100.0, 300.0)],
                )
        }
        "width" | "max-width" => is_between(value, &[("px", 120.0, 1_000.0), ("%", 20.0, 100.0)]),
        _ => false,
    }
}

/// Whether it is a number of one of these units, inside its bounds.
fn is_between(value: &str, units: &[(&str, f64, f64)]) -> bool {
    let at = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(at);
    let number: Option<f64> = number.parse().ok();
    units.iter().any(|(name, least, most)| {
        *name == unit && number.is_some_and(|number| (*least..=*most).contains(&number))
    })
}

/// The number a length begins with.
fn leading_number(value: &str) -> Option<f64> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(value.len());
    value[..end].parse().ok()
}
