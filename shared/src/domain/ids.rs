//! Identifiers: one type with a private field for each.

use std::fmt;
use uuid::{NoContext, Timestamp, Uuid};

/// In the order of their time, which keeps an index on them small. They stay inside.
fn ordered() -> Uuid {
    Uuid::new_v7(Timestamp::now(NoContext))
}

/// All random, for an id that leaves the system: it tells neither another id nor when it was made.
fn random() -> Uuid {
    Uuid::new_v4()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $new:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            #[allow(clippy::new_without_default, reason = "a default that differs each time would surprise")]
            pub fn new() -> Self {
                Self($new())
            }

            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// For the database driver.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// Reads the hyphenated form of 36 characters; `None` for anything else.
            pub fn parse(raw: &str) -> Option<Self> {
                (raw.len() == 36).then(|| Uuid::try_parse(raw).ok().map(Self)).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A lead: one person, identified by e-mail and phone. It stands in the answer, in links and in the CRM.
    LeadId, random
}
id! {
    /// A submission: one sending of the form.
    SubmissionId, ordered
}
id! {
    /// A notification: one message to one lead, over one or two channels.
    NotificationId, ordered
}
id! {
    /// A batch: e-mails that go out in one request.
    BatchId, ordered
}
id! {
    /// One hit. Recording the same hit twice changes nothing. It leaves the system in the course's address, where it tells when
    /// the link was opened: the course sees that anyway.
    ClickId, ordered
}

macro_rules! amocrm_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                raw.parse().map(Self)
            }
        }
    };
}

amocrm_id! {
    /// A deal of amoCRM.
    DealId
}
amocrm_id! {
    /// A contact of amoCRM.
    ContactId
}
amocrm_id! {
    /// A pipeline of amoCRM.
    PipelineId
}
amocrm_id! {
    /// A stage of a pipeline of amoCRM.
    StageId
}
amocrm_id! {
    /// A custom field of amoCRM.
    FieldId
}
amocrm_id! {
    /// A user of amoCRM.
    UserId
}

/// Length of a short link's code. 62^12 is about 2^71: not guessable, and short enough for one SMS segment.
const CODE_CHARS: usize = 12;

/// The code of a short link, `/l/{code}`: twelve characters of `0-9A-Za-z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortCode(String);

/// Length of a recipient's token: 128 random bits.
const TOKEN_CHARS: usize = 22;

/// The token of `/u/{token}`, where a person stops our messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientToken(String);

macro_rules! random_text {
    ($name:ident, $chars:ident) => {
        impl $name {
            /// A new one from the operating system's generator; fails if that gives no randomness.
            pub fn new() -> Result<Self, getrandom::Error> {
                base62($chars).map(Self)
            }

            /// Reads it from a path; `None` if it cannot be one.
            pub fn parse(raw: &str) -> Option<Self> {
                let fits = raw.len() == $chars && raw.bytes().all(|byte| byte.is_ascii_alphanumeric());
                fits.then(|| Self(raw.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

random_text!(ShortCode, CODE_CHARS);
random_text!(RecipientToken, TOKEN_CHARS);

/// The last digits of 128 random bits.
fn base62(chars: usize) -> Result<String, getrandom::Error> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let mut number = u128::from_le_bytes(bytes);
    let digits = std::iter::repeat_with(|| {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        number /= 62;
        char::from(ALPHABET[digit])
    });
    Ok(digits.take(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_only_in_its_one_spelling() {
        let id = LeadId::new();
        assert_eq!(LeadId::parse(&id.to_string()), Some(id));
        assert_eq!(LeadId::parse(&id.as_uuid().simple().to_string()), None);
        assert_eq!(LeadId::parse("../../etc/passwd"), None);
    }

    #[test]
    fn ids_made_in_one_millisecond_share_no_counter() {
        let tails: std::collections::HashSet<u64> = (0..1000)
            .map(|_| LeadId::new().as_uuid().as_u64_pair().1 >> 32)
            .collect();
        assert!(tails.len() > 990, "{} distinct tails", tails.len());
    }

    #[test]
    fn codes_differ_and_read_back() {
        let codes: std::collections::HashSet<String> = (0..1000)
            .map(|_| ShortCode::new().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(codes.len(), 1000);
        assert!(codes.iter().all(|code| ShortCode::parse(code).is_some()));
        assert_eq!(ShortCode::parse("short"), None);
        assert_eq!(ShortCode::parse("abcdef-bcdef"), None);
        let token = RecipientToken::new().unwrap();
        assert_eq!(RecipientToken::parse(token.as_str()), Some(token));
        assert_eq!(RecipientToken::parse("abcdefghijkl"), None);
    }
}
