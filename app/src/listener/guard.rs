//! Keeps browsers out that were led here (S42): a request names this machine or the public host, and comes from no other page.
use std::net::IpAddr;

use axum::extract::{Request, State as Extract};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::inbound::public_url::PublicUrl;

use super::answer::Refused;
use super::state::Shared;

/// The address on which a connection was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here(pub(super) IpAddr);

/// Lets a request through that names this machine or the public host, or refuses it.
pub(super) async fn check(Extract(state): Extract<Shared>, request: Request, next: Next) -> Response {
    pass(state.config.public_url.as_ref().map(PublicUrl::authority), request, next).await
}

/// Lets a request through that names this machine, or refuses it: what it asks for is nothing to the world.
pub(super) async fn check_near(request: Request, next: Next) -> Response {
    pass(None, request, next).await
}

async fn pass(public: Option<&str>, request: Request, next: Next) -> Response {
    let here = request.extensions().get::<Here>().map(|here| here.0);
    let named = request.uri().authority();
    match judge(request.headers(), named, here, public) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn judge(
    headers: &HeaderMap,
    named: Option<&Authority>,
    here: Option<IpAddr>,
    public: Option<&str>,
) -> Result<(), Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        _ => None,
    };
    let Some(host) = host else {
        return Err(Refused { status: StatusCode::BAD_REQUEST, code: "no-host", sentence: "name one host" });
    };
    let is_ours = |authority: &Authority| is_ours(authority, here, public);
    if !is_ours(&host) || !named.is_none_or(is_ours) {
        let sentence = "this host is not served here; the public one is set as listener.public_url";
        return Err(Refused { status: StatusCode::FORBIDDEN, code: "foreign-host", sentence });
    }
    let is_same = |origin: &[u8]| {
        ["http://", "https://"].iter().any(|scheme| {
            origin.strip_prefix(scheme.as_bytes()).is_some_and(|rest| rest == host.as_str().as_bytes())
        })
    };
    if headers.get_all(ORIGIN).iter().all(|origin| is_same(origin.as_bytes())) {
        Ok(())
    } else {
        let sentence = "requests of other pages are not answered";
        Err(Refused { status: StatusCode::FORBIDDEN, code: "foreign-origin", sentence })
    }
}

fn is_ours(authority: &Authority, here: Option<IpAddr>, public: Option<&str>) -> bool {
    let host = authority.host();
    if authority.as_str().contains('@') {
        return false;
    }
    if host.eq_ignore_ascii_case("localhost") || public.is_some_and(|public| is_public(authority, public)) {
        return true;
    }
    // A name may be made to lead anywhere; an address is what it says.
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address
        .is_ok_and(|address| address.is_loopback() || here.is_some_and(|here| here.to_canonical() == address))
}

/// Whether it is the public host; the port that https stands for may be named or left out.
fn is_public(authority: &Authority, public: &str) -> bool {
    let plain = |text: &str| text.strip_suffix(":443").unwrap_or(text).to_ascii_lowercase();
    plain(authority.as_str()) == plain(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[(&str, &str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let here = Some("192.0.2.7".parse().unwrap());
        judge(&headers, None, here, Some("crm.example.com")).err().map(|refused| refused.status.as_u16())
    }

    /// S42: a page that a browser was led to reaches nothing here, whatever its name resolves to.
    #[rstest::rstest]
    #[case("127.0.0.1:8787", None)]
    #[case("localhost", None)]
    #[case("LOCALHOST:8787", None)]
    #[case("[::1]:8787", None)]
    #[case("192.0.2.7:8787", None)]
    #[case("crm.example.com", None)]
    #[case("CRM.example.com:443", None)]
    #[case("evil.example", Some(403))]
    #[case("crm.example.com:8443", Some(403))]
    #[case("crm.example.com.evil.example", Some(403))]
    #[case("localhost.evil.example", Some(403))]
    #[case("127.0.0.1.evil.example", Some(403))]
    #[case("192.0.2.8", Some(403))]
    #[case("localhost@evil.example", Some(403))]
    #[case("a b", Some(400))]
    #[case("", Some(400))]
    fn only_hosts_of_ours_are_served(#[case] host: &str, #[case] refused: Option<u16>) {
        assert_eq!(judged(&[("host", host)]), refused);
    }

    #[rstest::rstest]
    #[case(&[], Some(400))]
    #[case(&[("host", "localhost"), ("host", "localhost")], Some(400))]
    #[case(&[("host", "localhost:1"), ("origin", "http://localhost:1")], None)]
    #[case(&[("host", "crm.example.com"), ("origin", "https://crm.example.com")], None)]
    #[case(&[("host", "localhost:1"), ("origin", "http://localhost:2")], Some(403))]
    #[case(&[("host", "localhost"), ("origin", "https://evil.example")], Some(403))]
    #[case(&[("host", "localhost"), ("origin", "null")], Some(403))]
    #[case(&[("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")], Some(403))]
    fn only_pages_of_ours_are_answered(#[case] lines: &[(&str, &str)], #[case] refused: Option<u16>) {
        assert_eq!(judged(lines), refused);
    }
}
