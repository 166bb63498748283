//! What people should know of a channel before they approve on it.

/// The rules of a channel, in words. Shown by `countersign channels show` and beside a message.
#[derive(Clone, Copy, Debug)]
pub struct Guide {
    /// The provider and what is called.
    pub provider: &'static str,
    /// What can be sent.
    pub sends: &'static [&'static str],
    /// Limits of a message, each in the provider's own unit.
    pub limits: &'static [&'static str],
    /// When a contact may be written to at all.
    pub windows: &'static [&'static str],
    /// What happens to a repeated request.
    pub idempotency: &'static str,
    /// What `uncertain` means here, and what may be done about it.
    pub uncertain: &'static str,
    /// What the provider does not allow or does not offer.
    pub not_offered: &'static [&'static str],
    /// How the credential is written.
    pub credential: &'static str,
}
