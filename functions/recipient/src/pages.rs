//! The documents. Each holds its style and loads nothing; none has a script.

use askama::Template;
use base64::Engine as _;
use lambda_http::http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proftest::domain::ids::{RecipientToken, ShortCode};
use proftest::domain::message::ResultTexts;
use proftest::domain::quiz::{QuizResult, hexagon, titles};
use proftest::domain::recipient::Stop;
use proftest::http::Refusal;
use proftest::store::ToldResult;
use proftest::texts::{Locale, ResultPageTexts, StopTexts, Texts, texts};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../web/style.css");
/// Longest campaign that is linked to, in characters.
const SLUG_MAX_CHARS: usize = 40;

pub struct Pages {
    texts: &'static Texts,
    policy: HeaderValue,
    /// Where the test is.
    test: String,
}

/// What every document has.
struct Frame<'a> {
    lang: &'a str,
    title: &'a str,
    style: &'a str,
}

#[derive(Template)]
#[template(path = "stop.html")]
struct Choices<'a> {
    frame: Frame<'a>,
    t: &'a StopTexts,
    /// Why nothing was done: a heading, and what to do.
    trouble: Option<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "stopped.html")]
struct Stopped<'a> {
    frame: Frame<'a>,
    t: &'a StopTexts,
    heading: &'a str,
    lede: &'a str,
    /// Whether something is left to stop.
    more: bool,
}

#[derive(Template)]
#[template(path = "result.html")]
struct ResultPage<'a> {
    frame: Frame<'a>,
    t: &'a ResultPageTexts,
    texts: &'a Texts,
    shown: Option<Shown>,
    code: &'a str,
    token: Option<&'a str>,
}

/// A scored test.
struct Shown {
    heading: String,
    map: String,
    result: ResultTexts,
    shared: Shared,
}

/// What can be shared: no word of it comes from a visitor but a campaign that is a plain word.
struct Shared {
    text: String,
    url: String,
    whatsapp: String,
    telegram: String,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    lede: &'a str,
    href: &'a str,
    button: &'a str,
}

/// Writing to a String cannot fail.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

impl Pages {
    /// `public` is where the page with the test is reachable.
    pub fn new(public: &str) -> Self {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        Self {
            texts: texts(Locale::Ru),
            // A hash in base64 is ASCII. Without it no style would be used, and nothing else.
            policy: HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
            test: format!("{public}/proftest"),
        }
    }

    pub const fn policy(&self) -> &HeaderValue {
        &self.policy
    }

    const fn frame<'a>(&self, title: &'a str) -> Frame<'a> {
        Frame {
            lang: self.texts.lang,
            title,
            style: STYLE,
        }
    }

    /// What may be stopped. The same for every token.
    pub fn choices(&self) -> String {
        self.choices_after(None)
    }

    /// The same after a request that asked for nothing of it.
    pub fn unread(&self) -> (Refusal, String) {
        let t = &self.texts.stop;
        let refusal = Refusal::Invalid {
            error: t.unread.into(),
            fields: Vec::new(),
        };
        (refusal, self.choices_after(Some((t.unread, t.unread_lede))))
    }

    /// The same while the database is down.
    pub fn not_done(&self) -> String {
        let t = &self.texts.stop;
        self.choices_after(Some((t.down, t.down_lede)))
    }

    fn choices_after(&self, trouble: Option<(&str, &str)>) -> String {
        let t = &self.texts.stop;
        let frame = self.frame(t.title);
        rendered(&Choices { frame, t, trouble })
    }

    /// What was done.
    pub fn done(&self, what: Stop) -> String {
        let t = &self.texts.stop;
        let (done, more) = match what {
            Stop::OneClick | Stop::Email => (&t.done_email, true),
            Stop::All => (&t.done_all, false),
            Stop::NotMe => (&t.done_not_me, false),
        };
        rendered(&Stopped {
            frame: self.frame(t.title),
            t,
            heading: done.heading,
            lede: done.lede,
            more,
        })
    }

    pub fn result(&self, code: &ShortCode, told: &ToldResult) -> String {
        let t = &self.texts.result;
        rendered(&ResultPage {
            frame: self.frame(t.title),
            t,
            texts: self.texts,
            shown: told
                .result
                .map(|result| self.shown(result, told.campaign.as_deref())),
            code: code.as_str(),
            token: told.token.as_ref().map(RecipientToken::as_str),
        })
    }

    fn shown(&self, result: QuizResult, campaign: Option<&str>) -> Shown {
        let t = &self.texts.result;
        let [first, second] = result.types().map(|kind| kind as usize);
        let names = titles();
        let heading = (t.heading)(names[first], names[second]);
        let label = format!("{}: {}", t.map, heading.to_lowercase());
        Shown {
            map: hexagon::svg(&names, &label, &[first, second]),
            heading,
            result: result.texts(),
            shared: self.shared((t.shared)(names[first], names[second]), campaign),
        }
    }

    fn shared(&self, text: String, campaign: Option<&str>) -> Shared {
        let url = match campaign.filter(|slug| is_plain(slug)) {
            Some(slug) => format!("{}/{slug}", self.test),
            None => self.test.clone(),
        };
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        Shared {
            whatsapp: format!("https://wa.me/?text={}", encoded(&format!("{text} {url}"))),
            telegram: format!(
                "https://t.me/share/url?url={}&text={}",
                encoded(&url),
                encoded(&text)
            ),
            text,
            url,
        }
    }

    /// For a code that no link has.
    pub fn unknown(&self) -> String {
        let t = &self.texts.result;
        self.notice(t.unknown, t.unknown_lede, &self.test, t.test)
    }

    /// While the database is down.
    pub fn down(&self, code: &ShortCode) -> String {
        let t = &self.texts.result;
        let course = format!("/l/{}?to=course", code.as_str());
        self.notice(t.down, t.down_lede, &course, t.button)
    }

    fn notice(&self, heading: &str, lede: &str, href: &str, button: &str) -> String {
        rendered(&Notice {
            frame: self.frame(self.texts.result.title),
            heading,
            lede,
            href,
            button,
        })
    }
}

/// Whether a campaign is a plain word, as ours are. Anybody can post any, and this page speaks in our name.
fn is_plain(slug: &str) -> bool {
    let is_ours =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=SLUG_MAX_CHARS).contains(&slug.len()) && slug.bytes().all(is_ours)
}

#[cfg(test)]
mod tests;
