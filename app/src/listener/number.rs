//! A number of ours for every request: the answer carries it, and every line of the log that is written on the way to it.
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use tower_http::request_id::{MakeRequestId as _, MakeRequestUuid};
use tracing::Instrument as _;

/// Every answer has it; what a caller sends under this name is not kept.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request under a number. One that the caller chose would be foreign text in the log and in the answer.
pub(super) async fn numbered<F: Future<Output = Response>>(
    mut request: Request<Body>,
    answer: impl FnOnce(Request<Body>) -> F,
) -> Response {
    request.headers_mut().remove(REQUEST_ID);
    let Some(id) = MakeRequestUuid.make_request_id(&request) else { return answer(request).await };
    let id = id.into_header_value();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = answer(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use axum::http::StatusCode;

    use super::*;
    use crate::listener::answer::answer;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_answer_and_its_lines_in_the_log_have_one_number_of_ours() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(log);
        let request = Request::get("/").header(REQUEST_ID, "chosen").body(Body::empty()).unwrap();
        let response = numbered(request, async |request| {
            assert!(!request.headers().contains_key(REQUEST_ID));
            tracing::warn!("on the way");
            answer(StatusCode::OK, "text/plain", "")
        });
        let id = response.await.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
        let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(lines.contains(&id) && lines.contains("on the way"), "{lines}");
    }
}
