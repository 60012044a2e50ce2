//! Which form of a content to send: RFC 9110, section 12.5.3.

/// The plain form when it is not named: accepted, and the last choice.
const UNNAMED: f32 = f32::MIN_POSITIVE;

/// The form with the highest quality, of equals the first of `forms`; `None`: the plain one. That is also sent when
/// nothing else is accepted, as the RFC advises.
pub fn best<T: Copy>(accept_encoding: &str, forms: &[(&'static str, T)]) -> Option<(&'static str, T)> {
    let accepted = accepted(accept_encoding);
    let quality = |coding: &str| {
        let named = |name: &str| {
            let all = accepted.iter().filter(|(one, _)| one == name);
            all.map(|(_, quality)| *quality).min_by(f32::total_cmp)
        };
        // Section 8.4.1.3.
        let alias = (coding == "gzip").then_some("x-gzip");
        named(coding).or_else(|| named(alias?)).or_else(|| named("*"))
    };
    let plain = quality("identity").unwrap_or(UNNAMED);
    let mut best = (None, plain);
    for form in forms.iter().rev() {
        let quality = quality(form.0).unwrap_or(0.0);
        if quality > 0.0 && quality >= best.1 {
            best = (Some(*form), quality);
        }
    }
    best.0
}

/// The codings in lower case, each with its quality. An item with a wrong quality counts as not sent.
fn accepted(accept_encoding: &str) -> Vec<(String, f32)> {
    let items = accept_encoding.split(',').filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next()?.to_ascii_lowercase();
        let quality = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(1.0), |(_, text)| quality(text.trim()))?;
        (!coding.is_empty()).then_some((coding, quality))
    });
    items.collect()
}

/// A number from 0 to 1 with decimals; the RFC allows three, but more say the same.
fn quality(text: &str) -> Option<f32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let quality = text.parse().ok().filter(|_| is_number)?;
    (0.0..=1.0).contains(&quality).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_chosen_as_rfc_9110_says() {
        for (accepted, coding) in [
            // The best of ours.
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, deflate", "gzip"),
            ("GZIP", "gzip"),
            ("Br", "br"),
            ("x-gzip", "gzip"),
            ("*", "br"),
            // Nothing of ours.
            ("", ""),
            (",", ""),
            (" , ,", ""),
            ("identity", ""),
            ("deflate, zstd", ""),
            ("brotli, gzipped, b", ""),
            // A quality of zero refuses, by name before by star.
            ("br;q=0, *", "gzip"),
            ("*, br;q=0", "gzip"),
            ("br;q=0, gzip;q=0, *", ""),
            ("br;q=0, gzip;q=0", ""),
            ("br;q=0, x-gzip;q=0, *", ""),
            ("br;q=0.000, *;q=0.5", "gzip"),
            ("*;q=0", ""),
            ("gzip, *;q=0", "gzip"),
            ("br;q=0", ""),
            ("br, br;q=0", ""),
            // The plain form refused: any other; if there is none, it is sent all the same.
            ("identity;q=0", ""),
            ("identity;q=0, gzip;q=0.001", "gzip"),
            ("identity;q=0, *", "br"),
            ("identity;q=0, br;q=0, *;q=0.1", "gzip"),
            ("zstd, identity;q=0", ""),
            // The client's order by quality.
            ("br;q=0.5, gzip;q=0.8", "gzip"),
            ("gzip;q=0.5, br;q=0.5", "br"),
            ("gzip;q=0.8, *;q=0.1", "gzip"),
            ("*;q=0.8, br;q=0.1", "gzip"),
            ("gzip;q=0.5, identity", ""),
            ("gzip;q=0.5, identity;q=0.4", "gzip"),
            ("gzip;q=0.001", "gzip"),
            // Spaces, case, other parameters, more decimals.
            (" br ; q = 0 , gzip ; Q=0.3 ", "gzip"),
            ("gzip;level=9;q=0, br;level=5", "br"),
            ("gzip;q=1.000", "gzip"),
            ("gzip;q=0.12345", "gzip"),
            ("gzip;q=1.", "gzip"),
            ("\tgzip\t", "gzip"),
            // A wrong quality: the item counts as not sent.
            ("br;q=x, gzip", "gzip"),
            ("br;q=, gzip", "gzip"),
            ("br;q=-1, gzip", "gzip"),
            ("br;q=1.5, gzip", "gzip"),
            ("br;q=nan, gzip", "gzip"),
            ("br;q=inf, gzip", "gzip"),
            ("br;q=1e0, gzip", "gzip"),
            ("br;q=+1, gzip", "gzip"),
            ("br;q=0,5", ""),
            ("br;q=x", ""),
            ("br\u{FFFD}, gzip", "gzip"),
        ] {
            let forms = [("br", 1), ("gzip", 2)];
            let best = best(accepted, &forms).map_or("", |(coding, _)| coding);
            assert_eq!(best, coding, "{accepted:?}");
        }
        assert_eq!(best("br, gzip", &[] as &[(&str, ())]), None);
    }
}
