//! The headers of a hit that are judged and kept.

use serde_json::{Map, Value};

/// Characters kept of each.
const MAX_CHARS: usize = 300;

words! {
    /// In lower case, as API Gateway names them.
    pub enum Header {
        Accept = "accept",
        AcceptLanguage = "accept-language",
        SecFetchSite = "sec-fetch-site",
        SecFetchMode = "sec-fetch-mode",
        SecFetchUser = "sec-fetch-user",
        SecFetchDest = "sec-fetch-dest",
        SecPurpose = "sec-purpose",
        Purpose = "purpose",
        XPurpose = "x-purpose",
        XMoz = "x-moz",
        SecChUa = "sec-ch-ua",
        SecChUaMobile = "sec-ch-ua-mobile",
        SecChUaPlatform = "sec-ch-ua-platform",
        XRequestedWith = "x-requested-with",
        Referer = "referer",
        Via = "via",
        Range = "range",
        SaveData = "save-data",
    }
}

/// Each at most 300 characters, so a row of them is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers([Option<String>; Header::ALL.len()]);

impl Headers {
    /// `value` finds a header by its name.
    pub fn read<T: AsRef<str>>(value: impl Fn(&str) -> Option<T>) -> Self {
        Self(Header::ALL.map(|header| {
            let value = value(header.as_str())?;
            Some(value.as_ref().chars().take(MAX_CHARS).collect())
        }))
    }

    /// From what [`Headers::to_json`] made. What is no text is left out.
    pub fn from_json(json: &Value) -> Self {
        Self::read(|name| json[name].as_str())
    }

    /// Those that were sent.
    pub fn to_json(&self) -> Map<String, Value> {
        let sent = Header::ALL
            .iter()
            .filter_map(|header| Some((header, self.get(*header)?)));
        sent.map(|(header, value)| (header.as_str().to_owned(), value.into()))
            .collect()
    }

    pub fn get(&self, header: Header) -> Option<&str> {
        self.0[header as usize].as_deref()
    }

    /// API Gateway joins headers that come twice with commas.
    fn first(&self, header: Header) -> Option<&str> {
        self.get(header)
            .map(|value| value.split(',').next().unwrap_or(value).trim())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn is_speculative(&self) -> bool {
        let purposes = [
            Header::SecPurpose,
            Header::Purpose,
            Header::XPurpose,
            Header::XMoz,
        ];
        purposes
            .into_iter()
            .filter_map(|header| self.get(header))
            .any(|value| {
                let value = value.to_ascii_lowercase();
                ["prefetch", "prerender", "preview"]
                    .iter()
                    .any(|word| value.contains(word))
            })
    }

    pub(super) fn is_headless(&self) -> bool {
        self.get(Header::SecChUa)
            .is_some_and(|brands| brands.to_ascii_lowercase().contains("headless"))
    }

    pub(super) fn has_fetch_metadata(&self) -> bool {
        let all = [
            Header::SecFetchSite,
            Header::SecFetchMode,
            Header::SecFetchUser,
            Header::SecFetchDest,
        ];
        all.into_iter().any(|header| self.first(header).is_some())
    }

    pub(super) fn is_navigation(&self) -> bool {
        self.first(Header::SecFetchMode) == Some("navigate")
    }

    pub(super) fn is_other_than_navigation(&self) -> bool {
        let other = |header, wanted| self.first(header).is_some_and(|value| value != wanted);
        other(Header::SecFetchMode, "navigate") || other(Header::SecFetchDest, "document")
    }

    pub(super) fn has_language(&self) -> bool {
        self.first(Header::AcceptLanguage)
            .is_some_and(|value| !value.starts_with('*'))
    }

    /// Android's WebView names the app that it is in; a script on a page says `XMLHttpRequest`.
    pub(super) fn names_a_package(&self) -> bool {
        self.first(Header::XRequestedWith)
            .is_some_and(|value| value.contains('.'))
    }
}
