//! What the lists of all providers have in common.
use countersign_core::channel::{Listed, Response};

use crate::answer::without_form;
use crate::wait::wait;

/// An answer that is no page.
pub(crate) fn refused(response: &Response, detail: &str) -> Listed {
    let why = format!("{}: {detail}", response.status);
    match response.status {
        // Whom the provider does not know it will not know in five minutes.
        401 | 403 => Listed::Shut { why },
        _ => Listed::Later { why, after: wait(response) },
    }
}

/// A page without the form of one.
pub(crate) fn formless(response: &Response) -> Listed {
    Listed::Later { why: without_form(response), after: None }
}
