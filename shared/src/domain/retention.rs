//! How long rows are kept. Defaults are those of docs/limits.md; `RETENTION` changes single ones.

use std::fmt;

words! {
    /// Rows that expire, as `funnel.expire` names them.
    pub enum Expiring {
        /// Counters of contacts, addresses and all together.
        Counters = "counters",
        /// Raw clicks. The lead keeps its flags and times.
        Clicks = "clicks",
        /// The network address of a raw click. Its network stays.
        HitAddresses = "hit_addresses",
        /// A submission's key, and what it said unless it is its lead's newest.
        Submissions = "submissions",
        /// Notifications that are over, with their deliveries. Links go on leading somewhere.
        Deliveries = "deliveries",
        /// Network address and user agent in a consent.
        Addresses = "addresses",
        /// A lead with all that hangs on it, from its last act.
        Leads = "leads",
        /// Consents, from their withdrawal.
        Consents = "consents",
        Audit = "audit",
    }
}

impl Expiring {
    pub const fn default(self) -> Age {
        match self {
            Self::Counters => Age(35, Unit::Days),
            Self::Clicks => Age(90, Unit::Days),
            Self::HitAddresses => Age(30, Unit::Days),
            Self::Submissions | Self::Deliveries => Age(180, Unit::Days),
            Self::Addresses => Age(13, Unit::Months),
            Self::Leads => Age(24, Unit::Months),
            Self::Consents | Self::Audit => Age(3, Unit::Years),
        }
    }

    /// `funnel.expire` refuses less. Of a hit nothing goes but an address, so a week is enough for a mistake to be seen.
    const fn days_min(self) -> u32 {
        match self {
            Self::HitAddresses => 7,
            _ => DAYS_MIN,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Months,
    Years,
}

/// A number of days, months or years. `Display` writes it as PostgreSQL reads an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(u16, Unit);

/// A budget looks back 30 days, a redrive two weeks, a hold one.
const DAYS_MIN: u32 = 31;
/// Longer than anybody keeps anything; PostgreSQL's dates reach further.
const DAYS_MAX: u32 = 36_500;

impl Age {
    /// `90d`, `13m`, `3y`, of at least so many days.
    fn parse(text: &str, days_min: u32) -> Option<Self> {
        let unit = match text.chars().next_back()? {
            'd' => Unit::Days,
            'm' => Unit::Months,
            'y' => Unit::Years,
            _ => return None,
        };
        let digits = &text[..text.len() - 1];
        let number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let age = Self(digits.parse().ok().filter(|_| number)?, unit);
        (days_min..=DAYS_MAX).contains(&age.least_days()).then_some(age)
    }

    const fn least_days(self) -> u32 {
        let days = match self.1 {
            Unit::Days => 1,
            Unit::Months => 28,
            Unit::Years => 365,
        };
        self.0 as u32 * days
    }

    /// As it stands in `RETENTION`.
    pub fn word(self) -> String {
        let unit = match self.1 {
            Unit::Days => 'd',
            Unit::Months => 'm',
            Unit::Years => 'y',
        };
        format!("{}{unit}", self.0)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.1 {
            Unit::Days => "days",
            Unit::Months => "months",
            Unit::Years => "years",
        };
        write!(f, "{} {unit}", self.0)
    }
}

/// `RETENTION`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    is_on: bool,
    ages: [Age; Expiring::ALL.len()],
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            is_on: true,
            ages: Expiring::ALL.map(Expiring::default),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    #[error(
        "{0:?} is not name=age, such as clicks=90d, with an age of at least {DAYS_MIN} days, or 7 of hit_addresses"
    )]
    NoAge(String),
    #[error("nothing is called {0:?}; docs/limits.md has the names")]
    Unknown(String),
}

impl Retention {
    /// Reads `off`, or changes such as `clicks=90d, leads=24m`.
    pub fn parse(text: &str) -> Result<Self, RetentionError> {
        let mut retention = Self {
            is_on: !text.trim().eq_ignore_ascii_case("off"),
            ..Self::default()
        };
        if !retention.is_on {
            return Ok(retention);
        }
        for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
            let no_age = || RetentionError::NoAge(change.to_owned());
            let (name, age) = change.split_once('=').ok_or_else(no_age)?;
            let name = name.trim();
            let what = Expiring::parse(name).ok_or_else(|| RetentionError::Unknown(name.to_owned()))?;
            retention.ages[what as usize] = Age::parse(age.trim(), what.days_min()).ok_or_else(no_age)?;
        }
        Ok(retention)
    }

    /// `false`: nothing expires.
    pub const fn is_on(&self) -> bool {
        self.is_on
    }

    pub const fn age(&self, what: Expiring) -> Age {
        self.ages[what as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_changes_single_ages() {
        let retention = Retention::parse(" clicks=31d, leads = 5y,").unwrap();
        let words =
            [Expiring::Clicks, Expiring::Leads, Expiring::Addresses].map(|what| retention.age(what).word());
        assert_eq!(words, ["31d", "5y", "13m"]);
        assert_eq!(retention.age(Expiring::Addresses).to_string(), "13 months");
        let week = Retention::parse("hit_addresses=7d").unwrap();
        assert_eq!(week.age(Expiring::HitAddresses).word(), "7d");
        assert_eq!(Retention::parse("").unwrap(), Retention::default());
        assert!(!Retention::parse(" OFF ").unwrap().is_on());
    }

    #[test]
    fn a_setting_that_is_none_says_which_part_is_wrong() {
        for wrong in [
            "clicks",
            "clicks=",
            "clicks=90",
            "clicks=d",
            "clicks=-90d",
            "clicks=+90d",
            "clicks=30d",
            "hit_addresses=6d",
            "clicks=1m",
            "clicks=0y",
            "clicks=101y",
            "clicks=90 d",
            "clicks=90д",
            "clicks=99999999d",
        ] {
            assert_eq!(
                Retention::parse(wrong),
                Err(RetentionError::NoAge(wrong.to_owned()))
            );
        }
        let unknown = Retention::parse("hits=90d");
        assert_eq!(unknown, Err(RetentionError::Unknown("hits".to_owned())));
    }

    #[test]
    fn every_default_is_one_that_may_be_set() {
        for what in Expiring::ALL {
            assert_eq!(
                Age::parse(&what.default().word(), what.days_min()),
                Some(what.default())
            );
        }
    }
}
