//! How each provider writes the version of its API.
use countersign_core::channel::ChannelName;

/// Checks a configured version; the error says how one is written.
pub(crate) fn check(channel: ChannelName, version: &str) -> Result<(), String> {
    let is = |pattern: &str| {
        version.len() == pattern.len()
            && version.bytes().zip(pattern.bytes()).all(|(is, wanted)| match wanted {
                b'0' => is.is_ascii_digit(),
                _ => is == wanted,
            })
    };
    let (fits, example) = match channel {
        ChannelName::CalCom => (is("0000-00-00"), "2024-08-13"),
        ChannelName::Linkedin => (is("000000"), "202607"),
        ChannelName::Instagram => (is("v00.0"), "v25.0"),
        _ => return Err("this provider has one version; remove the key".to_owned()),
    };
    if fits { Ok(()) } else { Err(format!("write it as the provider does, like {example}")) }
}
