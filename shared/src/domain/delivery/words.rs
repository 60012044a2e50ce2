//! Channels, kinds and states, with the words that SQL, links and logs have for them.

/// A way to reach the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// E-mail, through Resend.
    Email,
    /// SMS, through Mobizon.
    Sms,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The word for it in SQL, links and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// Reads that word; any other is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == raw)
    }
}

/// A notification's kind: which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The result of the test, ten minutes after it.
    Result,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Result];

    /// The word for it in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
        }
    }

    /// Reads that word; any other is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }

    /// The channels over which it goes.
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Result => &Channel::ALL,
        }
    }
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not tried yet.
    Pending,
    /// Under a lease.
    Sending,
    /// Refused; it is tried again.
    Retrying,
    /// Refused until a human acts; it is tried again.
    Parked,
    /// It may have been sent.
    Unknown,
    /// The vendor has it.
    Accepted,
    /// It has arrived.
    Delivered,
    /// The address does not take it.
    Bounced,
    /// Given up.
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Sending,
        Self::Retrying,
        Self::Parked,
        Self::Unknown,
        Self::Accepted,
        Self::Delivered,
        Self::Bounced,
        Self::Failed,
    ];

    /// The word for it in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Failed => "failed",
        }
    }

    /// Reads that word; any other is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw)
    }
}
