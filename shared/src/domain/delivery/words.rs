//! Channels, kinds and states, with their words in SQL, links and logs.

/// A way to reach the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// E-mail, through Resend.
    Email,
    /// SMS, through Mobizon.
    Sms,
}

impl Channel {
    /// In the order of declaration.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The word in SQL, links and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// Reads the word; `None` for an unknown one.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == raw)
    }
}

/// Which message a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The result of the test, ten minutes after it.
    Result,
}

impl Kind {
    /// Every kind; the tests walk over it.
    pub const ALL: [Self; 1] = [Self::Result];

    /// The word in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
        }
    }

    /// Reads the word; `None` for an unknown one.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }

    /// The channels that carry it.
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
    /// Refused; will be tried again.
    Retrying,
    /// Refused until a human acts; will be tried again.
    Parked,
    /// It may have been sent.
    Unknown,
    /// The vendor accepted it.
    Accepted,
    /// It has arrived.
    Delivered,
    /// The address or number does not accept it.
    Bounced,
    /// Given up.
    Failed,
}

impl State {
    /// In the order of declaration.
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

    /// The word in SQL.
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

    /// Reads the word; `None` for an unknown one.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw)
    }
}
