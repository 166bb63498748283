//! Provider settings as they are stored, checked where a request is made of them: some of them become part of its path.
use countersign_core::channel::{ProviderSettings, RenderError, Setting};

/// Checks that every setting is written as its provider wants it, and that none is missing without which nothing can be sent.
pub(crate) fn check(settings: &ProviderSettings, known: &'static [Setting]) -> Result<(), RenderError> {
    for Setting { key, is_required, what, fits } in known {
        match settings.get(key) {
            Some(value) if !fits(value) => {
                let reason =
                    format!("its {key} is not {what}; run `countersign outboxes set NAME --set {key}=…`");
                return Err(RenderError::new("outbox", reason));
            }
            None if *is_required => settings.require(key).map(|_| ())?,
            _ => {}
        }
    }
    Ok(())
}
