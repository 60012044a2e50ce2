//! What a person who gets our messages may ask for.

words! {
    /// How a person stops our messages, at `/u/{token}`.
    pub enum Stop {
        /// A mail provider's button: e-mail. Source: RFC 8058.
        OneClick = "one_click",
        /// E-mail.
        Email = "email",
        /// SMS too.
        All = "all",
        /// Somebody else left these contacts: e-mail and SMS, and the name goes.
        NotMe = "not_me",
    }
}
