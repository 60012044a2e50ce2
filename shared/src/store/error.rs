//! What the store tells of a failure: nothing that can hold a value of a row or of a parameter.
//!
//! The server's words quote values: MESSAGE (`invalid input syntax for type uuid: "…"`), DETAIL
//! (`Key (email, phone)=(…) already exists.`), HINT and CONTEXT. So the driver's error ends here, and what leaves this module
//! has no room for those words.

use super::types::UnknownWord;
use crate::failure::chain;
use std::error::Error;
use std::fmt::{self, Write as _};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{WasNull, WrongType};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable or overloaded; the same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database refused the statement: our defect, or a schema that is not migrated.
    #[error("the database refused the statement")]
    Refused(#[source] PgError),
    /// A row holds a value that this version does not know: the schema is newer.
    #[error("a row cannot be read")]
    Unreadable(#[source] PgError),
    /// The URL or the certificate is wrong.
    #[error("the database settings are wrong: {0}")]
    Settings(String),
}

/// An error of the server or the driver, with names and no values. It is made only from the driver's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgError {
    state: Option<SqlState>,
    said: String,
}

impl PgError {
    /// The server's SQLSTATE; `None` when the server did not answer.
    pub const fn code(&self) -> Option<&SqlState> {
        self.state.as_ref()
    }
}

impl From<tokio_postgres::Error> for PgError {
    fn from(error: tokio_postgres::Error) -> Self {
        let (state, said) = match error.as_db_error() {
            Some(answer) => (Some(answer.code().clone()), names(answer)),
            None => (None, words_of_driver(&error)),
        };
        Self { state, said }
    }
}

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl Error for PgError {}

/// `SQLSTATE 23505, constraint landing_leads_identity, table landing_leads`: names of the schema.
fn names(answer: &DbError) -> String {
    let mut line = format!("SQLSTATE {}", answer.code().code());
    let named = [
        ("constraint", answer.constraint()),
        ("table", answer.table()),
        ("column", answer.column()),
    ];
    for (what, name) in named {
        if let Some(name) = name {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {what} {name}");
        }
    }
    line
}

/// The driver's own words, with a cause of the kinds that quote nothing of a person. A parser of JSON, for example, quotes what
/// it cannot read.
fn words_of_driver(error: &tokio_postgres::Error) -> String {
    let mut line = error.to_string();
    if let Some(cause) = error.source()
        && (cause.is::<UnknownWord>()
            || cause.is::<WasNull>()
            || cause.is::<WrongType>()
            || cause.is::<std::io::Error>())
    {
        let _ = write!(line, ": {cause}");
    }
    line
}

/// With the server's MESSAGE, but without DETAIL, HINT and CONTEXT: for a connection that is refused, which has carried no
/// value yet, and for the person who migrates.
pub fn with_message(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{} ({})", answer.message(), names(answer)),
        None => chain(error),
    }
}
