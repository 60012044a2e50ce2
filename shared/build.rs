//! Turns `data/quiz.toml` into the static table of `domain::quiz`.

#[path = "build/quiz.rs"]
mod quiz;

use quiz::{LETTERS, Quiz, pair_name, pairs};
use std::fmt::Write as _;
use std::path::Path;

const FILE: &str = "data/quiz.toml";

fn main() {
    println!("cargo::rerun-if-changed={FILE}");
    println!("cargo::rerun-if-changed=build");
    if let Err(error) = generate() {
        println!("cargo::error={error}");
        std::process::exit(1);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script in the environment where to write"
)]
fn generate() -> Result<(), String> {
    let toml = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let quiz = Quiz::read(&toml).map_err(|error| format!("shared/{FILE}: {error}"))?;
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(Path::new(&out).join("quiz.rs"), table(&quiz)).map_err(|error| error.to_string())
}

/// The table as a Rust expression. The `Debug` form of a string is a string literal.
fn table(quiz: &Quiz) -> String {
    let mut table = String::from("Quiz { questions: [\n");
    for question in &quiz.questions {
        let _ = write!(table, "Question {{ text: {:?}, options: [", question.text);
        for option in &question.options {
            let _ = write!(
                table,
                "Choice {{ kind: Type::{}, text: {:?} }}, ",
                option.letter, option.text
            );
        }
        table.push_str("] },\n");
    }
    table.push_str("], types: [\n");
    for letter in LETTERS {
        let texts = &quiz.types[&letter];
        let _ = writeln!(
            table,
            "TypeTexts {{ title: {:?}, meaning: {:?}, first_step: {:?}, say_first: {:?} }},",
            texts.title, texts.meaning, texts.first_step, texts.say_first
        );
    }
    table.push_str("], professions: [\n");
    for pair in pairs() {
        let _ = writeln!(table, "&{:?},", quiz.professions[&pair_name(pair)]);
    }
    table.push_str("] }\n");
    table
}
