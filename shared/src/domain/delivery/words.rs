//! Channels, kinds and states, with their words in SQL, links and logs.

words! {
    pub enum Channel {
        Email = "email",
        Sms = "sms",
    }
}

words! {
    pub enum Kind {
        /// The result of the test, ten minutes after it.
        Result = "result",
    }
}

impl Kind {
    /// The channels that carry it.
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Result => &Channel::ALL,
        }
    }
}

words! {
    /// Of a whole notification.
    pub enum Status {
        /// A channel is still open.
        Pending = "pending",
        /// Every channel was accepted.
        Completed = "completed",
        /// No channel is open, and one has failed.
        Failed = "failed",
        /// Never sent.
        Cancelled = "cancelled",
    }
}

words! {
    /// Of one channel of a notification.
    pub enum State {
        /// Not tried yet.
        Pending = "pending",
        /// Waits for a decision: see `holds`.
        Held = "held",
        /// Under a lease.
        Sending = "sending",
        /// Refused; will be tried again.
        Retrying = "retrying",
        /// Refused until a human acts; will be tried again.
        Parked = "parked",
        /// It may have been sent.
        Unknown = "unknown",
        /// The vendor accepted it.
        Accepted = "accepted",
        /// It has arrived.
        Delivered = "delivered",
        /// The address or number does not accept it.
        Bounced = "bounced",
        Failed = "failed",
    }
}
