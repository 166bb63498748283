//! Lets requests in: who asks, in which company, how often, and whether the matrix allows it. A refusal of somebody known is recorded, the
//! same one once a minute.
//!
//! What passes here is asked again inside the transaction of the use case; this gate is what answers 401, 403, 404 and 429.
use axum::body::HttpBody as _;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::actor::Actor;
use countersign_core::bearer::{Bearer, authenticate, record_dead, record_refusal};
use countersign_core::clock;
use countersign_core::error::Error;
use countersign_core::ids::CompanyId;
use countersign_core::safe_text::SafeText;
use countersign_core::secret::SecretText;

use super::answer::Problem;
use super::matrix::Route;
use super::{ApiState, Source};

/// What stands before one route.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) state: ApiState,
    pub(super) route: &'static Route,
}

/// Who asks, once let in, and for which company.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) company: CompanyId,
    pub(super) actor: Actor,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| nobody("a token is needed"))
    }
}

/// Lets a request through to its route, or answers it.
pub(super) async fn admit(
    State(door): State<Door>,
    company: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let company = company.iter().next().and_then(|(_, text)| text.parse().ok());
    let source = request.extensions().get::<Source>().copied();
    match check(&door, request.headers(), source, company).await {
        Ok(caller) => {
            let length = request.body().size_hint().exact();
            let turn = match door.state.turns.take(door.route, length).await {
                Ok(turn) => turn,
                Err(problem) => return problem.into_response(),
            };
            request.extensions_mut().insert(caller.clone());
            let response = next.run(request).await;
            drop(turn);
            // The matrix lets agents at drafts; whose a draft is shows where it is changed.
            let is_others = response.status() == StatusCode::FORBIDDEN && caller.actor.role().is_none();
            match is_others {
                true => match record(&door, &caller.actor, caller.company, "").await {
                    Ok(()) => response,
                    Err(error) => Problem::from(error).into_response(),
                },
                false => response,
            }
        }
        Err(problem) => problem.into_response(),
    }
}

async fn check(
    door @ Door { state, route }: &Door,
    headers: &HeaderMap,
    source: Option<Source>,
    company: Option<CompanyId>,
) -> Result<Caller, Problem> {
    let token = bearer(headers)?;
    let from = source.map_or_else(|| "the API".to_owned(), |source| format!("the API, {}", source.0));
    let (home, actor) = match authenticate(&state.pool, &token, &from).await? {
        Bearer::LetIn(home, actor) => (home, actor),
        Bearer::Dead(dead) => {
            if state.limits.recorded.take((dead.token, None), clock::monotonic()).is_ok() {
                record_dead(&state.pool, &dead, &from).await?;
            }
            slow_down(state, source)?;
            return Err(nobody(dead.why));
        }
        Bearer::Nobody => {
            slow_down(state, source)?;
            return Err(nobody("nobody has this token"));
        }
    };
    if let Some(token) = actor.token() {
        let taken = state.limits.tokens.take(token, clock::monotonic());
        taken.map_err(|wait| too_many("this token asks too often").wait(wait))?;
    }
    // Another company than one's own looks like one that does not exist.
    if company != Some(home) {
        record(door, &actor, home, " of another company").await?;
        return Err(Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such company"));
    }
    if !route.least.admits(&actor) {
        record(door, &actor, home, "").await?;
        let name = SafeText::line(actor.name()).truncated(100);
        let words = format!("{name} may not do this: it is for {}", route.least.words());
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", words));
    }
    Ok(Caller { company: home, actor })
}

/// Records a refusal, unless that was done for this token and route within the last minute.
async fn record(
    Door { state, route }: &Door,
    actor: &Actor,
    company: CompanyId,
    whose: &str,
) -> Result<(), Error> {
    let Some(token) = actor.token() else { return Ok(()) };
    let what = (token, Some((route.method, route.path)));
    if state.limits.recorded.take(what, clock::monotonic()).is_err() {
        return Ok(());
    }
    let asked = format!("{} {}{whose}", route.method.as_str(), route.path);
    record_refusal(&state.pool, actor, company, &asked).await
}

/// The token of a request. There is no other way to say who asks: no cookie, no parameter.
fn bearer(headers: &HeaderMap) -> Result<SecretText, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return Err(nobody("send one header authorization: Bearer TOKEN"));
    };
    let words = only.to_str().ok().and_then(|text| text.split_once(' '));
    match words {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(SecretText::new(token.trim().to_owned()))
        }
        _ => Err(nobody("send one header authorization: Bearer TOKEN")),
    }
}

/// Counts a token that does not count; too many of them from one place are not even told so.
fn slow_down(state: &ApiState, source: Option<Source>) -> Result<(), Problem> {
    let taken = state.limits.wrong.take(source.map(|source| source.0), clock::monotonic());
    taken.map_err(|wait| too_many("too many wrong tokens from here").wait(wait))
}

fn too_many(words: &str) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", words)
}

fn nobody(why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&["Bearer abc"], Some("abc"))]
    #[case(&["bearer abc "], Some("abc"))]
    #[case(&[], None)]
    #[case(&["Bearer"], None)]
    #[case(&["Basic abc"], None)]
    #[case(&["abc"], None)]
    #[case(&["Bearer abc", "Bearer def"], None)]
    fn one_bearer_is_read(#[case] lines: &[&str], #[case] token: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        assert_eq!(bearer(&headers).ok().as_ref().map(SecretText::expose), token);
    }
}
