//! The page asks about a mistyped domain, and the visitor may leave the address as it is. The question itself is tested in
//! the browser.

use super::{EMAILS, rows};

#[test]
fn no_address_is_refused_for_its_suggestion() {
    for row in rows(EMAILS, "suggestions") {
        let address = row["input"].as_str().unwrap();
        if row["class"] == "must_be_suggested" {
            assert!(super::email(address).is_ok(), "{address}");
        }
    }
}
