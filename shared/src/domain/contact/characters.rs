//! What characters are, by their Unicode properties. Lists hold only what no property says.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Whether `c` is whitespace or looks like it: U+2800 is a Braille cell without dots, which names made of nothing use.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Whether `c` leaves no mark on its own: format characters (zero-width, bidirectional controls, soft hyphens, tags),
/// and U+FFFC, which dictation leaves behind.
///
/// The other characters of the list have another category, but the property `Default_Ignorable_Code_Point`. Variation
/// selectors have it too and are not here, because they choose the glyph of a real character.
pub(super) fn is_invisible(c: char) -> bool {
    match c {
        _ if c.is_ascii() => false,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{2065}' | '\u{3164}'
        | '\u{FFA0}' => true,
        '\u{FFF0}'..='\u{FFF8}' | '\u{FFFC}' | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}' => true,
        _ => c.general_category() == GeneralCategory::Format,
    }
}

/// Whether `c` chooses the glyph of the character before it, as U+FE0F behind an emoji does.
pub(super) const fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// The ASCII form of a decimal digit of any script.
///
/// Unicode's stability policy: the digits of a script stand in a row from zero to nine. Several rows may touch, as the
/// mathematical ones do, so the place within all rows that touch is counted.
pub(super) fn decimal_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let is_digit = |c: char| c.general_category() == GeneralCategory::DecimalNumber;
    if !is_digit(c) {
        return None;
    }
    let before = |place: &u32| char::from_u32(u32::from(c) - place).is_some_and(is_digit);
    let place = (1..=u32::from(c)).take_while(before).count();
    char::from_digit(u32::try_from(place % 10).ok()?, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    #[test]
    fn the_digits_of_a_script_count_from_zero_to_nine() {
        let mut digits = 0;
        for c in ('\0'..=char::MAX).filter(|c| c.general_category() == GeneralCategory::DecimalNumber) {
            let place = char::from_digit(digits % 10, 10);
            assert_eq!(decimal_digit(c), place, "{c:?}");
            // Where Unicode itself knows an ASCII form, it is the same.
            let compatible = c.nfkc().next();
            assert!(
                !compatible.is_some_and(|c| c.is_ascii()) || compatible == place,
                "{c:?}"
            );
            digits += 1;
        }
        assert!(digits > 700 && digits % 10 == 0, "{digits}");
        assert_eq!(
            decimal_digit('²').or(decimal_digit('Ⅷ')).or(decimal_digit('八')),
            None
        );
    }

    #[test]
    fn letters_marks_and_spaces_are_visible() {
        for c in "aЯә李\u{301}\u{FE0F}🌸-\u{A0}\u{FFFD}".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
