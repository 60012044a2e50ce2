//! How long a value is as PostgreSQL prints it from a `jsonb` column.

use serde_json::{Number, Value};

/// Octets of `value::text`: a space follows each comma and colon, and a number has no exponent. It may be a little more than
/// PostgreSQL's, never less.
pub fn octets(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(number) => number_octets(number),
        Value::String(text) => string_octets(text),
        Value::Array(items) => 2 + items.iter().map(|item| octets(item) + 2).sum::<usize>(),
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| entry(name, value);
            2 + fields.iter().map(one).sum::<usize>()
        }
    }
}

/// A member of an object, with its comma.
pub fn entry(name: &str, value: &Value) -> usize {
    string_octets(name) + 2 + octets(value) + 2
}

/// A control character is printed as `\u0001`.
fn string_octets(text: &str) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' => 2,
        _ if c.is_control() && c.is_ascii() => 6,
        _ => c.len_utf8(),
    };
    2 + text.chars().map(escaped).sum::<usize>()
}

/// `1e300` is 301 digits there.
fn number_octets(number: &Number) -> usize {
    let text = number.to_string();
    let exponent = text
        .split_once(['e', 'E'])
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    text.len() + exponent.map_or(0, |exponent| exponent.unsigned_abs() as usize + 2)
}
