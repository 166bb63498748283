//! Makes an envelope of a payload: what a draft is filed, shown, approved and sent as.
use sqlx::PgConnection;

use super::check::FieldError;
use crate::activity::payload::{Envelope, Payload, Sealed};
use crate::channel::{Files, Lines, Message, ProviderSettings, Request};
use crate::error::Error;
use crate::file;
use crate::ids::{ActivityId, CompanyId};
use crate::outbox;

/// Renders a payload for its channel and seals both. A channel without an adapter leaves it without a request.
///
/// # Errors
/// Names the field that cannot be sent this way.
pub(crate) fn seal(
    lines: &Lines,
    payload: Payload,
    activity: ActivityId,
    settings: &ProviderSettings,
    files: &Files,
) -> Result<Sealed, FieldError> {
    let channel = lines.renderer(payload.channel);
    let message = Message { payload: &payload, activity, settings, files };
    let request: Option<Request> = channel
        .map(|channel| channel.render(&message))
        .transpose()
        .map_err(|error| FieldError::new(error.field, error.reason))?;
    let envelope =
        Envelope { renderer: channel.map(|channel| channel.renderer().to_owned()), payload, request };
    envelope.seal().map_err(|error| FieldError::new("payload", error.to_string()))
}

/// What this version would render from the message with the settings its outbox has now; `None` if it could not. What is sent is what
/// was frozen: a difference is shown to people.
///
/// # Errors
/// A database fault.
pub async fn render_again(
    conn: &mut PgConnection,
    company: CompanyId,
    lines: &Lines,
    envelope: &Envelope,
    activity: ActivityId,
) -> Result<Option<Request>, Error> {
    let payload = &envelope.payload;
    let Some(channel) = lines.renderer(payload.channel) else {
        return Ok(None);
    };
    let Some(outbox) = outbox::store::settings(conn, company, Some(payload.outbox_id)).await?.pop() else {
        return Ok(None);
    };
    let files = &file::store::load(conn, company, &payload.files()).await?;
    let settings = &outbox.provider;
    Ok(channel.render(&Message { payload, activity, settings, files }).ok())
}
