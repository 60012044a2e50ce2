//! Bundles the modules into one script and strips what only readers of the source need.
//!
//! No parser: the sources keep to a form that lines suffice for. Each `import` of a sibling is one line, exported
//! names are unique over all modules, and comments stand on lines of their own. docs/adr.md, 14, has what a minifier
//! would save.

/// Each module comes after those that it imports.
pub const MODULES: [&str; 12] = [
    "texts.js",
    "campaign.js",
    "touch.js",
    "session.js",
    "challenge.js",
    "phone.js",
    "email.js",
    "form.js",
    "send.js",
    "submit.js",
    "result.js",
    "app.js",
];

pub fn bundle(modules: &[&str]) -> Result<String, String> {
    let mut bundle = String::new();
    let single = modules.len() == 1;
    for module in modules {
        let path = format!("web/js/{module}");
        let source = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        for line in source.lines().map(str::trim) {
            let import = line.starts_with("import {");
            if line.is_empty() || line.starts_with("//") || import && !single {
                continue;
            }
            // A single module stays a module, with its exports.
            let kept = if single {
                line
            } else {
                line.strip_prefix("export ").unwrap_or(line)
            };
            bundle.push_str(kept);
            bundle.push('\n');
        }
    }
    // `</script` would end the element.
    if bundle.contains("</") {
        return Err(format!("{modules:?} must not contain \"</\""));
    }
    Ok(bundle)
}

/// Strips comments and indentation.
pub fn style(css: &str) -> String {
    let mut rest = css;
    let mut style = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        style.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    style.push_str(rest);
    let lines: Vec<&str> = style
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines
        .join("\n")
        .replace(": ", ":")
        .replace(" {", "{")
        .replace(";\n}", "\n}")
}

/// Strips indentation and empty lines.
pub fn markup(html: &str) -> String {
    let lines: Vec<&str> = html
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
