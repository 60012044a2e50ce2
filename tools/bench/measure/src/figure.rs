//! One measured figure, and the table of them.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost,
    AtLeast,
}

#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    /// Under which conditions; empty when they do not matter.
    pub conditions: String,
    /// The median of the runs.
    pub value: f64,
    /// The first and the third quartile of the runs.
    pub spread: (f64, f64),
    /// What else a reader may want to know: absolute times of this machine, by which nothing is judged.
    pub context: String,
    pub unit: &'static str,
    bound: Bound,
    /// What it should be.
    pub target: f64,
    pub met: bool,
}

impl Figure {
    #[must_use]
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.context = context.into();
        self
    }

    /// A figure without a target.
    pub fn new(name: &str, conditions: &str, runs: &[f64], unit: &'static str) -> Self {
        let value = median(runs);
        let spread = (share(runs, 1, 4), share(runs, 3, 4));
        Self {
            name: name.to_owned(),
            conditions: conditions.to_owned(),
            value,
            spread,
            context: String::new(),
            unit,
            bound: Bound::AtMost,
            target: f64::INFINITY,
            met: !value.is_nan(),
        }
    }

    #[must_use]
    pub fn at_most(self, target: f64) -> Self {
        let met = self.value <= target;
        Self { target, met, ..self }
    }

    #[must_use]
    pub fn at_least(self, target: f64) -> Self {
        let (bound, met) = (Bound::AtLeast, self.value >= target);
        Self {
            bound,
            target,
            met,
            ..self
        }
    }
}

/// The middle one, or the higher of the two in the middle; NaN, which meets no target, of nothing.
pub fn median(values: &[f64]) -> f64 {
    share(values, 1, 2)
}

/// The quantile `part/of`.
pub fn share(values: &[f64], part: usize, of: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * part / of).copied().unwrap_or(f64::NAN)
}

pub fn table(figures: &[Figure]) -> String {
    let mut lines = Vec::new();
    for figure in figures {
        let bound = match figure.bound {
            Bound::AtMost => "≤",
            Bound::AtLeast => "≥",
        };
        let (target, met) = match (figure.target.is_finite(), figure.met) {
            (false, _) => (String::new(), ""),
            (true, true) => (format!("{bound} {}", figure.target), "met"),
            (true, false) => (format!("{bound} {}", figure.target), "missed"),
        };
        let digits = if figure.value.fract() == 0.0 { 0 } else { 3 };
        lines.push(format!(
            "{:<34} {:<36} {:>9.digits$} {:<6} {:>19} {target:<8} {met:<6} {}",
            figure.name,
            figure.conditions,
            figure.value,
            figure.unit,
            format!("({:.digits$} to {:.digits$})", figure.spread.0, figure.spread.1),
            figure.context,
        ));
    }
    lines
        .iter()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_runs_and_may_equal_its_target() {
        let shift = Figure::new("CLS", "", &[0.0, 0.3, 0.0], "").at_most(0.0);
        assert!(shift.met);
        let frames = Figure::new("frames", "", &[60.0, 12.0, 54.5], "/s").at_least(55.0);
        assert_eq!((frames.value.to_string().as_str(), frames.met), ("54.5", false));
        assert!(!Figure::new("none", "", &[], "ms").at_most(1.0).met);
        let table = table(&[shift, frames]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].ends_with("≤ 0      met"), "{table}");
        assert!(
            lines[1].contains("54.500 /s") && lines[1].ends_with("missed"),
            "{table}"
        );
        assert!(lines[1].contains("(12.000 to 60.000)"), "{table}");
    }
}
