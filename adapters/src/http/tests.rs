//! Where connections may lead, and what a failed one says.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::channel::{BoxFuture, Broken, Call, Header, Host, Request, Transport};
use countersign_core::secret::SecretText;
use rstest::rstest;
use tokio::net::TcpListener;

use super::base_url::Reach;
use super::client::Lookup;
use super::{BaseUrl, HttpTransport};

fn call(method: &str, path: &str, credential: &str) -> Call {
    Call {
        request: Request {
            method: method.to_owned(),
            path: path.to_owned(),
            content_type: "application/json".to_owned(),
            headers: std::collections::BTreeMap::new(),
            body: "{\"canary\":\"canary-body\"}".to_owned(),
            host: Host::Provider,
        },
        headers: vec![Header { name: "authorization", value: SecretText::new(credential.to_owned()) }],
    }
}

fn not_sent(result: Result<countersign_core::channel::Response, Broken>) -> String {
    match result.expect_err("broken") {
        Broken::NotSent { detail } => detail,
        Broken::MaybeSent { detail } => panic!("may have been sent: {detail}"),
    }
}

fn transport(base: BaseUrl, lookup: Lookup) -> HttpTransport {
    HttpTransport { lookup, ..HttpTransport::new(base) }
}

fn inside(_name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async {
        Ok(["8.8.8.8:0", "127.0.0.1:0"].map(|text| text.parse().expect("an address")).to_vec())
    })
}

fn mapped(_name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async { Ok(vec!["[::ffff:127.0.0.1]:0".parse().expect("an address")]) })
}

fn outside(_name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async { Ok(vec!["8.8.8.8:0".parse().expect("an address")]) })
}

fn nowhere(_name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async { Err(io::Error::other("no such host")) })
}

/// S18, F10: an address is judged when the connection is made, and one inside address spoils the whole answer of the resolver.
#[rstest]
#[case::public_name_leads_inside(
    "https://provider.example",
    Reach::Public,
    inside,
    "127.0.0.1, which is not a public"
)]
#[case::public_name_leads_to_mapped(
    "https://provider.example",
    Reach::Public,
    mapped,
    "which is not a public"
)]
#[case::localhost_leads_outside(
    "http://localhost",
    Reach::Loopback,
    outside,
    "8.8.8.8, which is not a loopback"
)]
#[case::no_such_host("https://provider.example", Reach::Public, nowhere, "no such host")]
#[tokio::test]
async fn a_name_that_leads_to_the_wrong_place_is_not_connected_to(
    #[case] origin: &str,
    #[case] reach: Reach,
    #[case] lookup: Lookup,
    #[case] said: &str,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("an address").port();
    let canary = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    let base = BaseUrl::unchecked(&format!("{origin}:{port}"), reach);
    let detail = not_sent(transport(base, lookup).exchange(call("POST", "/emails", "Bearer x")).await);
    assert!(detail.contains(said), "{detail}");
    assert!(!canary.is_finished(), "the canary was called");
}

/// S18: a public transport speaks no plain HTTP, whatever its URL says.
#[tokio::test]
async fn plain_http_to_a_public_host_is_never_spoken() {
    let base = BaseUrl::unchecked("http://provider.example", Reach::Public);
    not_sent(transport(base, outside).exchange(call("POST", "/emails", "Bearer x")).await);
}

/// R5, F10: a refused connection proves that nothing was sent.
#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    drop(listener);
    let transport = HttpTransport::new(BaseUrl::loopback(addr).expect("loopback"));
    let detail = not_sent(transport.exchange(call("POST", "/emails", "Bearer x")).await);
    assert!(detail.contains(&addr.to_string()), "{detail}");
}

/// R5, F10: TLS that fails proves that nothing was sent; the peer here speaks none.
#[tokio::test]
async fn a_failed_tls_handshake_is_not_sent() {
    fn here(_name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Ok(vec!["127.0.0.1:0".parse().expect("an address")]) })
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("an address").port();
    let peer = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let mut hello = [0; 1];
        stream.read_exact(&mut hello).await.expect("reads");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("writes");
    });
    let base = BaseUrl::unchecked(&format!("https://provider.example:{port}"), Reach::Loopback);
    not_sent(transport(base, here).exchange(call("POST", "/emails", "Bearer x")).await);
    peer.await.expect("the peer was called");
}

/// S17, S22: a request that cannot be built goes nowhere, and the error does not repeat what is in it.
#[rstest]
#[case::dry_run("DRY", "/dry-run", "Bearer x")]
#[case::path("POST", ".evil.example/", "Bearer x")]
#[case::line_break("POST", "/emails", "Bearer canary\r\nBcc: canary")]
#[tokio::test]
async fn a_request_that_cannot_be_built_is_not_sent(
    #[case] method: &str,
    #[case] path: &str,
    #[case] credential: &str,
) {
    let transport = Arc::new(HttpTransport::new(
        BaseUrl::loopback("127.0.0.1:9".parse().expect("an address")).expect("loopback"),
    ));
    let detail = not_sent(transport.exchange(call(method, path, credential)).await);
    assert!(!detail.contains("canary"), "{detail}");
    assert!(detail.contains("; "), "the error names a fix: {detail}");
}

fn picture(origin: &str) -> Call {
    let request = Request::get("/by-hash/x.jpg").at(Host::Web(origin.to_owned()));
    Call { request, headers: Vec::new() }
}

fn provider() -> BaseUrl {
    BaseUrl::unchecked("https://provider.example", Reach::Public)
}

/// S17: a message may name a place on the web, and none on this machine or inside a network, however it is written.
#[rstest]
#[case("https://169.254.169.254")]
#[case("https://[::ffff:127.0.0.1]")]
#[case("https://2130706433")]
#[case("https://10.0.0.1:8443")]
#[case("https://127.0.0.1")]
#[case("http://127.0.0.1:5432")]
#[case("http://localhost:5432")]
#[case("http://pictures.example")]
#[case("https://pictures.internal")]
#[case("https://pictures.example@127.0.0.1")]
#[case("https://printer")]
#[tokio::test]
async fn a_file_is_fetched_from_the_web_alone(#[case] origin: &str) {
    let detail = not_sent(transport(provider(), outside).exchange(picture(origin)).await);
    assert!(detail.ends_with("nothing is fetched from there"), "{detail}");
}

/// S18: a name of the web that leads inside is not connected to.
#[tokio::test]
async fn a_file_is_not_fetched_by_a_name_that_leads_inside() {
    let detail = not_sent(transport(provider(), inside).exchange(picture("https://pictures.example")).await);
    assert!(detail.contains("127.0.0.1, which is not a public"), "{detail}");
}

/// S17: each request goes to the host it names, and a transport that stays on this machine stays there.
#[rstest]
#[case::provider(Host::Provider, "provider.example")]
#[case::templates(Host::Templates, "templates.example")]
#[case::web(Host::Web("https://pictures.example".to_owned()), "pictures.example")]
fn each_host_is_where_it_is_pinned(#[case] host: Host, #[case] label: &str) {
    let templates = Some(BaseUrl::unchecked("https://templates.example", Reach::Public));
    let public = HttpTransport::new(provider()).with_templates(templates);
    assert!(public.way(&host).expect("a way").join("/").expect("a URL").as_str().contains(label));
    let here =
        HttpTransport::new(BaseUrl::loopback("127.0.0.1:9".parse().expect("an address")).expect("loopback"));
    assert!(here.way(&host).expect("a way").is_loopback());
}
