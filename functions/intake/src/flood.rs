//! Addresses that submit too fast. They get 429 before anything of them is read.
//!
//! The database counts what reached it from all sandboxes; this memory is one sandbox's, so a flood costs each sandbox one
//! statement a second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an address is refused. Short, because other people may share it: the page sends again by itself.
pub const PAUSE: Duration = Duration::from_secs(1);
/// More addresses than this are forgotten together: the memory must not grow.
const ADDRESSES_MAX: usize = 4096;

#[derive(Default)]
pub struct Floods(Mutex<HashMap<IpAddr, Seen>>);

struct Seen {
    second_began: Instant,
    in_second: u32,
    refused_until: Option<Instant>,
}

impl Floods {
    /// Counts a request, and says whether to refuse it.
    pub fn is_flood(&self, address: IpAddr, most: u32, now: Instant) -> bool {
        let address = network(address);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= ADDRESSES_MAX {
            seen.clear();
        }
        let seen = seen.entry(address).or_insert(Seen {
            second_began: now,
            in_second: 0,
            refused_until: None,
        });
        if now.duration_since(seen.second_began) >= PAUSE {
            (seen.second_began, seen.in_second) = (now, 0);
        }
        seen.in_second = seen.in_second.saturating_add(1);
        seen.in_second > most || seen.refused_until.is_some_and(|until| now < until)
    }

    /// The database has seen a flood from this address.
    pub fn refuse(&self, address: IpAddr, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.get_mut(&network(address)) {
            seen.refused_until = Some(now + PAUSE);
        }
    }
}

/// A subscriber has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_of_a_second_is_refused_and_the_next_second_is_not() {
        let (floods, now) = (Floods::default(), Instant::now());
        let [one, other] = ["203.0.113.7", "203.0.113.8"].map(|raw| raw.parse().unwrap());
        let answers: Vec<bool> = (0..12).map(|_| floods.is_flood(one, 10, now)).collect();
        assert_eq!(answers.iter().position(|refused| *refused), Some(10));
        assert!(!floods.is_flood(other, 10, now));
        assert!(!floods.is_flood(one, 10, now + PAUSE));
    }

    #[test]
    fn what_the_database_saw_counts_too() {
        let (floods, now) = (Floods::default(), Instant::now());
        let address = "2001:db8::7".parse().unwrap();
        assert!(!floods.is_flood(address, 10, now));
        floods.refuse(address, now);
        assert!(floods.is_flood(address, 10, now + PAUSE / 2));
        assert!(!floods.is_flood(address, 10, now + PAUSE));
    }

    #[test]
    fn the_addresses_of_a_64_are_one_and_those_of_another_are_not() {
        let (floods, now) = (Floods::default(), Instant::now());
        let of = |number: u32| format!("2001:db8:1:2::{number:x}").parse().unwrap();
        let answers: Vec<bool> = (0..11)
            .map(|number| floods.is_flood(of(number), 10, now))
            .collect();
        assert_eq!(answers.iter().position(|refused| *refused), Some(10));
        floods.refuse(of(99), now + PAUSE);
        assert!(floods.is_flood(of(7), 10, now + PAUSE));
        assert!(!floods.is_flood("2001:db8:1:3::1".parse().unwrap(), 10, now));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (floods, now) = (Floods::default(), Instant::now());
        for number in 0..10_000_u32 {
            floods.is_flood(IpAddr::from(number.to_be_bytes()), 10, now);
        }
        assert!(floods.0.lock().unwrap().len() <= ADDRESSES_MAX);
    }
}
