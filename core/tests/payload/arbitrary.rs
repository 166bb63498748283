//! Arbitrary envelopes, and other spellings of the same JSON.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{
    Attachment, Attendee, Envelope, InstagramAction, Kind, LinkedinAction, Parts, Payload, PayloadHash,
    WhatsappTemplate,
};
use countersign_core::channel::{ChannelName, Host, Request};
use countersign_core::ids::OutboxId;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// Writes the same JSON in another way: fields in another order, white space, escapes where none are needed.
pub(super) fn rewritten(value: &Value, seed: &mut u64, out: &mut String) {
    let mut next = |bound: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % bound
    };
    let space = [" ", "\n", "\t", ""][usize::try_from(next(4)).expect("it is small")];
    out.push_str(space);
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            for last in (1..fields.len()).rev() {
                fields.swap(last, usize::try_from(next(last as u64 + 1)).expect("it is small"));
            }
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                rewritten(&json!(key), seed, out);
                out.push(':');
                rewritten(value, seed, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                rewritten(item, seed, out);
            }
            out.push(']');
        }
        Value::String(text) => {
            out.push('"');
            for c in text.chars() {
                if c.is_control() || matches!(c, '"' | '\\') || next(3) == 0 {
                    c.encode_utf16(&mut [0; 2])
                        .iter()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        }
        _ => out.push_str(&value.to_string()),
    }
    out.push_str(space);
}

fn words() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range(' ', '~'),
        proptest::sample::select(vec![
            '"',
            '\\',
            '/',
            '\n',
            '\u{8}',
            '\u{1f}',
            '\u{7f}',
            '\u{2028}',
            '\u{fb33}',
            '\u{1f600}'
        ]),
    ];
    proptest::collection::vec(character, 0..12).prop_map(String::from_iter)
}

fn maps() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(words(), words(), 0..4)
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(words())
}

fn any_parts() -> impl Strategy<Value = Parts> {
    let largest = (1_i64 << 53) - 1;
    let moment = (0_i64..4_000_000_000, 0_i32..1_000_000_000)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).expect("it is in range"));
    let attendee =
        (words(), words(), words()).prop_map(|(name, email, language)| Attendee { name, email, language });
    let template =
        (words(), words(), maps(), words()).prop_map(|(content_sid, version, variables, rendered_text)| {
            WhatsappTemplate { content_sid, version, variables, rendered_text }
        });
    let linkedin = proptest::sample::select(vec![
        LinkedinAction::Post,
        LinkedinAction::Comment,
        LinkedinAction::Message,
    ]);
    let instagram = proptest::sample::select(vec![InstagramAction::Dm, InstagramAction::Post]);
    let file = (words(), words(), any::<[u8; 4]>()).prop_map(|(name, mime, bytes)| Attachment {
        name,
        mime,
        sha256: PayloadHash::of(&bytes),
    });
    let files = proptest::collection::vec(file, 0..3);
    prop_oneof![
        (words(), words(), maybe(), maybe(), files).prop_map(
            |(subject, text, html, in_reply_to, attachments)| Parts::Email {
                subject,
                text,
                html,
                in_reply_to,
                attachments,
            }
        ),
        (-largest..=largest, moment, words(), attendee, maybe(), maps()).prop_map(
            |(event_type_id, start, time_zone, attendee, notes, metadata)| Parts::CalCom {
                event_type_id,
                start,
                time_zone,
                attendee,
                notes,
                metadata
            }
        ),
        (linkedin, words(), maybe()).prop_map(|(action, text, thread)| Parts::Linkedin {
            action,
            text,
            thread
        }),
        (maybe(), proptest::option::of(template))
            .prop_map(|(text, template)| Parts::Whatsapp { text, template }),
        (instagram, words(), maybe(), any::<bool>()).prop_map(|(action, text, image_sha256, human_agent)| {
            Parts::Instagram { action, text, image_sha256, human_agent }
        }),
    ]
}

pub(super) fn any_envelope() -> impl Strategy<Value = Envelope> {
    let lists = || proptest::collection::vec(words(), 0..3);
    let identity = (
        proptest::sample::select(ChannelName::ALL.to_vec()),
        any::<u128>(),
        words(),
        proptest::sample::select(Kind::ALL.to_vec()),
    );
    let people = (words(), words(), lists(), lists(), maybe());
    let request =
        (words(), words(), words(), words()).prop_map(|(method, path, content_type, body)| Request {
            method,
            path,
            content_type,
            headers: std::collections::BTreeMap::new(),
            body,
            host: Host::Provider,
        });
    let rest = (maps(), any_parts(), maybe(), proptest::option::of(request));
    (identity, people, rest).prop_map(|(identity, people, (headers, parts, renderer, request))| {
        let (channel, outbox, credential_id, kind) = identity;
        let (from, to, cc, bcc, reply_to) = people;
        let outbox_id = OutboxId(Uuid::from_u128(outbox));
        let payload =
            Payload { channel, outbox_id, credential_id, kind, from, to, cc, bcc, reply_to, headers, parts };
        Envelope { payload, renderer, request }
    })
}
