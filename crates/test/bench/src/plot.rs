//! A plot as SVG: cost against size, both axes logarithmic.

use std::fmt::Write;

const COLOURS: [&str; 7] = [
    "#c0392b", "#2c3e50", "#2980b9", "#27ae60", "#8e44ad", "#7f8c8d", "#d35400",
];
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// One line: its name, and points of size and cost.
pub(crate) type Line<'a> = (&'a str, Vec<(f64, f64)>);

pub(crate) fn svg(title: &str, unit: &str, lines: &[Line<'_>]) -> String {
    let axes = Axes::around(lines);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    axes.grid(&mut out, unit);
    let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">entries</text>",
        HEIGHT - 10.0
    );
    for (index, line) in lines.iter().enumerate() {
        axes.line(&mut out, index, line);
    }
    out + "</svg>\n"
}

/// The powers of ten at both ends of each axis.
struct Axes {
    sizes: (f64, f64),
    costs: (f64, f64),
}

impl Axes {
    fn around(lines: &[Line<'_>]) -> Axes {
        let points = || lines.iter().flat_map(|(_, points)| points);
        let bounds = |of: fn(&(f64, f64)) -> f64| {
            let least = points()
                .map(of)
                .fold(f64::INFINITY, f64::min)
                .log10()
                .floor();
            let most = points().map(of).fold(0.0, f64::max).log10().ceil();
            (least, most.max(least + 1.0))
        };
        Axes {
            sizes: bounds(|point| point.0),
            costs: bounds(|point| point.1),
        }
    }

    fn across(&self, size: f64) -> f64 {
        let (least, most) = self.sizes;
        LEFT + (size.log10() - least) / (most - least) * (WIDTH - LEFT - RIGHT)
    }

    fn down(&self, cost: f64) -> f64 {
        let (least, most) = self.costs;
        HEIGHT - BOTTOM - (cost.log10() - least) / (most - least) * (HEIGHT - TOP - BOTTOM)
    }

    /// A line and a number at each power of ten.
    fn grid(&self, out: &mut String, unit: &str) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for size in powers(self.sizes) {
            let at = self.across(size);
            let path = format!("M{at:.1} {TOP}V{bottom}");
            mark(out, &path, (at, bottom + 18.0), "middle", &number(size));
        }
        for cost in powers(self.costs) {
            let at = self.down(cost);
            let path = format!("M{LEFT} {at:.1}H{right}");
            let text = format!("{} {unit}", number(cost));
            mark(out, &path, (LEFT - 6.0, at + 4.0), "end", &text);
        }
    }

    fn line(&self, out: &mut String, index: usize, (name, points): &Line<'_>) {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|&(size, cost)| format!("{:.1} {:.1}", self.across(size), self.down(cost)))
            .collect();
        let _ = writeln!(
            out,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        for &(size, cost) in points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                self.across(size),
                self.down(cost)
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            WIDTH - RIGHT + 10.0,
            TOP + 14.0 + 18.0 * index as f64
        );
    }
}

fn powers((least, most): (f64, f64)) -> impl Iterator<Item = f64> {
    (least as i32..=most as i32).map(|power| 10f64.powi(power))
}

fn mark(out: &mut String, path: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(
        out,
        "<path d=\"{path}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn number(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}
