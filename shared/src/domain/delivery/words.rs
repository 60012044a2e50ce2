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
        Failed = "failed",
        /// The vendor accepted it. From here on in the order of severity, which a vendor's report only raises:
        /// `funnel.severity`.
        Accepted = "accepted",
        /// The recipient's server does not take it yet.
        Delayed = "delayed",
        /// The phone was off for too long.
        Expired = "expired",
        /// The vendor or the network gave it up.
        Undelivered = "undelivered",
        /// It has arrived.
        Delivered = "delivered",
        /// The recipient's server sent it back.
        Bounced = "bounced",
        /// The recipient called it spam.
        Complained = "complained",
    }
}

impl State {
    /// How grave it is, for a state that a vendor's answer or report gives; `None` for any other.
    pub fn severity(self) -> Option<usize> {
        const SEVERITY: [State; 7] = [
            State::Accepted,
            State::Delayed,
            State::Expired,
            State::Undelivered,
            State::Delivered,
            State::Bounced,
            State::Complained,
        ];
        SEVERITY.iter().position(|state| *state == self)
    }
}
