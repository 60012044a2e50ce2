//! The parts of the document that come from the quiz.

use crate::hexagon::{self, escape};
use crate::quiz::{LETTERS, Quiz};
use std::fmt::Write as _;

/// Replaces each `{{name}}` with its value.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |filled, (name, value)| {
        filled.replace(&format!("{{{{{name}}}}}"), value)
    })
}

/// The text of the consent, with the link to the policy around the words that name it.
pub fn consent(text: &str, link: &str, policy_url: &str) -> Result<String, String> {
    let (before, after) = text
        .split_once(link)
        .ok_or_else(|| format!("the consent does not hold «{link}»"))?;
    Ok(format!(
        "{}<a href=\"{policy_url}\" target=\"_blank\" rel=\"noopener\">{}</a>{}",
        escape(before),
        escape(link),
        escape(after)
    ))
}

/// Each question as a hidden section.
pub fn questions(quiz: &Quiz) -> String {
    let mut html = String::new();
    for (number, question) in (1..).zip(&quiz.questions) {
        let _ = writeln!(
            html,
            "<section class=\"question\" hidden><h1 id=\"q{number}\" tabindex=\"-1\">{}</h1>\n\
             <div class=\"options\" role=\"radiogroup\" aria-labelledby=\"q{number}\">",
            escape(&question.text)
        );
        for (key, option) in (1..).zip(&question.options) {
            let _ = writeln!(
                html,
                "<label class=\"option\"><input type=\"radio\" name=\"q{number}\"><span data-key=\"{key}\">{}</span></label>",
                escape(&option.text)
            );
        }
        html.push_str("</div></section>\n");
    }
    html
}

pub fn hexagon(quiz: &Quiz) -> String {
    let names = LETTERS.map(|letter| quiz.types[&letter].title.as_str());
    hexagon::svg(&names, &format!("Шесть типов: {}", names.join(", ")), &[])
}
