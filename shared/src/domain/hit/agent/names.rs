//! The names that are safe to match outside the device group. In lower case.

use super::Rule::{self, Crawler, MailProxy, Preview, Scanner, Tool};

/// Where a word begins.
#[rustfmt::skip]
pub const NAMES: [(&str, Rule); 69] = [
    ("facebookexternalhit", Preview), ("facebot", Preview), ("facebookcatalog", Preview), ("meta-external", Preview),
    ("telegrambot", Preview), ("viberurldownloader", Preview), ("skypeuripreview", Preview), ("microsoftpreview", Preview),
    ("slackbot", Preview), ("slack-imgproxy", Preview), ("twitterbot", Preview), ("linkedinbot", Preview),
    ("discordbot", Preview), ("vkshare", Preview), ("odklbot", Preview), ("snap url preview", Preview),
    ("iframely", Preview), ("embedly", Preview), ("google (+", Preview), ("google-pagerenderer", Preview),
    ("bingpreview", Preview), ("yahoo link preview", Preview),

    ("googleimageproxy", MailProxy), ("yahoomailproxy", MailProxy), ("ramblermail", MailProxy),
    ("seznamemailproxy", MailProxy),

    ("barracuda", Scanner), ("kaspersky lab", Scanner), ("yandexantivirus", Scanner), ("virustotal", Scanner),
    ("safedns", Scanner), ("urlscan", Scanner), ("netcraft", Scanner), ("expanse", Scanner), ("censysinspect", Scanner),
    ("zgrab", Scanner), ("clamav", Scanner), ("linkcheck", Scanner),

    ("yandexbot", Crawler), ("yandexmobilebot", Crawler), ("yandexaccessibilitybot", Crawler), ("yandexmetrika", Crawler),
    ("yandexturbo", Crawler), ("yandexdirect", Crawler), ("yandeximages", Crawler), ("mail.ru_bot", Crawler),
    ("googlebot", Crawler), ("adsbot-google", Crawler), ("google-inspectiontool", Crawler), ("google-safety", Crawler),
    ("google-read-aloud", Crawler), ("bingbot", Crawler), ("applebot", Crawler), ("petalbot", Crawler),
    ("bytespider", Crawler), ("gptbot", Crawler), ("chatgpt-user", Crawler), ("claudebot", Crawler),

    ("headless", Tool), ("phantomjs", Tool), ("lighthouse", Tool), ("pingdom", Tool), ("uptime", Tool),
    ("statuscake", Tool), ("site24x7", Tool), ("datadog", Tool), ("ptst/", Tool), ("playwright", Tool), ("selenium", Tool),
];

/// Of libraries, which put nothing before it.
pub const AT_THE_START: [&str; 18] = [
    "curl",
    "wget",
    "python",
    "aiohttp",
    "go-http-client",
    "okhttp",
    "axios",
    "node",
    "undici",
    "java/",
    "apache-httpclient",
    "libwww",
    "guzzle",
    "php",
    "ruby",
    "dart",
    "postman",
    "scrapy",
];

/// Programs that may fetch for a person: never human, but no bots either.
pub const FOR_A_PERSON: [&str; 2] = ["yandexuserproxy", "ms-office"];

/// Browsers inside of apps.
#[rustfmt::skip]
pub const IN_APP: [&str; 21] = [
    "instagram", "fban/", "fbav/", "fb_iab/", "musical_ly", "trill", "bytedancewebview", "okapp", "viber/", "snapchat",
    "bingsapphire", "bingweb", "gsa/", "telegram-android", "yandexsearch", "yaapp_android", "google/google",
    "micromessenger", "line/", "pinterest", "linkedinapp",
];
