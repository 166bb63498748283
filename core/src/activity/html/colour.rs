//! Colours as far as they are needed to say whether a text can be seen on its background. Knows no alpha and no style sheets.

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

const NAMES: &[(&str, [u8; 3])] = &[
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("silver", [192, 192, 192]),
    ("red", [255, 0, 0]),
    ("maroon", [128, 0, 0]),
    ("green", [0, 128, 0]),
    ("lime", [0, 255, 0]),
    ("olive", [128, 128, 0]),
    ("yellow", [255, 255, 0]),
    ("blue", [0, 0, 255]),
    ("navy", [0, 0, 128]),
    ("teal", [0, 128, 128]),
    ("aqua", [0, 255, 255]),
    ("purple", [128, 0, 128]),
    ("fuchsia", [255, 0, 255]),
];

impl Colour {
    pub(super) const BLACK: Self = Self([0, 0, 0]);
    pub(super) const WHITE: Self = Self([255, 255, 255]);

    /// `#rgb`, `#rrggbb`, `rgb(r,g,b)` and the oldest names; `None` for any other.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        if let Some((_, colour)) = NAMES.iter().find(|(name, _)| *name == word) {
            return Some(Self(*colour));
        }
        if let Some(list) = word.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
            let parts: Vec<u8> =
                list.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
            return parts.try_into().ok().map(Self);
        }
        let digits: Vec<u8> = word
            .strip_prefix('#')?
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        match digits[..] {
            [r, g, b] => Some(Self([r * 17, g * 17, b * 17])),
            [r, s, g, h, b, c] => Some(Self([r * 16 + s, g * 16 + h, b * 16 + c])),
            _ => None,
        }
    }

    /// Whether one can be read on the other: a contrast of 2 or more (WCAG 2, where 4.5 is good).
    pub(super) fn can_be_read_on(self, paper: Self) -> bool {
        let (one, other) = (self.luminance(), paper.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05) >= 2.0
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}
