//! Plots for the report.

use crate::Error;
use plotters::prelude::*;
use serde::Serialize;
use std::fmt::Write as _;

const SIZE: (u32, u32) = (640, 320);
const COLORS: [RGBColor; 4] = [
    RGBColor(22, 138, 84),
    RGBColor(90, 96, 105),
    RGBColor(60, 110, 190),
    RGBColor(190, 110, 40),
];

#[derive(Debug, Clone, Serialize)]
pub struct Plot {
    title: String,
    places: String,
    labels: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Line {
    name: String,
    values: Vec<f64>,
}

impl Line {
    pub fn new(name: &str, values: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            values,
        }
    }
}

impl Plot {
    /// A plot; `places` says what the labels are.
    pub fn new(title: &str, places: &str, labels: Vec<String>, lines: Vec<Line>) -> Self {
        Self {
            title: title.to_owned(),
            places: places.to_owned(),
            labels,
            lines,
        }
    }

    pub fn table(&self) -> String {
        let mut text = format!("{} by {}: {}", self.title, self.places, self.labels.join(", "));
        for line in &self.lines {
            let values: Vec<String> = line.values.iter().map(|value| format!("{value:.2}")).collect();
            let _ = write!(text, "\n  {:<24} {}", line.name, values.join("  "));
        }
        text
    }

    pub fn svg(&self) -> Result<String, Error> {
        let drawn = |error: &dyn std::fmt::Display| Error::Part(format!("a plot cannot be drawn: {error}"));
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            let values = self.lines.iter().flat_map(|line| &line.values).copied();
            let top = values.fold(0.0, f64::max) * 1.3;
            let places = u32::try_from(self.labels.len()).map_or(1.0, f64::from);
            let mut chart = ChartBuilder::on(&root)
                .caption(&self.title, ("sans-serif", 18))
                .margin(12)
                .x_label_area_size(34)
                .y_label_area_size(52)
                .build_cartesian_2d(0.0..places, 0.0..top.max(f64::MIN_POSITIVE))
                .map_err(|error| drawn(&error))?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .x_labels(self.labels.len() * 2 + 1)
                .x_label_formatter(&|x| self.label(*x))
                .x_desc(&self.places)
                .draw()
                .map_err(|error| drawn(&error))?;
            let lines = u32::try_from(self.lines.len()).map_or(1.0, f64::from);
            for (number, line) in self.lines.iter().enumerate() {
                let color = COLORS[number % COLORS.len()];
                let offset = u32::try_from(number).map_or(0.0, f64::from);
                let bars = line.values.iter().enumerate().map(|(place, value)| {
                    let left = u32::try_from(place).map_or(0.0, f64::from) + 0.15 + 0.7 * offset / lines;
                    Rectangle::new([(left, 0.0), (left + 0.62 / lines, *value)], color.filled())
                });
                chart
                    .draw_series(bars)
                    .map_err(|error| drawn(&error))?
                    .label(&line.name)
                    .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled()));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .border_style(BLACK.mix(0.2))
                .background_style(WHITE.mix(0.8))
                .draw()
                .map_err(|error| drawn(&error))?;
            root.present().map_err(|error| drawn(&error))?;
        }
        Ok(svg)
    }

    fn label(&self, x: f64) -> String {
        let middle = (x.fract() - 0.5).abs() < 0.01;
        let place = (0_u32..)
            .zip(&self.labels)
            .find(|(place, _)| f64::from(*place) + 1.0 > x);
        match place {
            Some((_, label)) if middle => label.clone(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_lines_and_its_places() {
        let lines = vec![
            Line::new("intake", vec![1.0, 2.0]),
            Line::new("the peer", vec![0.5, 0.6]),
        ];
        let plot = Plot::new(
            "Leads a second",
            "processes",
            vec!["1".to_owned(), "8".to_owned()],
            lines,
        );
        let svg = plot.svg().unwrap();
        for text in ["Leads a second", "processes", "intake", "the peer", "\n8\n"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(
            plot.table().contains("the peer                 0.50  0.60"),
            "{}",
            plot.table()
        );
    }
}
