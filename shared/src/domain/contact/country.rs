//! The country of a number, for the decision whether it gets an SMS.
//!
//! An unknown range is no reason to refuse a lead: each country opens new ones.

use super::Phone;

words! {
    /// A country whose mobile ranges are known here, or any other.
    pub enum Country {
        Kazakhstan = "KZ",
        Russia = "RU",
        Kyrgyzstan = "KG",
        Uzbekistan = "UZ",
        Belarus = "BY",
        Other = "other",
    }
}

impl Country {
    /// Mobile ranges by the first digits after the country code: one beginning, or the first and the last of several in a
    /// row. Source: libphonenumber 9.0.35 of 2026-07-16, mobile numbers of each country. `phone_ranges` holds them to its
    /// data.
    const fn mobile_ranges(self) -> Option<&'static str> {
        Some(match self {
            Self::Kazakhstan => "700-702 705-708 747 760-764 771 775-778 785",
            Self::Russia => "9",
            Self::Kyrgyzstan => {
                "200-203 205 22 31258 312973 50-52 54-57 600 70 755 77 880 888 912 990 995-999"
            }
            Self::Uzbekistan => UZBEK_MOBILE,
            Self::Belarus => "255-257 259 291-299 33 44",
            Self::Other => return None,
        })
    }
}

/// Behind 6 and 7 stand area codes, in which some blocks are mobile.
const UZBEK_MOBILE: &str = "20 33 50 \
    61220-61221 61298 61350-61354 6150 61612-61613 61700-61701 61707 61710-61711 61717 6174 61755 61795-61799 6211 \
    62211 62221 62290-62291 62293 62297 62299 6251-6252 62530-62534 6256 627 65190-65191 65227 65292 65296 6530 6559 \
    657 66215-66220 66223 66226-66227 66238 66241 66252 66260 6637 6639 66456 66483 6670 66710-66711 66717 66730 \
    66737 66740 66744 66747 66750 66755 66757 66767 6677 66780-66781 66787-66788 66797 66799 6690-6693 67224 \
    67232-67233 67237 67245-67249 67271 67275-67278 67571-67572 67580 67585 67588-67589 6770 67730 67737 67790 67797 \
    6790 67970 67977 67979 70 72227 72229 72295 72325-72329 72360-72366 7257 7270 72711 72717 72722 72727 72733 \
    72737 72744 72750 72755 72757 72766 72788 73210-73216 73221 73234 73236 73239 73271 73275 73279 7333 73500-73504 \
    73555 73557 73559 7359 7370-7373 73740 73744 73746-73747 7375 73766-73767 7377 73780 73787-73788 7379 7394-7396 \
    74229 74250 74252 74255 74257 74260-74267 74271-74275 74277 74510-74514 7458 74595-74599 7470 74710 74712 \
    74714-74715 74718-74722 74727 74730-74731 74733 74737 74740 74747 74750-74751 74760 74767 74775-74779 74790 \
    74797 74799 74970-74971 74975-74979 7498-7499 75112 7520 75222 75229 75244 75294 7531 7535-7536 7538 75526-75529 \
    75700-75701 75705 75707-75708 75710-75711 75717 75727 75737 75740 75744 75747 7575-7577 75787-75788 75790 75797 \
    75799 77 79221-79222 79228 79320-79324 7937 79570 79572 79575-79576 79579 79720 79725-79729 79733 79737 7974 \
    79760 79772 79775 79777 79779 79787 79790 79797 \
    80 87-88 90-95 97-99";

impl Phone {
    /// Inside +7 the next digit tells Kazakhstan (0, 6, 7) from Russia.
    pub fn country(&self) -> Country {
        match self.digits().as_bytes() {
            [b'7', b'0' | b'6' | b'7', ..] => Country::Kazakhstan,
            [b'7', ..] => Country::Russia,
            [b'9', b'9', b'6', ..] => Country::Kyrgyzstan,
            [b'9', b'9', b'8', ..] => Country::Uzbekistan,
            [b'3', b'7', b'5', ..] => Country::Belarus,
            _ => Country::Other,
        }
    }

    /// Whether it is of a known mobile range of its country. `true` for other countries, whose ranges are not known here.
    pub fn is_mobile(&self) -> bool {
        let country = self.country();
        let Some(ranges) = country.mobile_ranges() else {
            return true;
        };
        let code = match country {
            Country::Kazakhstan | Country::Russia => 1,
            _ => 3,
        };
        let national = self.digits().get(code..).unwrap_or_default();
        ranges.split(' ').any(|range| is_in(national, range))
    }
}

/// Whether a number begins as the numbers of a range do, such as `705-708` or `9`.
fn is_in(national: &str, range: &str) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    national
        .get(..first.len())
        .is_some_and(|start| (first..=last).contains(&start))
}
