//! The parts of the document that come from the quiz.

use crate::quiz::{LETTERS, Quiz};
use std::fmt::Write as _;

/// Replaces each `{{name}}` with its value.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |filled, (name, value)| {
        filled.replace(&format!("{{{{{name}}}}}"), value)
    })
}

/// Escapes text for an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
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

/// Corners of the hexagon, clockwise from the top, and their labels: x, y, label x, label y, anchor.
const CORNERS: [(i32, i32, i32, i32, &str); 6] = [
    (160, 44, 160, 24, "middle"),
    (212, 74, 226, 78, "start"),
    (212, 134, 226, 139, "start"),
    (160, 164, 160, 191, "middle"),
    (108, 134, 94, 139, "end"),
    (108, 74, 94, 78, "end"),
];

pub fn hexagon(quiz: &Quiz) -> String {
    let names: Vec<&str> = LETTERS
        .iter()
        .map(|letter| quiz.types[letter].title.as_str())
        .collect();
    let mut svg = format!(
        "<svg class=\"map\" viewBox=\"9 0 320 208\" role=\"img\" aria-label=\"Шесть типов: {}\">\
         <path class=\"web\" d=\"M160 44V164M212 74 108 134M212 134 108 74\"/>\
         <path d=\"M160 44 212 74V134L160 164 108 134V74Z\"/>\n",
        escape(&names.join(", "))
    );
    for ((x, y, label_x, label_y, anchor), (letter, name)) in CORNERS.iter().zip(LETTERS.iter().zip(names)) {
        let _ = writeln!(
            svg,
            "<g data-type=\"{letter}\"><circle cx=\"{x}\" cy=\"{y}\" r=\"5\"/>\
             <text x=\"{label_x}\" y=\"{label_y}\" text-anchor=\"{anchor}\">{}</text></g>",
            escape(name)
        );
    }
    svg.push_str("</svg>");
    svg
}
