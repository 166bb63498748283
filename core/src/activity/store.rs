//! Reads stored words of an activity back; bad stored data names table, row and problem.
use super::payload::{Kind, PayloadHash};
use super::status::Status;
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::ActivityId;

fn corrupt(id: ActivityId, problem: String) -> Error {
    Error::Corrupt { table: "crm_activities", row: id.to_string(), problem }
}

pub(crate) fn read_status(word: &str, id: ActivityId) -> Result<Status, Error> {
    Status::parse(word).ok_or_else(|| corrupt(id, format!("status `{word}` is not known")))
}

pub(crate) fn read_kind(word: &str, id: ActivityId) -> Result<Kind, Error> {
    Kind::parse(word).ok_or_else(|| corrupt(id, format!("kind `{word}` is not known")))
}

pub(crate) fn read_channel(word: &str, id: ActivityId) -> Result<ChannelName, Error> {
    ChannelName::parse(word).ok_or_else(|| corrupt(id, format!("channel `{word}` is not known")))
}

pub(crate) fn read_hash(bytes: &[u8], id: ActivityId) -> Result<PayloadHash, Error> {
    PayloadHash::from_bytes(bytes).ok_or_else(|| corrupt(id, "payload_sha256 has not 32 bytes".to_owned()))
}
