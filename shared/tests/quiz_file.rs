//! The build's check of `data/quiz.toml`, which the build script runs, finds each way to break it.

#[path = "../build/quiz.rs"]
mod quiz;

use quiz::Quiz;

const FILE: &str = include_str!("../data/quiz.toml");

/// What the check says about the file after one change, which must apply.
fn broken(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "the file has no {from:?}");
    let read = Quiz::read(&FILE.replacen(from, to, 1));
    assert!(read.is_err(), "{from:?} → {to:?} was not noticed");
    read.err().unwrap_or_default()
}

const FIRST: &str = "{ type = \"S\", text = \"Помогу близкому человеку с его делом\" },";
const SECOND: &str = "{ type = \"A\", text = \"Порисую, поснимаю, смонтирую видео\" },";

/// A change to the file, and what must be said about it.
const MISTAKES: [(&str, &str, &str); 15] = [
    (FIRST, "", "question 1 has 3 options"),
    ("type = \"S\"", "type = \"X\"", "type X, which is none of"),
    (
        "type = \"S\"",
        "type = \"A\"",
        "question 1 has two options of type A",
    ),
    ("type = \"S\"", "type = \"E\"", "type S is offered in 7"),
    (
        "Помогу близкому человеку с его делом",
        " ",
        "an option of question 1 is empty",
    ),
    (
        "Помогу близкому человеку с его делом",
        "две\\nстроки",
        "several lines",
    ),
    (
        "Помогу близкому человеку с его делом",
        "Порисую, поснимаю, смонтирую видео",
        "twice",
    ),
    (
        "Какая похвала приятнее?",
        "Чему хочется научиться в этом году?",
        "question 12 is asked twice",
    ),
    ("[types.E]", "[types.X]", "a type X"),
    (
        "title = \"Лидер\"",
        "title = \"Творец\"",
        "two types are called Творец",
    ),
    (
        "title = \"Лидер\"",
        "title = \"\"",
        "the title of type E is empty",
    ),
    ("RI = [", "IR = [", "professions for IR"),
    (
        "\"Биоинженер\", \"Оператор и разработчик дронов\"",
        "",
        "4 professions for RI",
    ),
    (
        "\"Биоинженер\"",
        "\"Инженер по данным\"",
        "a profession for RI is there twice",
    ),
    ("meaning =", "meening =", "meening"),
];

#[test]
fn each_mistake_is_named() {
    for (from, to, sentence) in MISTAKES {
        let found = broken(from, to);
        assert!(found.contains(sentence), "{found:?} should say {sentence:?}");
    }
    let swapped = FILE
        .replacen(FIRST, "@", 1)
        .replacen(SECOND, FIRST, 1)
        .replacen('@', SECOND, 1);
    let found = Quiz::read(&swapped).unwrap_err();
    assert!(found.contains("is option 1 in"), "{found}");
    let found = Quiz::read(&FILE.replacen("[[questions]]", "[[other]]", 1)).unwrap_err();
    assert!(found.contains("other"), "{found}");
}
