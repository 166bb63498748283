//! The configured host is the only one that sees a request.
use std::process::Command;

use countersign_adapters::http::{BaseUrl, HttpTransport};
use countersign_adapters::sandbox::Fault;
use countersign_core::channel::{ChannelName, Transport};

use crate::desk::{Desk, MAIL, call, send};

/// S18, S19, F19: a redirect is an answer like any other; the canary it points at is never called.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (desk, canary) = (Desk::new().await, Desk::new().await);
    let location = format!("{}/emails", canary.sandbox.base_url());
    desk.sandbox.set_faults([Fault::Redirect { location }.always()]);
    let response = send(&desk.transport(), "k").await.expect("answers");
    assert_eq!((response.status, desk.sandbox.requests().count), (307, 1));
    assert_eq!((canary.sandbox.requests().count, canary.accepted()), (0, 0));
}

const TARGET: &str = "COUNTERSIGN_TEST_TARGET";

/// S18: proxy variables are not obeyed. They are read once per process, so the request is made by a child.
#[tokio::test]
async fn proxy_variables_are_unused() {
    let (desk, proxy) = (Desk::new().await, Desk::new().await);
    let mut child = Command::new(std::env::current_exe().expect("the test binary"));
    child.args(["--exact", "isolation::child_sends_one_mail", "--ignored", "--quiet"]);
    child.env(TARGET, desk.sandbox.base_url()).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, proxy.sandbox.base_url());
    }
    let output = tokio::task::spawn_blocking(move || child.output()).await.expect("runs").expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (1, 1));
    assert_eq!(proxy.sandbox.requests().count, 0);
}

#[tokio::test]
#[ignore = "run by proxy_variables_are_unused with proxy variables set"]
async fn child_sends_one_mail() {
    let target = std::env::var(TARGET).expect("a target");
    let base = BaseUrl::parse(ChannelName::Email, &target, TARGET).expect("loopback");
    let sent = HttpTransport::new(base).exchange(call("POST", "/emails", MAIL, "re_x", "k")).await;
    assert_eq!(sent.expect("answers").status, 200);
}
