//! The bytes of a request as JSON, with the repairs that cannot change what it says.

use lambda_http::Body;
use serde_json::Value;
use std::borrow::Cow;

pub fn bytes(body: &Body) -> &[u8] {
    match body {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// The JSON. What is not in its grammar (RFC 8259) and still means one thing: a byte order mark and other invisible
/// characters around it, UTF-16, and halves of characters, which programs leave that cut texts by length.
pub fn parse(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    let text = decoded(bytes);
    serde_json::from_str(&without_halves(text.trim_matches(is_around))).ok()
}

/// The text in UTF-8, or in UTF-16 with or without its mark: JSON begins with an ASCII character, so every other byte
/// of the first two is zero. Bytes that are no UTF-8 become U+FFFD.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let unit = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        [first, 0, ..] if *first != 0 => u16::from_le_bytes,
        [0, second, ..] if *second != 0 => u16::from_be_bytes,
        _ => return String::from_utf8_lossy(bytes),
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    // Half a character goes, as its escape does.
    char::decode_utf16(units).filter_map(Result::ok).collect()
}

/// What may stand around JSON: whitespace of any script, invisible marks, and the zero byte that ends a text in C.
fn is_around(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\0' | '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{2060}')
}

/// `json` without escapes of half a character, such as `\ud83d` where the other half was cut off. Nothing is put in their
/// place: a half carries nothing, and an address stays an address.
fn without_halves(json: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut rest = json;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        let (whole, half) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, 0),
            (Some(0xD800..=0xDFFF), _) => (0, 6),
            // A backslash and what it escapes, such as another backslash.
            _ => (1 + escape[1..].chars().next().map_or(0, char::len_utf8), 0),
        };
        kept.push_str(before);
        kept.push_str(&escape[..whole]);
        rest = &escape[whole + half..];
    }
    if kept.is_empty() {
        return Cow::Borrowed(rest);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// The UTF-16 unit of an escape such as `\ud83d` at the beginning of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}
