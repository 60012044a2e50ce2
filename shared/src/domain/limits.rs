//! What may be sent: budgets, countries, prices. Defaults are those of docs/limits.md; `LIMITS` changes single ones.

use serde_json::{Value, json};

macro_rules! limits {
    ($($(#[$doc:meta])* $variant:ident = $word:literal : $default:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Limit {
            $($(#[$doc])* $variant,)*
        }

        impl Limit {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in `LIMITS`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            pub const fn default(self) -> u32 {
                match self {
                    $(Self::$variant => $default,)*
                }
            }
        }
    };
}

limits! {
    /// SMS to one number.
    Phone10Min = "phone.10min": 1,
    PhoneDay = "phone.day": 2,
    PhoneMonth = "phone.month": 5,
    /// E-mails to one address, without its aliases.
    EmailDay = "email.day": 3,
    EmailMonth = "email.month": 10,
    /// Different e-mails on one phone, or phones on one e-mail, in a day: above it a challenge is asked.
    PairSoft = "pair.soft": 3,
    /// Above it nothing is sent.
    PairDay = "pair.day": 6,
    /// Submissions from one IPv4 address: above it a challenge is asked.
    AddressSoft = "address.soft": 60,
    AddressHour = "address.hour": 300,
    AddressDay = "address.day": 1500,
    /// The same for an IPv6 network /64.
    Net64Soft = "net64.soft": 20,
    Net64Hour = "net64.hour": 60,
    /// The same for an IPv6 network /48.
    Net48Soft = "net48.soft": 100,
    Net48Hour = "net48.hour": 300,
    /// Submissions from one address in a second: above it they get 429.
    AddressSecond = "address.second": 10,
    /// Submissions for a block of 10,000 numbers.
    BlockSoft = "block.soft": 15,
    BlockHour = "block.hour": 40,
    /// All SMS.
    SmsHour = "sms.hour": 2500,
    SmsDay = "sms.day": 20000,
    /// All e-mails.
    MailHour = "mail.hour": 4000,
    MailDay = "mail.day": 25000,
    /// SMS to one country in a day.
    RuDay = "ru.day": 500,
    KgDay = "kg.day": 200,
    UzDay = "uz.day": 200,
    ByDay = "by.day": 200,
    OtherDay = "other.day": 100,
    /// The money for all SMS of a day, in the currency of Mobizon's account.
    MoneyDay = "money.day": 500_000,
    /// The price of one SMS, in hundredths of that currency.
    PriceKz = "price.kz": 2500,
    PriceRu = "price.ru": 2500,
    PriceKg = "price.kg": 2500,
    PriceUz = "price.uz": 2500,
    PriceBy = "price.by": 2500,
    PriceOther = "price.other": 10_000,
}

/// The countries whose numbers get an SMS, as `Country` writes them.
const COUNTRIES: [&str; 5] = ["KZ", "RU", "KG", "UZ", "BY"];

/// `LIMITS` and `SMS_COUNTRIES`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    is_on: bool,
    values: Vec<u32>,
    countries: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            is_on: true,
            values: Limit::ALL.iter().map(|limit| limit.default()).collect(),
            countries: COUNTRIES.map(str::to_owned).to_vec(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    #[error("{0:?} is not name=number")]
    NoNumber(String),
    #[error("there is no limit {0:?}; docs/limits.md has their names")]
    Unknown(String),
}

impl Limits {
    /// Nothing is counted and nothing held but what is suppressed. For stand-ins only.
    pub fn off() -> Self {
        Self {
            is_on: false,
            ..Self::default()
        }
    }

    /// Reads `off`, or changes such as `sms.day=5000, phone.day=3`. A value is at least 1: with 0 nothing could be sent.
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(Self::off());
        }
        let mut limits = Self::default();
        for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
            let no_number = || LimitsError::NoNumber(change.to_owned());
            let (name, value) = change.split_once('=').ok_or_else(no_number)?;
            let value: u32 = value.trim().parse().map_err(|_| no_number())?;
            let place = Limit::ALL.iter().position(|limit| limit.name() == name.trim());
            let place = place.ok_or_else(|| LimitsError::Unknown(name.trim().to_owned()))?;
            // What the database counts in.
            if value == 0 || i32::try_from(value).is_err() {
                return Err(no_number());
            }
            limits.values[place] = value;
        }
        Ok(limits)
    }

    /// The same with these countries: two letters each, in any case.
    #[must_use]
    pub fn with_countries(mut self, countries: Vec<String>) -> Self {
        self.countries = countries;
        self
    }

    pub const fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn get(&self, limit: Limit) -> u32 {
        self.values[limit as usize]
    }

    /// What `funnel.claim` takes: an empty object when the limits are off.
    pub fn to_json(&self) -> Value {
        if !self.is_on {
            return json!({});
        }
        let most = |seconds: u32, limit: Limit| json!({"seconds": seconds, "most": self.get(limit)});
        let day = |limit: Limit| json!({"day": self.get(limit)});
        let (minutes, whole_day, month) = (600, 86_400, 30 * 86_400);
        json!({
            "countries": self.countries,
            "phone": [
                most(minutes, Limit::Phone10Min), most(whole_day, Limit::PhoneDay), most(month, Limit::PhoneMonth),
            ],
            "address": [most(whole_day, Limit::EmailDay), most(month, Limit::EmailMonth)],
            "pair": self.get(Limit::PairDay),
            "sms": {
                "hour": self.get(Limit::SmsHour), "day": self.get(Limit::SmsDay),
                "money": u64::from(self.get(Limit::MoneyDay)) * 100,
            },
            "email": {"hour": self.get(Limit::MailHour), "day": self.get(Limit::MailDay)},
            "by_country": {
                "RU": day(Limit::RuDay), "KG": day(Limit::KgDay), "UZ": day(Limit::UzDay), "BY": day(Limit::ByDay),
                "other": day(Limit::OtherDay),
            },
            "price": {
                "KZ": self.get(Limit::PriceKz), "RU": self.get(Limit::PriceRu), "KG": self.get(Limit::PriceKg),
                "UZ": self.get(Limit::PriceUz), "BY": self.get(Limit::PriceBy), "other": self.get(Limit::PriceOther),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_changes_single_limits() {
        let limits = Limits::parse(" sms.day=5000, phone.day = 3,").unwrap();
        assert_eq!(
            (limits.get(Limit::SmsDay), limits.get(Limit::PhoneDay)),
            (5000, 3)
        );
        assert_eq!(limits.get(Limit::SmsHour), Limit::SmsHour.default());
        assert_eq!(limits.to_json()["sms"]["day"], 5000);
        assert_eq!(Limits::parse("").unwrap(), Limits::default());
    }

    #[test]
    fn a_setting_that_is_none_says_which_part_is_wrong() {
        for wrong in [
            "sms.day",
            "sms.day=",
            "sms.day=-1",
            "sms.day=0",
            "sms.day=1e3",
            "sms.day=4294967295",
        ] {
            assert_eq!(Limits::parse(wrong), Err(LimitsError::NoNumber(wrong.to_owned())));
        }
        let unknown = Limits::parse("sms.week=5");
        assert_eq!(unknown, Err(LimitsError::Unknown("sms.week".to_owned())));
    }

    #[test]
    fn without_limits_the_claim_gets_none() {
        let limits = Limits::parse("off").unwrap();
        assert!(!limits.is_on());
        assert_eq!(limits.to_json(), json!({}));
    }
}
