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
    let (x, y) = (bounds(|point| point.0), bounds(|point| point.1));
    let across = |value: f64| LEFT + (value.log10() - x.0) / (x.1 - x.0) * (WIDTH - LEFT - RIGHT);
    let down = |value: f64| {
        HEIGHT - BOTTOM - (value.log10() - y.0) / (y.1 - y.0) * (HEIGHT - TOP - BOTTOM)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut grid = |(least, most): (f64, f64),
                    line: &dyn Fn(f64) -> (String, f64, f64, &'static str),
                    unit: &str| {
        for power in least as i32..=most as i32 {
            let value = 10f64.powi(power);
            let (path, across, down, anchor) = line(value);
            let _ = writeln!(
                out,
                "<path d=\"{path}\" stroke=\"#ddd\"/><text x=\"{across:.1}\" y=\"{down:.1}\" text-anchor=\"{anchor}\">{}{unit}</text>",
                number(value)
            );
        }
    };
    grid(
        x,
        &|value| {
            let at = across(value);
            (
                format!("M{at:.1} {TOP}V{bottom}"),
                at,
                bottom + 18.0,
                "middle",
            )
        },
        "",
    );
    grid(
        y,
        &|value| {
            let at = down(value);
            (
                format!("M{LEFT} {at:.1}H{right}"),
                LEFT - 6.0,
                at + 4.0,
                "end",
            )
        },
        &format!(" {unit}"),
    );
    let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">entries</text>",
        HEIGHT - 10.0
    );
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|&(size, cost)| format!("{:.1} {:.1}", across(size), down(cost)))
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
                across(size),
                down(cost)
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            WIDTH - RIGHT + 10.0,
            TOP + 14.0 + 18.0 * index as f64
        );
    }
    out + "</svg>\n"
}

fn number(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}
