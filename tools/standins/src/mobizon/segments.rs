//! How many SMS segments a text takes (3GPP TS 23.038 and 23.040).

const GSM_BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Each takes two septets: an escape and the character.
const GSM_EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Segments of `text`: 160 septets, or 153 each when more, if every character is in GSM 03.38; else 70 UTF-16
/// units, or 67 each. Zero for an empty text.
pub(super) fn count(text: &str) -> usize {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(widths) => pack(&widths, 160, 153),
        None => pack(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

fn septets(c: char) -> Option<usize> {
    if GSM_BASIC.contains(c) {
        Some(1)
    } else {
        GSM_EXTENSION.contains(c).then_some(2)
    }
}

/// A character of width two is never split between segments.
fn pack(widths: &[usize], single_max: usize, part_max: usize) -> usize {
    let total: usize = widths.iter().sum();
    if total <= single_max {
        return usize::from(total > 0);
    }
    let (mut segments, mut used) = (1, 0);
    for width in widths {
        if used + width > part_max {
            segments += 1;
            used = 0;
        }
        used += width;
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn limits_of_both_alphabets() {
        for (unit, copies, segments) in [
            ("", 0, 0),
            ("a", 1, 1),
            ("a", 160, 1),
            ("a", 161, 2),
            ("a", 306, 2),
            ("a", 307, 3),
            ("€", 80, 1),
            ("€", 81, 2),
            // 76 of two septets a part: the 153rd septet stays empty.
            ("€", 152, 2),
            ("€", 153, 3),
            ("я", 70, 1),
            ("я", 71, 2),
            ("я", 134, 2),
            ("я", 135, 3),
            ("😀", 35, 1),
            ("😀", 36, 2),
            ("😀", 66, 2),
            ("😀", 67, 3),
            ("`", 71, 2),
        ] {
            assert_eq!(count(&unit.repeat(copies)), segments, "{copies} × {unit}");
        }
        assert_eq!(count("Қайырлы күн"), 1);
    }
}
