//! How much is at stake with one message, and why. Judged when its words are put on file, and shown to whoever decides. Pure.
use std::fmt;

use serde::Serialize;

use crate::activity::family::is_near;
use crate::activity::payload::{Kind, Parts, Payload};
use crate::company::money::Money;
use crate::contact::address;

/// How much is at stake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// A further message of a familiar sort.
    #[default]
    Low,
    /// The first to this contact, or of a sort nobody has approved yet.
    Mid,
    /// Worth a second look.
    High,
}

impl Risk {
    /// The word used in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Mid => "mid",
            Self::High => "high",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Mid, Self::High].into_iter().find(|risk| risk.as_str() == word)
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known besides the message itself.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Whether this contact was written to, or wrote, before.
    pub is_contact_known: bool,
    /// Whether anybody at the recipient's domain, or this contact where there is no domain, was written to before.
    pub is_domain_known: bool,
    /// What the contact's account is worth.
    pub account_value: Option<Money>,
    /// From which value on that is a lot.
    pub high_value: Option<&'a Money>,
    /// Texts of the same drafter, channel and kind that people approved before, newest first.
    pub familiar: &'a [String],
    /// Recipients that can be taken for somebody else, as sentences.
    pub look_alikes: Vec<String>,
}

/// The most approved texts that a new one is compared with.
pub const FAMILIAR_LIMIT: usize = 8;

/// Words of prices, contracts and law, in lower case, in the languages that most is written in. One that ends with `*` is a beginning.
const WEIGHTY: &[&str] = &[
    // English
    "price",
    "prices",
    "pricing",
    "discount*",
    "quote",
    "quotation",
    "invoice*",
    "contract*",
    "liabilit*",
    "liable",
    "warrant*",
    "guarantee*",
    "refund*",
    "penalty",
    "lawyer*",
    "attorney*",
    "legal*",
    "lawsuit",
    "gdpr",
    "nda",
    // French
    "prix",
    "tarif*",
    "remise*",
    "devis",
    "facture*",
    "contrat*",
    "garanti*",
    "avocat*",
    "juridique*",
    "rgpd",
    // German
    "preis*",
    "rabatt*",
    "angebotspreis*",
    "rechnung*",
    "vertrag*",
    "vertrags*",
    "haftung*",
    "garantie*",
    "gewährleistung*",
    "anwalt*",
    "rechtlich*",
    "dsgvo",
    // Spanish, Portuguese, Italian
    "precio*",
    "descuento*",
    "factura*",
    "contrato*",
    "garantía*",
    "abogado*",
    "preço*",
    "desconto*",
    "fatura*",
    "garantia*",
    "advogado*",
    "prezz*",
    "sconto",
    "sconti",
    "fattur*",
    "contratt*",
    "avvocat*",
    // Dutch, Norwegian, Swedish
    "prijs*",
    "korting*",
    "factuur*",
    "contracten",
    "pris",
    "priser",
    "rabatt",
    "faktura*",
    "kontrakt*",
    "avtal*",
    "advokat*",
];

const MONEY_SIGNS: &[char] = &['€', '$', '£', '¥', '₹', '₽', '₩', '฿'];

/// Judges a message and says why, the gravest first.
#[must_use]
pub fn assess(payload: &Payload, known: &Known<'_>) -> (Risk, Vec<String>) {
    let (mut high, mut mid) = (Vec::new(), Vec::new());
    // The kind is the drafter's word; what happened before is not.
    let is_first = !payload.parts.is_post() && (payload.kind == Kind::FirstTouch || !known.is_contact_known);
    if is_first && !known.is_domain_known {
        high.push(match address::domain_of(&payload.to) {
            Some(domain) => format!("first touch to {domain}"),
            None => "first touch, and nothing is known of them".to_owned(),
        });
    } else if is_first {
        mid.push("first touch".to_owned());
    }
    if let (Some(value), Some(limit)) = (&known.account_value, known.high_value)
        && value.currency == limit.currency
        && value.minor >= limit.minor
    {
        high.push("the account is worth as much as the company calls high".to_owned());
    }
    let words = written(&payload.parts);
    if let Some(word) = weighty(&words) {
        high.push(format!("speaks of prices or law: {word}"));
    }
    if payload.recipients().iter().any(|recipient| address::has_mixed_script(recipient)) {
        high.push("a recipient mixes scripts in one word".to_owned());
    }
    let files = match &payload.parts {
        Parts::Email { attachments, .. } => attachments.len(),
        _ => 0,
    };
    if files > 0 {
        high.push(format!("carries {files} {}", if files == 1 { "file" } else { "files" }));
    }
    high.extend(known.look_alikes.iter().cloned());
    if !known.familiar.iter().any(|text| is_near(text, payload.parts.text())) {
        mid.push("nobody approved anything like it yet".to_owned());
    }
    let risk = match (high.is_empty(), mid.is_empty()) {
        (false, _) => Risk::High,
        (true, false) => Risk::Mid,
        (true, true) => Risk::Low,
    };
    high.extend(mid);
    (risk, high)
}

fn written(parts: &Parts) -> String {
    match parts {
        Parts::Email { subject, text, html, .. } => {
            format!("{subject}\n{text}\n{}", html.as_deref().unwrap_or_default())
        }
        other => other.text().to_owned(),
    }
}

/// The first word of money or law, or a sum of money.
fn weighty(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_weighty = |word: &&str| {
        WEIGHTY.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning),
            None => word == known,
        })
    };
    words.find(is_weighty).map(str::to_owned).or_else(|| {
        let sign = text.find(MONEY_SIGNS)?;
        let around: String = text[sign..].chars().take(12).collect();
        let before = text[..sign].chars().rev().take(3).any(|c| c.is_ascii_digit());
        (before || around.chars().any(|c| c.is_ascii_digit()))
            .then(|| around.split_whitespace().next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelName;
    use crate::ids::OutboxId;

    fn mail(kind: Kind, to: &str, text: &str) -> Payload {
        Payload {
            channel: ChannelName::Email,
            outbox_id: OutboxId(uuid::Uuid::nil()),
            credential_id: "resend".to_owned(),
            kind,
            from: "ana@acme.example".to_owned(),
            to: to.to_owned(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            headers: std::collections::BTreeMap::new(),
            parts: Parts::Email {
                subject: "Roofs".to_owned(),
                text: text.to_owned(),
                html: None,
                in_reply_to: None,
                attachments: Vec::new(),
            },
        }
    }

    const TEXT: &str = "Hi Zoë, about your roof on Storgata: the frost is over next week.";

    #[rstest::rstest]
    #[case(Kind::FollowUp, TEXT, true, Risk::Low, None)]
    #[case(
        Kind::FollowUp,
        "Something else entirely, of another length and with other words.",
        true,
        Risk::Mid,
        Some("nobody approved")
    )]
    #[case(Kind::FirstTouch, TEXT, true, Risk::Mid, Some("first touch"))]
    #[case(Kind::FirstTouch, TEXT, false, Risk::High, Some("first touch to nordlys.example"))]
    #[case(
        Kind::FollowUp,
        "Our pricing is simple.",
        true,
        Risk::High,
        Some("speaks of prices or law: pricing")
    )]
    #[case(Kind::FollowUp, "It is € 4000 all in.", true, Risk::High, Some("speaks of prices or law: €"))]
    #[case(
        Kind::FollowUp,
        "Der Vertrag liegt bei.",
        true,
        Risk::High,
        Some("speaks of prices or law: vertrag")
    )]
    fn the_gravest_reason_comes_first(
        #[case] kind: Kind,
        #[case] text: &str,
        #[case] is_domain_known: bool,
        #[case] risk: Risk,
        #[case] reason: Option<&str>,
    ) {
        let familiar = [TEXT.replace("Zoë", "Kari")];
        let is_contact_known = kind != Kind::FirstTouch;
        let known = Known { is_contact_known, is_domain_known, familiar: &familiar, ..Known::default() };
        let (judged, reasons) = assess(&mail(kind, "zoe@nordlys.example", text), &known);
        assert_eq!(judged, risk, "{reasons:?}");
        assert_eq!(reasons.is_empty(), reason.is_none(), "{reasons:?}");
        assert!(reason.is_none_or(|reason| reasons[0].starts_with(reason)), "{reasons:?}");
    }

    #[test]
    fn a_look_alike_is_grave() {
        let known = Known {
            is_contact_known: true,
            is_domain_known: true,
            look_alikes: vec!["looks like Zoë".to_owned()],
            familiar: &[TEXT.to_owned()],
            ..Known::default()
        };
        assert_eq!(assess(&mail(Kind::FollowUp, "zoe@nordlys.example", TEXT), &known).0, Risk::High);
        let (risk, reasons) = assess(
            &mail(Kind::FollowUp, "zoe@n\u{43e}rdlys.example", TEXT),
            &Known {
                is_contact_known: true,
                is_domain_known: true,
                familiar: &[TEXT.to_owned()],
                ..Known::default()
            },
        );
        assert_eq!((risk, reasons[0].as_str()), (Risk::High, "a recipient mixes scripts in one word"));
    }
}
