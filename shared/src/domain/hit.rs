//! Who asked for a tracked link: a person, a machine, or we cannot say.
//!
//! Each hit is judged by itself, from its own headers: a scanner before or after a person changes nothing for that person.
//! In doubt it is [`Verdict::Unsure`]. The rules are numbered; the first that matches decides. Rule 11 needs the time of the
//! channel's first attempt, which only the database knows: `funnel.judge` (migrations) has its one definition.

mod agent;
mod headers;
mod networks;

pub use headers::{Header, Headers};
pub use networks::is_mail_filter;

use agent::Agent;
use std::net::IpAddr;

/// Grows with every change of a rule or a list, so that `ops rejudge` finds what older rules said.
pub const RULES_VERSION: i16 = 1;

words! {
    pub enum Verdict {
        /// Alone sets flags, raises the counter and reaches the sales team.
        Human = "human",
        Bot = "bot",
        Unsure = "unsure",
    }
}

words! {
    /// Why a hit was judged so, in the order in which the rules are tried.
    pub enum Rule {
        /// 1. People's browsers open links with GET.
        NotGet = "not_get",
        /// 2. A browser loads the page in case it is wanted. Opened later, it is not asked for again.
        Speculative = "speculative",
        /// 3.
        NoUserAgent = "no_user_agent",
        /// 4. A messenger or social network looks for a title and a picture.
        Preview = "preview",
        MailProxy = "mail_proxy",
        Scanner = "scanner",
        Crawler = "crawler",
        Tool = "tool",
        /// 5.
        HttpLibrary = "http_library",
        /// 6. A general word of programs, or an address to complain to.
        BotWord = "bot_word",
        /// 7. A network that only filters mail.
        MailFilterNetwork = "mail_filter_network",
        /// 8. A program: maybe for a person.
        NotABrowser = "not_a_browser",
        /// 9. `sec-fetch-*` says that no link was opened.
        NotANavigation = "not_a_navigation",
        /// 10. Says that it is a current browser, and sends nothing of what that sends.
        FakeBrowser = "fake_browser",
        /// 11. Sooner after the first attempt than anybody can read.
        TooSoon = "too_soon",
        /// 11. Nothing was sent on this channel yet.
        BeforeSent = "before_sent",
        /// 12. One of rule 10's two.
        NoLanguage = "no_language",
        NoFetchMetadata = "no_fetch_metadata",
        /// 13.
        InAppBrowser = "in_app_browser",
        BrowserNavigation = "browser_navigation",
        OlderBrowser = "older_browser",
    }
}

impl Rule {
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::NotGet
            | Self::NoUserAgent
            | Self::Preview
            | Self::MailProxy
            | Self::Scanner
            | Self::Crawler
            | Self::Tool
            | Self::HttpLibrary
            | Self::BotWord
            | Self::MailFilterNetwork
            | Self::NotANavigation
            | Self::FakeBrowser
            | Self::TooSoon => Verdict::Bot,
            Self::Speculative
            | Self::NotABrowser
            | Self::BeforeSent
            | Self::NoLanguage
            | Self::NoFetchMetadata => Verdict::Unsure,
            Self::InAppBrowser | Self::BrowserNavigation | Self::OlderBrowser => Verdict::Human,
        }
    }

    /// Whether rule 11 comes before this one: the database then has the last word.
    pub fn gives_way_to_time(self) -> bool {
        self > Self::BeforeSent
    }
}

/// What is known of a hit when it comes.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    pub method: &'a str,
    /// Whole: the browsers of apps say who they are at the end of a long one.
    pub user_agent: Option<&'a str>,
    pub headers: &'a Headers,
    pub address: Option<IpAddr>,
}

/// The rule that decides, but for rule 11.
pub fn judge(hit: &Hit<'_>) -> Rule {
    let headers = hit.headers;
    if hit.method != "GET" {
        return Rule::NotGet;
    }
    if headers.is_speculative() {
        return Rule::Speculative;
    }
    let Some(user_agent) = hit.user_agent.map(str::trim).filter(|agent| !agent.is_empty()) else {
        return Rule::NoUserAgent;
    };
    let agent = Agent::new(user_agent);
    if let Some(rule) = agent.name() {
        return rule;
    }
    if headers.is_headless() {
        return Rule::Tool;
    }
    if agent.is_library() {
        return Rule::HttpLibrary;
    }
    if agent.has_bot_word() {
        return Rule::BotWord;
    }
    if hit.address.is_some_and(is_mail_filter) {
        return Rule::MailFilterNetwork;
    }
    if !agent.is_browser() {
        return Rule::NotABrowser;
    }
    if headers.is_other_than_navigation() {
        return Rule::NotANavigation;
    }
    let lacks_metadata = !headers.has_fetch_metadata() && agent.is_plain_and_current();
    match (lacks_metadata, headers.has_language()) {
        (true, false) => Rule::FakeBrowser,
        (true, true) => Rule::NoFetchMetadata,
        (false, false) => Rule::NoLanguage,
        (false, true) if headers.names_a_package() || agent.is_in_app() => Rule::InAppBrowser,
        (false, true) if headers.is_navigation() => Rule::BrowserNavigation,
        (false, true) => Rule::OlderBrowser,
    }
}

#[cfg(test)]
mod tests;
