//! Country calling codes.

/// The country calling codes in use: ITU-T, "List of ITU-T Recommendation E.164 assigned country codes", with
/// its later changes (211, 383). No code begins another. Left out though once listed: 388 and 991 (withdrawn),
/// 997 (reserved for Kazakhstan in 2021, given up in 2023 in favour of +7).
#[rustfmt::skip]
const CALLING_CODES: &[&str] = &[
    "1", "7",
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
    "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    "211", "212", "213", "216", "218",
    "220", "221", "222", "223", "224", "225", "226", "227", "228", "229",
    "230", "231", "232", "233", "234", "235", "236", "237", "238", "239",
    "240", "241", "242", "243", "244", "245", "246", "247", "248", "249",
    "250", "251", "252", "253", "254", "255", "256", "257", "258",
    "260", "261", "262", "263", "264", "265", "266", "267", "268", "269",
    "290", "291", "297", "298", "299",
    "350", "351", "352", "353", "354", "355", "356", "357", "358", "359",
    "370", "371", "372", "373", "374", "375", "376", "377", "378", "379",
    "380", "381", "382", "383", "385", "386", "387", "389",
    "420", "421", "423",
    "500", "501", "502", "503", "504", "505", "506", "507", "508", "509",
    "590", "591", "592", "593", "594", "595", "596", "597", "598", "599",
    "670", "672", "673", "674", "675", "676", "677", "678", "679",
    "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692",
    "800", "808", "850", "852", "853", "855", "856", "870", "878", "880", "881", "882", "883", "886", "888",
    "960", "961", "962", "963", "964", "965", "966", "967", "968",
    "970", "971", "972", "973", "974", "975", "976", "977", "979",
    "992", "993", "994", "995", "996", "998",
];

/// The codes of no country: freephone, shared cost, satellites, personal numbers, networks, disaster relief, premium
/// rate. No person gets an SMS there, and one to them is dear.
const SERVICE_CODES: &[&str] = &["800", "808", "870", "878", "881", "882", "883", "888", "979"];

/// Whether no person is reached under the calling code.
pub(super) fn is_service(code: &str) -> bool {
    SERVICE_CODES.contains(&code)
}

/// Splits an international number (ASCII digits, no plus) into its calling code and national number, or `None`
/// if no assigned code begins it.
pub(super) fn split(digits: &str) -> Option<(&str, &str)> {
    (1..=3)
        .filter_map(|length| digits.split_at_checked(length))
        .find(|(code, _)| CALLING_CODES.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_begins_another() {
        for code in CALLING_CODES {
            assert_eq!(split(code), Some((*code, "")));
        }
        assert!(SERVICE_CODES.iter().all(|code| CALLING_CODES.contains(code)));
    }

    #[test]
    fn unassigned_codes_are_unknown() {
        for digits in [
            "", "0", "21", "210999", "2599", "3849", "4229", "6849", "83999", "8779", "8990", "9970", "9990",
        ] {
            assert_eq!(split(digits), None, "{digits}");
        }
    }
}
