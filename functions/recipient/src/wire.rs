//! What requests say.

use percent_encoding::percent_decode;
use proftest::domain::recipient::Stop;
use url::form_urlencoded;

/// What the form and a mail provider send has some fifty bytes, in several parts some hundreds.
const BODY_MAX: usize = 16 * 1024;

/// The first ASCII letters and digits. Messengers take into a link what the text around it has: a full stop, a bracket.
pub fn first_word(segment: &str) -> &str {
    let is_ours = |c: char| c.is_ascii_alphanumeric();
    let text = segment.trim_start_matches(|c| !is_ours(c));
    text.split(|c| !is_ours(c)).next().unwrap_or_default()
}

/// What a body asks for; `None` if that cannot be told.
///
/// RFC 8058 has mail providers send `List-Unsubscribe=One-Click` as a form, urlencoded or in several parts. Both words in a
/// body of any kind mean the same: who sends them to this address wants no more e-mail.
pub fn asked(body: &[u8]) -> Option<Stop> {
    if body.len() > BODY_MAX {
        return None;
    }
    let text = percent_decode(body).decode_utf8_lossy().to_ascii_lowercase();
    if text.contains("list-unsubscribe") && text.contains("one-click") {
        return Some(Stop::OneClick);
    }
    let mut fields = form_urlencoded::parse(body);
    fields.find_map(|(name, value)| Stop::parse(value.trim()).filter(|_| name == "stop"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_provider_is_understood_in_every_form() {
        let parts = "--b1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b1--\r\n";
        for body in [
            "List-Unsubscribe=One-Click",
            "list-unsubscribe=one-click\r\n",
            "List%2DUnsubscribe=One%2DClick",
            "a=b&List-Unsubscribe=One-Click&stop=not_me",
            parts,
        ] {
            assert_eq!(asked(body.as_bytes()), Some(Stop::OneClick), "{body}");
        }
    }

    #[test]
    fn the_page_s_form_is_read_and_nothing_else() {
        for (body, expected) in [
            ("stop=email", Some(Stop::Email)),
            ("stop=all", Some(Stop::All)),
            ("stop=not_me&x=1", Some(Stop::NotMe)),
            ("stop=+all%20", Some(Stop::All)),
            ("", None),
            ("stop", None),
            ("stop=", None),
            ("stop=everything", None),
            ("start=all", None),
            ("{\"stop\":\"all\"}", None),
            ("One-Click", None),
            ("List-Unsubscribe=", None),
        ] {
            assert_eq!(asked(body.as_bytes()), expected, "{body}");
        }
        let long = format!("stop=all&x={}", "x".repeat(BODY_MAX));
        assert_eq!(asked(long.as_bytes()), None);
        assert_eq!(asked(b"\xff\xfe=\xff&stop=all"), Some(Stop::All));
    }

    #[test]
    fn a_link_ends_before_what_stood_behind_it() {
        for (segment, expected) in [
            ("abc", "abc"),
            ("abc).", "abc"),
            ("\u{ab}abc\u{bb}", "abc"),
            ("abc\u{2026}d", "abc"),
            ("", ""),
            ("\u{2026}", ""),
        ] {
            assert_eq!(first_word(segment), expected, "{segment}");
        }
    }
}
