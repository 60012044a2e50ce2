//! One measured figure, and the table of them.

use serde::Serialize;

/// Which side of its target a figure should be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The target or less.
    AtMost,
    /// The target or more.
    AtLeast,
}

/// A figure beside its target.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Under which conditions; empty when they do not matter.
    pub conditions: String,
    /// The median of the runs.
    pub value: f64,
    /// Of the value and the target.
    pub unit: &'static str,
    /// Which side of the target is good.
    pub bound: Bound,
    /// What it should be.
    pub target: f64,
    /// Whether it is.
    pub met: bool,
}

impl Figure {
    /// The median of `runs` beside a target, both in `unit`.
    pub fn new(
        name: &str,
        conditions: &str,
        runs: &[f64],
        unit: &'static str,
        bound: Bound,
        target: f64,
    ) -> Self {
        let value = median(runs);
        let met = match bound {
            Bound::AtMost => value <= target,
            Bound::AtLeast => value >= target,
        };
        Self {
            name: name.to_owned(),
            conditions: conditions.to_owned(),
            value,
            unit,
            bound,
            target,
            met,
        }
    }
}

/// The middle one, or the higher of the two in the middle; NaN, which meets no target, of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A table for a terminal, one line a figure.
pub fn table(figures: &[Figure]) -> String {
    let mut lines = Vec::new();
    for figure in figures {
        let bound = match figure.bound {
            Bound::AtMost => "≤",
            Bound::AtLeast => "≥",
        };
        let digits = if figure.value.fract() == 0.0 { 0 } else { 3 };
        lines.push(format!(
            "{:<26} {:<32} {:>9.digits$} {:<8} {bound} {:<6} {}",
            figure.name,
            figure.conditions,
            figure.value,
            figure.unit,
            figure.target,
            if figure.met { "met" } else { "missed" },
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_runs_and_may_equal_its_target() {
        let shift = Figure::new("CLS", "", &[0.0, 0.3, 0.0], "", Bound::AtMost, 0.0);
        assert!(shift.met);
        let frames = Figure::new("frames", "", &[60.0, 12.0, 54.5], "/s", Bound::AtLeast, 55.0);
        assert_eq!((frames.value.to_string().as_str(), frames.met), ("54.5", false));
        assert!(!Figure::new("none", "", &[], "ms", Bound::AtMost, 1.0).met);
        let table = table(&[shift, frames]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].ends_with("≤ 0      met"), "{table}");
        assert!(
            lines[1].contains("54.500 /s") && lines[1].ends_with("missed"),
            "{table}"
        );
    }
}
