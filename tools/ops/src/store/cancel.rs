use jiff::Timestamp;
use proftest::domain::delivery::{Channel, State};
use proftest::failpoint::Step;
use proftest::store::{Store, StoreError, param};

/// Whose messages are cancelled: what fell or falls due in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    /// `None`: all channels.
    pub channel: Option<Channel>,
}

/// Open deliveries of one channel and state, before the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    pub channel: Channel,
    pub state: State,
    /// `false`: it is being sent or may be out, and is left alone.
    pub cancelled: bool,
    pub deliveries: i64,
}

/// Cancels what certainly is not out, of at most `limit` notifications. With `apply` false it only returns what it would do.
pub async fn cancel(
    store: &Store,
    span: &Span,
    by: &str,
    limit: i64,
    apply: bool,
) -> Result<Vec<Cancelled>, StoreError> {
    let params = [
        param(&span.from),
        param(&span.to),
        param(&span.channel),
        param(&by),
        param(&limit),
        param(&apply),
    ];
    store
        .all(
            Step::Command("cancel"),
            include_str!("cancel.sql"),
            &params,
            |row| {
                Ok(Cancelled {
                    channel: row.try_get("channel")?,
                    state: row.try_get("state")?,
                    cancelled: row.try_get("cancelled")?,
                    deliveries: row.try_get("deliveries")?,
                })
            },
        )
        .await
}
