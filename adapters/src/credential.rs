//! How a credential goes into a header.
use countersign_core::channel::Header;
use countersign_core::secret::SecretText;

/// `Authorization: Bearer …`.
pub(crate) fn bearer(credential: &SecretText) -> Header {
    // A key pasted into a secret often brings its line feed along.
    Header { name: "authorization", value: SecretText::new(format!("Bearer {}", credential.expose().trim())) }
}
