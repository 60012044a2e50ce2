//! Shortens the page's script: drops blanks that no reader but a person needs, and gives what the script declares a name of
//! one or two letters.
//!
//! No parser. A name is replaced everywhere or nowhere, so scopes do not matter, and only if it can be nothing but a
//! variable: it is declared, and never stands where a property's name may stand. Placeholders must be filled in before.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    /// A name, a keyword or a number.
    Word,
    /// A string, a part of a template or a regular expression.
    Text,
    /// One character of anything else.
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

pub fn shorten(script: &str) -> Result<String, String> {
    let tokens = tokens(script)?;
    let short = joined(&tokens, &short_names(&tokens));
    // It would end the element.
    if short.contains("</") {
        return Err("the shortened script contains \"</\"".to_owned());
    }
    Ok(short)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$')
}

fn tokens(script: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // For each template that is open, the braces that are open in its expression.
    let mut templates: Vec<usize> = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let is_template = first == '`' || first == '}' && templates.last() == Some(&0);
        let (kind, end) = if first.is_whitespace() {
            (Kind::Blank, rest.find(|c: char| !c.is_whitespace()))
        } else if is_word(first) {
            (Kind::Word, rest.find(|c| !is_word(c)))
        } else if first == '\'' {
            (Kind::Text, end_of(rest, &["'"]))
        } else if is_template {
            if first == '}' {
                templates.pop();
            }
            let end = end_of(rest, &["`", "${"]);
            if end.is_some_and(|end| rest[..end].ends_with('{')) {
                templates.push(0);
            }
            (Kind::Text, end)
        } else if first == '/' && begins_a_pattern(&tokens) {
            (Kind::Text, end_of_pattern(rest))
        } else {
            match (first, templates.last_mut()) {
                ('{', Some(open)) => *open += 1,
                ('}', Some(open)) => *open -= 1,
                _ => {}
            }
            (Kind::Sign, Some(first.len_utf8()))
        };
        let end = match (kind, end) {
            (Kind::Text, None) => return Err(format!("what begins with {rest:.40} has no end")),
            (_, end) => end.unwrap_or(rest.len()),
        };
        let (text, after) = rest.split_at(end);
        tokens.push(Token { kind, text });
        rest = after;
    }
    if !templates.is_empty() {
        return Err("a template has no end".to_owned());
    }
    Ok(tokens)
}

/// Behind the first of `ends`, not counting the first character and what is escaped.
fn end_of(text: &str, ends: &[&str]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        if let Some(end) = ends.iter().find(|end| rest.starts_with(**end)) {
            return Some(at + end.len());
        }
        let mut characters = rest.chars();
        let escapes = characters.next()? == '\\';
        at += rest.chars().next().map_or(0, char::len_utf8);
        if escapes {
            at += characters.next()?.len_utf8();
        }
    }
}

/// Behind the flags of a regular expression. A slash in a class does not end it.
fn end_of_pattern(text: &str) -> Option<usize> {
    let mut end = end_of(text, &["/", "["])?;
    while text[..end].ends_with('[') {
        end += end_of(&text[end - 1..], &["]"])? - 1;
        end += end_of(&text[end - 1..], &["/", "["])? - 1;
    }
    let flags = text[end..].find(|c| !is_word(c)).unwrap_or(text.len() - end);
    Some(end + flags)
}

/// Whether a slash divides nothing here.
fn begins_a_pattern(before: &[Token<'_>]) -> bool {
    let last = before.iter().rfind(|token| token.kind != Kind::Blank);
    last.is_none_or(|last| {
        last.text == "return" || last.kind == Kind::Sign && "(,=:[!&|?{};".contains(last.text)
    })
}

/// From a declared name to a short one that stands nowhere yet.
fn short_names<'a>(tokens: &[Token<'a>]) -> BTreeMap<&'a str, String> {
    let tokens: Vec<Token<'_>> = tokens
        .iter()
        .copied()
        .filter(|token| token.kind != Kind::Blank)
        .collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let (mut counts, mut declared, mut fixed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == Kind::Word)
    {
        *counts.entry(token.text).or_insert(0_usize) += 1;
        let before = at.checked_sub(1).map_or("", text);
        if matches!(before, "const" | "let" | "function") {
            declared.insert(token.text);
        }
        // `...rest` is no property.
        let is_member = before == "." && at.checked_sub(2).map_or("", text) != ".";
        let may_be_key = matches!(before, "{" | ",") && matches!(text(at + 1), ":" | "," | "}" | "=" | "(");
        if is_member || may_be_key && is_in_braces(&tokens[..at]) {
            fixed.insert(token.text);
        }
    }
    let mut long: Vec<&str> = declared
        .into_iter()
        .filter(|name| name.len() > 1 && !fixed.contains(name))
        .collect();
    long.sort_by_key(|name| std::cmp::Reverse(counts[name] * name.len()));
    let letters = || ('a'..='z').chain('A'..='Z');
    let two = letters().flat_map(|one| letters().map(move |other| format!("{one}{other}")));
    let free = letters().map(String::from).chain(two);
    let free = free.filter(|name| !counts.contains_key(name.as_str()) && !KEYWORDS.contains(&name.as_str()));
    long.into_iter().zip(free).collect()
}

const KEYWORDS: [&str; 4] = ["as", "do", "if", "in"];

/// Whether the innermost bracket that is open after these tokens is a brace: of an object, a pattern or a block.
fn is_in_braces(before: &[Token<'_>]) -> bool {
    let mut closed = 0_usize;
    for token in before.iter().rev().filter(|token| token.kind == Kind::Sign) {
        match token.text {
            ")" | "]" | "}" => closed += 1,
            "(" | "[" | "{" if closed == 0 => return token.text == "{",
            "(" | "[" | "{" => closed -= 1,
            _ => {}
        }
    }
    false
}

fn joined(tokens: &[Token<'_>], names: &BTreeMap<&str, String>) -> String {
    let mut short = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Blank => {
                let next = tokens.get(at + 1).and_then(|next| next.text.chars().next());
                let (Some(last), Some(next)) = (short.chars().last(), next) else {
                    continue;
                };
                let is_line = token.text.contains('\n');
                if is_line && !";{,([".contains(last) && !"})]".contains(next) {
                    // It may end a statement.
                    short.push('\n');
                } else if is_word(last) && is_word(next) || last == next && "+-/".contains(last) {
                    short.push(' ');
                }
            }
            Kind::Word => short.push_str(names.get(token.text).map_or(token.text, String::as_str)),
            Kind::Text | Kind::Sign => short.push_str(token.text),
        }
    }
    short
}
