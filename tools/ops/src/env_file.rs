//! Files of variables, such as `prod.env`: lines of `NAME=value`, blank lines, and lines that begin with `#`. A value
//! in single quotes is taken literally and may span lines.
//!
//! Anything that a shell would read differently is refused, so `. ./prod.env` gives the same values.

use std::collections::HashMap;

/// Characters with a meaning to a shell, outside quotes.
const SPECIAL: &[char] = &[
    '$', '`', '\\', '"', '\'', '&', ';', '|', '<', '>', '(', ')', '*', '?', '#', '~', '!', '{', '}', '[', ']',
];

/// The last value of a name counts. An error gives the line number, never the line's content.
pub fn parse(text: &str) -> Result<HashMap<String, String>, String> {
    let mut variables = HashMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let wrong = |what: &str| Err(format!("line {}: {what}", number + 1));
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            return wrong("it is not NAME=value");
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return wrong("the name before = may have only letters, digits and underscores");
        }
        let Some(quoted) = value.strip_prefix('\'') else {
            if value.contains(SPECIAL) || value.contains(char::is_whitespace) {
                return wrong("put the value in single quotes");
            }
            variables.insert(name.to_owned(), value.to_owned());
            continue;
        };
        let mut whole = quoted.to_owned();
        while !whole.contains('\'') {
            let Some((_, next)) = lines.next() else {
                return wrong("the single quote has no end");
            };
            whole.push('\n');
            whole.push_str(next);
        }
        match whole.split_once('\'') {
            Some((value, rest)) if rest.trim().is_empty() => {
                variables.insert(name.to_owned(), value.to_owned())
            }
            _ => return wrong("nothing may follow the closing quote"),
        };
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bare_or_quoted_and_may_go_over_lines() {
        let text = "# a comment\n\nA=1\nexport B='x y $z'\nPEM='-----BEGIN\nabc=\n-----END'\nEMPTY=\nA=2\n";
        let read = parse(text).unwrap();
        assert_eq!(read["A"], "2");
        assert_eq!(read["B"], "x y $z");
        assert_eq!(read["PEM"], "-----BEGIN\nabc=\n-----END");
        assert_eq!(read["EMPTY"], "");
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_refused_by_line_and_never_shown() {
        for (text, line) in [
            ("secret", "line 1"),
            ("A=1\nB=secret secret", "line 2"),
            ("A=\"secret\"", "line 1"),
            ("A=secret$1", "line 1"),
            ("\nA='secret", "line 2"),
            ("A='secret' secret", "line 1"),
            ("A =secret", "line 1"),
            ("=secret", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.starts_with(line) && !error.contains("secret"),
                "{text}: {error}"
            );
        }
    }
}
