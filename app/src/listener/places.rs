//! Places for connections: so many in all, and so many for each source address. This machine itself is no single source: a proxy in
//! front of the listener speaks for everybody.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at the same time.
const LIMIT: usize = 256;

/// Of them, connections from one address (IPv6: from one network of 64 bits).
const LIMIT_OF_SOURCE: usize = 32;

/// The places of a listener.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// One place; it is free again when this goes.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    source: IpAddr,
}

impl Places {
    /// Takes a place for a connection, if there is one left for it.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let source = source(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = taken.by_source.get(&source).copied().unwrap_or(0);
        if taken.all >= LIMIT || (of_source >= LIMIT_OF_SOURCE && !source.is_loopback()) {
            return None;
        }
        taken.all += 1;
        taken.by_source.insert(source, of_source + 1);
        Some(Place { places: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by_source.get(&self.source).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.by_source.remove(&self.source);
        } else {
            taken.by_source.insert(self.source, left);
        }
    }
}

fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S31: one source never takes all places, and what it took it gives back.
    #[test]
    fn one_source_leaves_places_for_others() {
        let places = Places::default();
        let take = |address: &str| places.take(address.parse().unwrap());
        let mut held: Vec<Place> = (0..32).map(|_| take("192.0.2.1").unwrap()).collect();
        assert!(take("192.0.2.1").is_none() && take("::ffff:192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());
        held.pop();
        assert!(take("192.0.2.1").is_some());
        drop(held);
        assert_eq!(places.0.lock().unwrap().all, 0);
        assert!(places.0.lock().unwrap().by_source.is_empty());
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let places = Places::default();
        let held: Vec<_> =
            (0..40).map_while(|n| places.take(format!("2001:db8::{n:x}").parse().unwrap())).collect();
        assert_eq!(held.len(), 32);
        assert!(places.take("2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn this_machine_may_take_all_and_no_more() {
        let places = Places::default();
        let held: Vec<_> = (0..300).map_while(|_| places.take("127.0.0.1".parse().unwrap())).collect();
        assert_eq!(held.len(), 256);
        assert!(places.take("192.0.2.1".parse().unwrap()).is_none());
    }
}
