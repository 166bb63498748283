//! The one factory of HTTP clients.
//!
//! What reqwest would do on its own (follow redirects, repeat, obey proxy variables, wait for ever) is switched off here, so that
//! the dispatcher is the only one who repeats a request and the configured host is the only one that sees it.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use countersign_core::channel::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect, retry};

use super::Timeouts;
use super::address::is_public;
use super::base_url::Reach;

/// Providers refuse a request that does not say who asks.
const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A pooled connection idles for less time than servers usually keep one, so that a request rarely meets a closing connection.
const IDLE: Duration = Duration::from_secs(15);

/// Turns a name into addresses.
pub(super) type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// Asks the system.
pub(super) fn system_lookup(name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// Builds a client that can do nothing but what the transport asks of it.
pub(super) fn client(reach: Reach, timeouts: Timeouts, lookup: Lookup) -> reqwest::Result<Client> {
    // The first provider installed wins; a second one of the same kind changes nothing.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _already_there = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_keepalive_interval(Duration::from_secs(15))
        .referer(false)
        .dns_resolver(Arc::new(CheckedResolver { reach, lookup }));
    match reach {
        Reach::Public => builder.https_only(true).build(),
        // Plain HTTP needs no certificates, and a machine without any can still use the sandbox.
        Reach::Loopback => builder.tls_certs_only([]).build(),
    }
}

/// Resolves names and refuses the answer as a whole if one address lies where this transport may not go.
struct CheckedResolver {
    reach: Reach,
    lookup: Lookup,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let addresses = found.await?;
            if let Some(refused) = addresses.iter().find(|address| !may_reach(reach, address)) {
                return Err(Box::new(RefusedAddress { refused: *refused, reach }) as _);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn may_reach(reach: Reach, address: &SocketAddr) -> bool {
    match reach {
        Reach::Public => is_public(address.ip()),
        Reach::Loopback => address.ip().is_loopback(),
    }
}

/// A name resolved to a place this transport may not go.
#[derive(Debug)]
struct RefusedAddress {
    refused: SocketAddr,
    reach: Reach,
}

impl std::error::Error for RefusedAddress {}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.reach {
            Reach::Public => "a public address",
            Reach::Loopback => "a loopback address",
        };
        write!(
            f,
            "the name resolves to {}, which is not {wanted}; check DNS and the hosts file",
            self.refused.ip()
        )
    }
}
