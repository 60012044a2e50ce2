//! Domain types as parameters and columns. A word that the code does not know is an error that quotes it.

use crate::domain::contact::{Email, Name, Phone};
use crate::domain::crm::{NoteKind, TaskState};
use crate::domain::delivery::{Channel, Doubt, Kind, State, Status};
use crate::domain::guard::Evidence;
use crate::domain::hit::{Rule, Verdict};
use crate::domain::ids::{
    BatchId, ClickId, ContactId, DealId, LeadId, NotificationId, RecipientToken, ShortCode, SubmissionId,
    UserId,
};
use crate::domain::receipt::Became;
use crate::domain::recipient::Stop;
use crate::domain::retention::Expiring;
use bytes::BytesMut;
use std::error::Error;
use std::time::Duration;
use tokio_postgres::types::{FromSql, IsNull, Json, ToSql, Type, accepts, to_sql_checked};
use uuid::Uuid;

/// A parameter with its type, for `query_typed`.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// A value that knows its SQL type.
pub trait Typed: ToSql + Sync {
    const TYPE: Type;
    const LIST: Type;
}

pub fn param<T: Typed>(value: &T) -> Param<'_> {
    (value, T::TYPE)
}

impl<T: Typed> Typed for &T {
    const TYPE: Type = T::TYPE;
    const LIST: Type = T::LIST;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
    const LIST: Type = T::LIST;
}

impl<T: Typed> Typed for Vec<T> {
    const TYPE: Type = T::LIST;
    const LIST: Type = T::LIST;
}

impl<T: Typed> Typed for &[T] {
    const TYPE: Type = T::LIST;
    const LIST: Type = T::LIST;
}

macro_rules! typed {
    ($($rust:ty => $one:ident, $list:ident;)*) => {$(
        impl Typed for $rust {
            const TYPE: Type = Type::$one;
            const LIST: Type = Type::$list;
        }
    )*};
}

typed! {
    bool => BOOL, BOOL_ARRAY;
    i16 => INT2, INT2_ARRAY;
    i32 => INT4, INT4_ARRAY;
    i64 => INT8, INT8_ARRAY;
    &str => TEXT, TEXT_ARRAY;
    String => TEXT, TEXT_ARRAY;
    Seconds => FLOAT8, FLOAT8_ARRAY;
    jiff::Timestamp => TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    serde_json::Value => JSONB, JSONB_ARRAY;
    Json<serde_json::Map<String, serde_json::Value>> => JSONB, JSONB_ARRAY;
    Json<Evidence> => JSONB, JSONB_ARRAY;
}

/// A duration as a number of seconds. A negative number reads as zero.
#[derive(Debug, Clone, Copy)]
pub struct Seconds(pub Duration);

type SqlError = Box<dyn Error + Sync + Send>;

impl<'a> FromSql<'a> for Seconds {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, SqlError> {
        let seconds = f64::from_sql(kind, raw)?;
        Ok(Self(Duration::try_from_secs_f64(seconds.max(0.0))?))
    }

    accepts!(FLOAT8);
}

impl ToSql for Seconds {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, SqlError> {
        self.0.as_secs_f64().to_sql(kind, out)
    }

    accepts!(FLOAT8);
    to_sql_checked!();
}

/// Types around a number or a UUID: how to unwrap a value, and how to wrap one from a row.
macro_rules! wrapped {
    ($($rust:ident: $inner:ty as $one:ident, $list:ident, |$this:ident| $out:expr, $wrap:expr;)*) => {$(
        impl<'a> FromSql<'a> for $rust {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, SqlError> {
                <$inner>::from_sql(kind, raw).map($wrap)
            }

            accepts!($one);
        }

        impl ToSql for $rust {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, SqlError> {
                let $this = self;
                $out.to_sql(kind, out)
            }

            accepts!($one);
            to_sql_checked!();
        }

        typed! { $rust => $one, $list; }
    )*};
}

wrapped! {
    LeadId: Uuid as UUID, UUID_ARRAY, |id| id.as_uuid(), Self::from_uuid;
    NotificationId: Uuid as UUID, UUID_ARRAY, |id| id.as_uuid(), Self::from_uuid;
    SubmissionId: Uuid as UUID, UUID_ARRAY, |id| id.as_uuid(), Self::from_uuid;
    BatchId: Uuid as UUID, UUID_ARRAY, |id| id.as_uuid(), Self::from_uuid;
    ClickId: Uuid as UUID, UUID_ARRAY, |id| id.as_uuid(), Self::from_uuid;
    DealId: i64 as INT8, INT8_ARRAY, |id| id.0, Self;
    ContactId: i64 as INT8, INT8_ARRAY, |id| id.0, Self;
    UserId: i64 as INT8, INT8_ARRAY, |id| id.0, Self;
}

/// A row holds a word that this version does not know. It is logged: only columns whose words are the schema's are read so.
#[derive(Debug, thiserror::Error)]
#[error("this version does not know {0:?}")]
pub struct UnknownWord(String);

/// Types around a text, each with its parser for rows.
macro_rules! texts {
    ($($rust:ident: $read:expr;)*) => {$(
        impl<'a> FromSql<'a> for $rust {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, SqlError> {
                let text = <&str>::from_sql(kind, raw)?;
                let read: fn(&str) -> Option<Self> = $read;
                read(text).ok_or_else(|| UnknownWord(text.to_owned()).into())
            }

            accepts!(TEXT);
        }

        impl ToSql for $rust {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, SqlError> {
                self.as_str().to_sql(kind, out)
            }

            accepts!(TEXT);
            to_sql_checked!();
        }

        typed! { $rust => TEXT, TEXT_ARRAY; }
    )*};
}

texts! {
    // Accepted values stay readable when the form's rules become stricter.
    Email: |text| Some(Self::from_row(text));
    Phone: |text| Some(Self::from_row(text));
    Name: |text| Some(Self::from_row(text));
    ShortCode: Self::parse;
    RecipientToken: Self::parse;
    Channel: Self::parse;
    State: Self::parse;
    Status: Self::parse;
    Stop: Self::parse;
    Doubt: Self::parse;
    Kind: Self::parse;
    NoteKind: Self::parse;
    TaskState: Self::parse;
    Expiring: Self::parse;
    Verdict: Self::parse;
    Rule: Self::parse;
    Became: Self::parse;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_known_is_an_error_with_its_name() {
        let error = Channel::from_sql(&Type::TEXT, b"pigeon").unwrap_err();
        assert_eq!(error.to_string(), "this version does not know \"pigeon\"");
        assert_eq!(Channel::from_sql(&Type::TEXT, b"sms").unwrap(), Channel::Sms);
        let unknown = "this version does not know \"paused\"";
        let error = Status::from_sql(&Type::TEXT, b"paused").unwrap_err();
        assert_eq!(error.to_string(), unknown);
        let error = TaskState::from_sql(&Type::TEXT, b"paused").unwrap_err();
        assert_eq!(error.to_string(), unknown);
        for kind in NoteKind::ALL {
            assert_eq!(
                NoteKind::from_sql(&Type::TEXT, kind.as_str().as_bytes()).unwrap(),
                kind
            );
        }
    }
}
