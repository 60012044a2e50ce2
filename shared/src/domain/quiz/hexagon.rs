//! The six types as a drawing: Holland's hexagon. The page's build includes this file, so it uses nothing of the crate.

use std::fmt::Write as _;

/// Corners of the hexagon, clockwise from the top, and their labels: letter, x, y, label x, label y, anchor.
const CORNERS: [(char, i32, i32, i32, i32, &str); 6] = [
    ('R', 160, 44, 160, 24, "middle"),
    ('I', 212, 74, 226, 78, "start"),
    ('A', 212, 134, 226, 139, "start"),
    ('S', 160, 164, 160, 191, "middle"),
    ('E', 108, 134, 94, 139, "end"),
    ('C', 108, 74, 94, 78, "end"),
];

/// An SVG element. `names` are those of the types in the order of the hexagon, `label` is for those who do not see it. The
/// types at `lit` are lit and joined.
pub fn svg(names: &[&str; 6], label: &str, lit: &[usize]) -> String {
    let mut svg = format!(
        "<svg class=\"map\" viewBox=\"9 0 320 208\" role=\"img\" aria-label=\"{}\">\
         <path class=\"web\" d=\"M160 44V164M212 74 108 134M212 134 108 74\"/>\
         <path d=\"M160 44 212 74V134L160 164 108 134V74Z\"/>\n",
        escape(label)
    );
    let points: Vec<String> = lit
        .iter()
        .filter_map(|at| CORNERS.get(*at))
        .map(|(_, x, y, ..)| format!("{x} {y}"))
        .collect();
    if !points.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(svg, "<path class=\"link\" d=\"M{}\"/>", points.join("L"));
    }
    for (at, ((letter, x, y, label_x, label_y, anchor), name)) in CORNERS.iter().zip(names).enumerate() {
        let class = if lit.contains(&at) { " class=\"on\"" } else { "" };
        let _ = writeln!(
            svg,
            "<g data-type=\"{letter}\"{class}><circle cx=\"{x}\" cy=\"{y}\" r=\"5\"/>\
             <text x=\"{label_x}\" y=\"{label_y}\" text-anchor=\"{anchor}\">{}</text></g>",
            escape(name)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Escapes text for an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
