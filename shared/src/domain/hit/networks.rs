//! Networks that only filter mail, from `shared/data/mail_filters.json`. A stale list only misses some.

use serde::Deserialize;
use std::net::IpAddr;
use std::sync::LazyLock;

#[derive(Deserialize)]
struct File {
    lists: Vec<List>,
}

#[derive(Deserialize)]
struct List {
    networks: Vec<String>,
}

/// The network's bits, left-aligned, and how many of them count.
struct Network {
    is_v4: bool,
    bits: u128,
    prefix: u32,
}

impl Network {
    /// `40.92.0.0/15` or `2a01:111:f400::/48`.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (is_v4, bits) = bits(address.parse().ok()?);
        let prefix = prefix.parse().ok()?;
        let is_wide_enough = prefix > 0 && prefix <= if is_v4 { 32 } else { 128 };
        let network = Self { is_v4, bits, prefix };
        (is_wide_enough && bits.unbounded_shl(prefix) == 0).then_some(network)
    }

    fn holds(&self, is_v4: bool, bits: u128) -> bool {
        self.is_v4 == is_v4 && (self.bits ^ bits).leading_zeros() >= self.prefix
    }
}

fn bits(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (true, u128::from(address.to_bits()) << 96),
        IpAddr::V6(address) => (false, address.to_bits()),
    }
}

/// Whether the address belongs to a filter of mail, behind which no person reads.
pub fn is_mail_filter(address: IpAddr) -> bool {
    // A test reads the file strictly; a network that cannot be read matches nobody.
    static NETWORKS: LazyLock<Vec<Network>> = LazyLock::new(|| {
        let file = serde_json::from_str(include_str!("../../../data/mail_filters.json"));
        let lists = file.map_or_else(|_| Vec::new(), |file: File| file.lists);
        let networks = lists.iter().flat_map(|list| &list.networks);
        networks.filter_map(|text| Network::parse(text)).collect()
    });
    let (is_v4, bits) = bits(address);
    NETWORKS.iter().any(|network| network.holds(is_v4, bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn file() -> Value {
        serde_json::from_str(include_str!("../../../data/mail_filters.json")).unwrap()
    }

    #[test]
    fn every_network_of_the_file_can_be_read_and_says_where_it_is_from() {
        let mut count = 0;
        for list in file()["lists"].as_array().unwrap() {
            for name in ["who", "source"] {
                assert!(!list[name].as_str().unwrap().is_empty(), "{list}");
            }
            for network in list["networks"].as_array().unwrap() {
                let network = network.as_str().unwrap();
                let read = Network::parse(network).expect(network);
                // Of an old hit only its /24 or /48 is known.
                assert!(read.prefix <= if read.is_v4 { 24 } else { 48 }, "{network}");
                let first = network.split('/').next().unwrap();
                assert!(is_mail_filter(first.parse().unwrap()), "{network}");
                count += 1;
            }
        }
        assert!(count >= 7, "{count}");
    }

    #[test]
    fn the_file_is_read_again_once_a_year() {
        let read: jiff::civil::Date = file()["read"].as_str().unwrap().parse().unwrap();
        let today = jiff::Zoned::now().date();
        let days = (today - read).get_days();
        assert!(
            (0..=365).contains(&days),
            "read the sources of shared/data/mail_filters.json again: it is of {read}"
        );
    }

    #[test]
    fn an_address_is_inside_to_the_last_and_outside_from_the_next() {
        for (address, is_inside) in [
            ("40.91.255.255", false),
            ("40.92.0.0", true),
            ("40.93.255.255", true),
            ("40.94.0.0", false),
            ("104.47.127.255", true),
            ("104.47.128.0", false),
            ("::ffff:104.47.1.1", true),
            ("2a01:111:f400:ffff::1", true),
            ("2a01:111:f401::1", false),
            ("2a01:111:f403::1", true),
            ("::1", false),
            // The same bits as 40.92.0.0, of another family.
            ("285c::", false),
            ("178.89.1.1", false),
        ] {
            assert_eq!(is_mail_filter(address.parse().unwrap()), is_inside, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in [
            "",
            "1.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/0",
            "1.2.3.4/24",
            "::/129",
            "x/1",
            "1.2.3.0/-1",
        ] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
