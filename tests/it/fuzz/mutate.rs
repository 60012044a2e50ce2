//! Input that is nearly right, and input that is not right at all.

use crate::support::json::pointers;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Characters that often break parsers, among common ones.
pub fn text() -> impl Strategy<Value = String> {
    let odd = "\0\u{1}\u{7f}\u{85}\u{A0}\u{FEFF}\u{202E}\u{200D}\u{FFFF}\u{10FFFF}🌸éЖ\"\\<>&%+@./?# \n'=;";
    let odd = select(odd.chars().collect::<Vec<_>>());
    let character = prop_oneof![
        3 => proptest::char::range('a', 'z'),
        2 => proptest::char::range('0', '9'),
        2 => odd,
        1 => any::<char>(),
    ];
    prop_oneof![
        8 => proptest::collection::vec(character, 0..30).prop_map(String::from_iter),
        1 => (any::<char>(), 90_usize..300).prop_map(|(character, length)| character.to_string().repeat(length)),
    ]
}

/// As a header's value: API Gateway hands over none with control characters.
pub fn printable() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(|c: char| c.is_ascii_control(), ""))
}

pub fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![
            json!(-1),
            json!(0),
            json!(1.5),
            json!(1e308),
            json!(""),
            json!(" "),
            json!([]),
            json!({})
        ]),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let object = proptest::collection::vec((text(), inner.clone()), 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            object
        ]
    })
}

/// Lists or objects in each other, around the depth at which parsers give up (serde_json: 128).
pub fn nested() -> impl Strategy<Value = Value> {
    (prop_oneof![1_usize..100, 110_usize..140], any::<bool>()).prop_map(|(depth, list)| {
        (0..depth).fold(
            json!(1),
            |inner, _| if list { json!([inner]) } else { json!({"a": inner}) },
        )
    })
}

#[derive(Debug, Clone)]
pub enum Change {
    Replace(Value),
    Remove,
    Rename(String),
}

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => json().prop_map(Change::Replace),
        1 => nested().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        1 => text().prop_map(Change::Rename),
    ]
}

/// Applies a change to a node picked at random.
pub fn apply(tree: &mut Value, place: Index, change: Change) {
    let paths = pointers(tree);
    let path = paths.get(place.index(paths.len().max(1)));
    let Some((parent, last)) = path.and_then(|path| path.rsplit_once('/')) else {
        *tree = Value::Null;
        return;
    };
    match (tree.pointer_mut(parent).unwrap(), change) {
        (Value::Object(fields), change) => {
            change_field(fields, &last.replace("~1", "/").replace("~0", "~"), change);
        }
        (Value::Array(items), Change::Replace(value)) => items[last.parse::<usize>().unwrap()] = value,
        (Value::Array(items), _) => drop(items.remove(last.parse().unwrap())),
        _ => unreachable!("a path leads into an object or a list"),
    }
}

pub fn change_field(fields: &mut Map<String, Value>, key: &str, change: Change) {
    match change {
        Change::Replace(value) => {
            fields.insert(key.to_owned(), value);
        }
        Change::Remove => {
            fields.remove(key);
        }
        Change::Rename(name) => {
            let value = fields.remove(key).unwrap_or_default();
            fields.insert(name, value);
        }
    }
}

#[derive(Debug, Clone)]
pub enum Damage {
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index),
    Flip(Index, u8),
}

/// Literals that no JSON tree here holds, among them numbers that fit nowhere and halves of characters.
const LITERALS: [&str; 17] = [
    "1e400",
    "-1e-400",
    "123456789012345678901234567890",
    "-0",
    "0x1",
    "NaN",
    "\"\\ud800\"",
    "\\ud83d",
    "\\ude00",
    "\\ud83d\\ude00",
    "\"\\u0000\"",
    "{\"a\":1,\"a\":2}",
    "/*c*/",
    ",,",
    "\u{feff}",
    "\"\t\"",
    "[[[[[[[[",
];

pub fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop_oneof![
        select(LITERALS.as_slice()).prop_map(|literal| literal.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..6),
    ];
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), bytes).prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        any::<Index>().prop_map(Damage::Repeat),
        (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Damage::Flip(place, byte)),
    ]
}

pub fn inflict(bytes: &mut Vec<u8>, damage: Damage) {
    let at = |place: Index, length: usize| place.index(length + 1);
    match damage {
        Damage::Cut(place) => bytes.truncate(at(place, bytes.len())),
        Damage::Insert(place, more) => {
            let place = at(place, bytes.len());
            bytes.splice(place..place, more);
        }
        Damage::Repeat(place) => {
            let tail = bytes[at(place, bytes.len())..].to_vec();
            bytes.extend(tail);
        }
        Damage::Flip(place, byte) => {
            let place = place.index(bytes.len().max(1));
            if let Some(there) = bytes.get_mut(place) {
                *there ^= byte;
            }
        }
    }
}

pub fn apply_all(tree: &mut Value, changes: Vec<(Index, Change)>) {
    for (place, change) in changes {
        apply(tree, place, change);
    }
}

pub fn damaged(tree: &Value, all: Vec<Damage>) -> Vec<u8> {
    let mut bytes = tree.to_string().into_bytes();
    for damage in all {
        inflict(&mut bytes, damage);
    }
    bytes
}
