//! Line charts as code and data for pgfplots, for authors who want to restyle them.

use super::escape::escaped;
use crate::experiments::exhibit::{Lines, Point, Scale, Series, Trace};
use crate::report::figure::{Look, Marker, looks};

/// The charts of an exhibit, a picture each: axes, and a line with its table for every series.
pub(in crate::report) fn pgfplots(charts: &[Lines]) -> String {
    let mut page = String::from(
        "% Needs \\usepackage{pgfplots} and \\pgfplotsset{compat=1.16}. Means are drawn; lowest and highest values are \
         in the tables.\n",
    );
    let all = || charts.iter().flat_map(|lines| &lines.series);
    let subjects: Vec<_> = all().map(|one| (&one.subject, one.trace)).collect();
    let mut looks = looks(&subjects).into_iter();
    charts.iter().for_each(|lines| page += &picture(lines, &mut looks));
    page
}

/// A chart, with the looks of its series, which those of all panels of a figure share.
fn picture(lines: &Lines, looks: &mut impl Iterator<Item = Look>) -> String {
    let mut picture = String::from("\\begin{tikzpicture}\n\\begin{axis}[\n");
    for (key, text) in
        [("title", &lines.title), ("xlabel", &lines.x_label), ("ylabel", &lines.y_label)]
    {
        if !text.is_empty() {
            picture += &format!("  {key}={{{}}},\n", escaped(text));
        }
    }
    for (axis, scale) in [("x", lines.x_scale), ("y", lines.scale)] {
        if scale != Scale::Linear {
            picture += &format!("  {axis}mode=log,\n");
        }
    }
    picture += "  width=\\columnwidth, unbounded coords=jump, mark size=1.2pt,\n  legend columns=3, \
                legend style={at={(0.5,-0.22)}, anchor=north, draw=none},\n]\n";
    for (series, look) in lines.series.iter().zip(looks) {
        picture += &plot(series, &look);
    }
    if let Some(trained) = lines.trained {
        picture += &format!(
            "\\draw[dashed] ({{axis cs:{trained},0}} |- {{rel axis cs:0,0}}) -- ({{axis cs:{trained},0}} |- {{rel \
             axis cs:0,1}});\n"
        );
    }
    picture + "\\end{axis}\n\\end{tikzpicture}\n"
}

fn plot(series: &Series, look: &Look) -> String {
    let colour = look.colour;
    let mut style =
        vec![format!("color={{rgb,255:red,{};green,{};blue,{}}}", colour.0, colour.1, colour.2)];
    let lengths: Vec<String> = look
        .dash
        .chunks(2)
        .map(|pair| format!("on {}pt off {}pt", pair[0], pair.last().copied().unwrap_or(pair[0])))
        .collect();
    match series.trace {
        Trace::Points => style.push("only marks".into()),
        _ if lengths.is_empty() => {}
        _ => style.push(format!("dash pattern={}", lengths.join(" "))),
    }
    style.push(match series.trace {
        Trace::Theory => "no marks".into(),
        _ => format!("mark={}, mark options={{solid{}}}", mark(look.marker), turned(look.marker)),
    });
    let rows: String = series.points.iter().map(row).collect();
    format!(
        "\\addplot[{}] table[row sep=crcr, x=x, y=mean] {{%\nx mean low high\\\\\n{rows}}};\n\\addlegendentry{{{}}}\n",
        style.join(", "),
        escaped(&series.name)
    )
}

/// What is not finite is `nan`, where the line ends.
fn row(point: &Point) -> String {
    let number =
        |value: f64| if value.is_finite() { format!("{value:e}") } else { "nan".to_string() };
    let cells = [point.x, point.mean, point.low, point.high].map(number);
    format!("{}\\\\\n", cells.join(" "))
}

fn mark(marker: Marker) -> &'static str {
    match marker {
        Marker::Circle => "*",
        Marker::Ring => "o",
        Marker::Square => "square*",
        Marker::OpenSquare => "square",
        Marker::Triangle | Marker::Falling => "triangle*",
        Marker::OpenTriangle => "triangle",
        Marker::Diamond => "diamond*",
        Marker::OpenDiamond => "diamond",
        Marker::Cross => "x",
    }
}

fn turned(marker: Marker) -> &'static str {
    if marker == Marker::Falling { ",rotate=180" } else { "" }
}
