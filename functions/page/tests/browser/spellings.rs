//! The tables of `shared/data` in the page's own fields: what the server takes, the page takes.

use crate::visit;
use crate::visitor::Visitor;
use crate::walk::{PHONE, finish_test};
use proftest::domain::contact::{ContactError, Email, Field, Name, Phone};
use proftest::texts::{Locale, texts};
use serde::Deserialize;
use serde_json::{Value, json};

/// Puts each text into the field as from the clipboard or key by key, and presses the button. Returns what would be
/// sent, what is said below the field, and whether the browser itself takes it. (Without consent nothing is sent.)
const ENTER: &str = "((id, texts, typed) => texts.map((text) => {
    const input = document.getElementById(id);
    input.focus();
    input.select();
    document.execCommand('delete');
    for (const piece of typed ? text : [text]) {
        if (piece) document.execCommand('insertText', false, piece);
    }
    input.blur();
    document.getElementById('send').click();
    return [input.value.trim(), document.getElementById(id + '-error').textContent, !text || input.checkValidity()];
}))";

/// What the field holds after a text was entered.
#[derive(Deserialize)]
struct Entered(String, String, bool);

type Parse = fn(&str) -> Result<String, ContactError>;

fn rows(table: &str) -> Vec<Value> {
    let table: Value = serde_json::from_str(table).unwrap();
    table["spellings"].as_array().unwrap().clone()
}

async fn enter(visitor: &Visitor, id: &str, rows: &[Value], typed: bool) -> Vec<Entered> {
    let texts: Vec<&Value> = rows.iter().map(|row| &row["input"]).collect();
    let script = format!("{ENTER}('{id}', {}, {typed})", json!(texts));
    serde_json::from_value(visitor.eval(&script).await).unwrap()
}

/// Each accepted spelling is taken and stays what it was. Of the refused ones none becomes another value, and what the
/// page says is what the server says. Returns how many the page itself refuses.
async fn check(visitor: &Visitor, id: &str, table: &str, field: Field, parse: Parse) -> usize {
    let rows = rows(table);
    let mut wrong = Vec::new();
    let mut said = 0;
    for (row, Entered(value, sentence, valid)) in rows.iter().zip(enter(visitor, id, &rows, false).await) {
        let read = parse(&value);
        let is_right = if row["normal"].is_string() {
            valid && sentence.is_empty() && read.as_ref().ok().map(String::as_str) == row["normal"].as_str()
        } else {
            // A field takes no NUL.
            let is_lost = row["refused"] == "ControlCharacter";
            let server = read.as_ref().err();
            let server = server.map(|error| error.sentence(field, &texts(Locale::Ru).errors.contact));
            (server.is_some() || is_lost)
                && (sentence.is_empty() || server.is_some_and(|server| server == sentence))
        };
        said += usize::from(!sentence.is_empty());
        if !is_right {
            wrong.push(format!("{row}: {value:?} {sentence:?} {valid} {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    said
}

async fn form(name: &str) -> Option<Visitor> {
    let (site, visitor) = visit(name, PHONE).await?;
    visitor.open(&format!("{}/proftest", site.url)).await;
    visitor.press("#begin").await;
    finish_test(&visitor, 0).await;
    Some(visitor)
}

#[tokio::test]
async fn names() {
    let Some(visitor) = form("names").await else {
        return;
    };
    let table = include_str!("../../../../shared/data/names.json");
    let parse: Parse = |raw| Name::parse(raw).map(|name| name.as_str().to_owned());
    let said = check(&visitor, "name", table, Field::Name, parse).await;
    assert!(said >= 1, "{said}");
    visitor.leave().await;
}

#[tokio::test]
async fn e_mail_addresses() {
    let Some(visitor) = form("emails").await else {
        return;
    };
    let table = include_str!("../../../../shared/data/emails.json");
    let parse: Parse = |raw| Email::parse(raw).map(|email| email.as_str().to_owned());
    let said = check(&visitor, "email", table, Field::Email, parse).await;
    assert!(said >= 6, "{said}");
    visitor.leave().await;
}

#[tokio::test]
async fn phones() {
    let Some(visitor) = form("phones").await else {
        return;
    };
    let table = include_str!("../../../../shared/data/phones.json");
    let parse: Parse = |raw| Phone::parse(raw).map(|phone| phone.as_str().to_owned());
    let said = check(&visitor, "phone", table, Field::Phone, parse).await;
    assert!(said >= 8, "{said}");
    visitor.leave().await;
}

/// The field rewrites a number while it is typed: at each key, and again when it is left.
#[tokio::test]
async fn phones_key_by_key() {
    let Some(visitor) = form("phones-typed").await else {
        return;
    };
    let mut rows = rows(include_str!("../../../../shared/data/phones.json"));
    // No person types the `.0` of a spreadsheet.
    rows.retain(|row| !row["input"].as_str().unwrap().ends_with(".0"));
    let mut wrong = Vec::new();
    for (row, Entered(value, sentence, _)) in rows.iter().zip(enter(&visitor, "phone", &rows, true).await) {
        let read = Phone::parse(&value);
        let read = read.as_ref().ok().map(Phone::as_str);
        let is_lost = row["refused"] == "ControlCharacter";
        if read != row["normal"].as_str() && !is_lost || read.is_some() && !sentence.is_empty() {
            wrong.push(format!("{row}: {value:?} {sentence:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    visitor.leave().await;
}

/// What the field shows once a number was typed key by key.
#[tokio::test]
async fn a_number_that_may_be_foreign_stays_as_typed() {
    let Some(visitor) = form("phones-shown").await else {
        return;
    };
    let shown = [
        ("87011234567", "+7 701 123 45 67"),
        ("89123456789", "+7 912 345 67 89"),
        ("77011234567", "+7 701 123 45 67"),
        ("+77011234567", "+7 701 123 45 67"),
        ("8701", "+7 701"),
        // Foreign ones without a plus, whole and begun, and landlines of Russia, which begin alike.
        ("8613800138000", "8613800138000"),
        ("8613", "8613"),
        ("85251234567", "85251234567"),
        ("8201012345678", "8201012345678"),
        ("8 495 123-45-67", "8 495 123-45-67"),
        // A trunk 8 left in, and a digit lost.
        ("+7 8 777 123 45 6", "+7 8 777 123 45 6"),
        ("+7 8 777 123 45 67", "+7 777 123 45 67"),
        ("+7 8 495 123 45 67", "+7 495 123 45 67"),
        ("+7 800 555-35-35", "+7 800 555-35-35"),
    ];
    let rows = shown.map(|(typed, _)| json!({ "input": typed }));
    let entered = enter(&visitor, "phone", &rows, true).await;
    for ((typed, expected), Entered(value, _, _)) in shown.iter().zip(entered) {
        assert_eq!(value, *expected, "{typed}");
    }
    visitor.leave().await;
}
