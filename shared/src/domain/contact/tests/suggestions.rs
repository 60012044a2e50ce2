//! A simple rule meets the table of mistyped e-mail domains. The page follows the same rule and the same table.

use super::{EMAILS, rows};
use serde_json::Value;

/// Letters of a name that is too short to differ: `bk.ru` and `ya.ru` have many real neighbours.
const SHORT: usize = 3;

/// The domain to ask about. Listed domains are known and never asked about. Else it is what an alias means, or the only
/// domain at distance 1; of those with a short name, only the end may differ.
fn suggestion(table: &Value, address: &str) -> Option<String> {
    let list = |name: &str| table[name].as_array().unwrap().iter().filter_map(Value::as_str);
    let address = address.trim().to_lowercase();
    let (_, typed) = address.rsplit_once('@')?;
    if list("domains")
        .chain(list("other_domains"))
        .any(|known| known == typed)
    {
        return None;
    }
    let aliases = table["aliases"].as_array().unwrap();
    if let Some(alias) = aliases.iter().find(|alias| alias["typed"] == typed) {
        return alias["meant"].as_str().map(str::to_owned);
    }
    let name = |domain: &str| domain.split('.').next().unwrap_or_default().to_owned();
    let near: Vec<&str> = list("domains")
        .filter(|domain| name(domain).len() > SHORT || name(domain) == name(typed))
        .filter(|domain| distance(typed, domain) == 1)
        .collect();
    match near[..] {
        [only] => Some(only.to_owned()),
        _ => None,
    }
}

/// Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut cost = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = cost[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swaps = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swaps { cost[i - 2][j - 2] + 1 } else { replaced };
                replaced
                    .min(swapped)
                    .min(cost[i - 1][j] + 1)
                    .min(cost[i][j - 1] + 1)
            };
        }
    }
    cost[a.len()][b.len()]
}

#[test]
fn mistyped_domains_are_asked_about_and_no_others() {
    let table: Value = serde_json::from_str(EMAILS).unwrap();
    let (mut asked, mut silent) = (0, 0);
    for row in rows(EMAILS, "suggestions") {
        let address = row["input"].as_str().unwrap();
        assert_eq!(
            suggestion(&table, address).as_deref(),
            row["suggest"].as_str(),
            "{address}"
        );
        *(if row["suggest"].is_null() {
            &mut silent
        } else {
            &mut asked
        }) += 1;
    }
    assert!(asked >= 40 && silent >= 40, "{asked} {silent}");
}

#[test]
fn no_address_is_refused_for_its_suggestion() {
    for row in rows(EMAILS, "suggestions") {
        let address = row["input"].as_str().unwrap();
        if row["class"] == "must_be_suggested" {
            assert!(super::email(address).is_ok(), "{address}");
        }
    }
}
