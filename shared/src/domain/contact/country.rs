//! The country of a number, for the decision whether it gets an SMS.

use super::Phone;

words! {
    pub enum Country {
        Kazakhstan = "KZ",
        Russia = "RU",
        Kyrgyzstan = "KG",
        Uzbekistan = "UZ",
        Belarus = "BY",
        Other = "other",
    }
}

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

    /// Whether it is of a known mobile range of its country; `true` for other countries.
    pub fn is_mobile(&self) -> bool {
        let national = |from: usize| &self.digits()[from..];
        match self.country() {
            Country::Kazakhstan => KZ.iter().any(|range| national(1).starts_with(range)),
            Country::Russia => national(1).starts_with('9'),
            Country::Kyrgyzstan | Country::Uzbekistan | Country::Belarus | Country::Other => true,
        }
    }
}

/// libphonenumber 9.0.43, mobile numbers of KZ.
const KZ: [&str; 19] = [
    "700", "701", "702", "705", "706", "707", "708", "747", "760", "761", "762", "763", "764", "771", "775",
    "776", "777", "778", "785",
];
