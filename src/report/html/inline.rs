//! Drawings made to stand inside a page.

use crate::experiments::exhibit::Lines;

/// Where the first and last x of a chart stand on its drawing.
#[derive(Debug, PartialEq)]
pub(super) struct Ends {
    /// In units of the drawing.
    pub pixels: (f64, f64),
    /// In units of the chart.
    pub values: (f64, f64),
}

/// An SVG without its extents, which the page decides, and with names that no other drawing has.
pub(super) fn inlined(svg: &str, name: &str) -> String {
    let svg = &svg[svg.find("<svg").unwrap_or(0)..];
    let (start, inside) = svg.split_at(svg.find('>').unwrap_or(0));
    let mut start = start.to_string();
    for extent in ["width", "height"] {
        if let Some(value) = attribute(&start, extent) {
            start = start.replacen(&format!(" {extent}=\"{value}\""), "", 1);
        }
    }
    let mut inside = inside.trim_end().to_string();
    for reference in [" id=\"", "url(#", "href=\"#"] {
        inside = inside.replace(reference, &format!("{reference}{name}-"));
    }
    format!("{start} aria-hidden=\"true\" focusable=\"false\"{inside}")
}

/// The value of an attribute of an element's start.
fn attribute<'a>(start: &'a str, name: &str) -> Option<&'a str> {
    let from = start.find(&format!(" {name}=\""))? + name.len() + 3;
    start[from..].split('"').next()
}

/// Width and height of a drawing.
pub(super) fn extents(svg: &str) -> Option<(f64, f64)> {
    let start = &svg[svg.find("<svg")?..];
    let start = &start[..start.find('>')?];
    let size = |name| attribute(start, name)?.trim_end_matches("px").parse().ok();
    Some((size("width")?, size("height")?))
}

/// Finds a chart's longest line on its drawing, and with it where x begins and ends; `None` where it
/// cannot be told from the rest.
///
/// The drawing is read rather than asked, so that whatever draws a line as one `points` or `d` with a
/// place per value can be pointed at.
pub(super) fn ends_of_lines(svg: &str, lines: &Lines) -> Option<Ends> {
    let is_shown = |v: f64| v.is_finite() && v > 0.0;
    let shown = lines.series.iter().map(|series| {
        let points = series.points.iter();
        points.take_while(|p| is_shown(p.mean) && is_shown(p.low) && is_shown(p.high)).count()
    });
    let (place, count) =
        shown.enumerate().max_by_key(|(place, count)| (*count, usize::MAX - place))?;
    if count < 3 {
        return None;
    }
    let points = &lines.series[place].points;
    let values = (points[0].x, points[count - 1].x);
    let step = |i: usize| (points[i].x - values.0) / (values.1 - values.0);
    let is_line = |xs: &Vec<f64>| {
        let (first, last) = (xs[0], xs[count - 1]);
        let is_near = |(i, x): (usize, &f64)| (first + step(i) * (last - first) - x).abs() <= 1.5;
        last > first && xs.iter().enumerate().all(is_near)
    };
    let drawn = ["points=\"", " d=\""].into_iter().flat_map(|start| {
        svg.match_indices(start).map(move |(place, _)| abscissas(&svg[place + start.len()..]))
    });
    let xs = drawn.filter(|xs| xs.len() == count).find(is_line)?;
    Some(Ends { pixels: (xs[0], xs[count - 1]), values })
}

/// Every second number of an attribute's value.
fn abscissas(value: &str) -> Vec<f64> {
    let value = value.split('"').next().unwrap_or("");
    let is_no_number = |c: char| !(c.is_ascii_digit() || ".-".contains(c));
    let numbers = value.split(is_no_number).filter(|part| !part.is_empty());
    numbers.step_by(2).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::exhibit::{Point, Scale, Series};
    use crate::report::lines;

    fn chart(xs: &[f64], shade: Option<(f64, f64)>) -> Lines {
        let point = |&x: &f64| Point { x, mean: 1.0 + x.abs(), low: 0.9, high: 2.0 + x.abs() };
        Lines {
            x_label: "x".into(),
            y_label: "y".into(),
            series: vec![Series { name: "a".into(), points: xs.iter().map(point).collect() }],
            scale: Scale::Logarithmic,
            mark: None,
            shade,
        }
    }

    /// The reader and what draws charts must agree, or pointing at a chart tells nothing.
    #[test]
    fn the_ends_of_drawn_charts_are_found() {
        for xs in [&[1.0, 2.0, 4.0, 9.0, 25.0][..], &[-135.0, -90.0, -45.0, 0.0, 45.0]] {
            let chart = chart(xs, Some((xs[0], xs[1])));
            let drawing = lines::draw(&chart).unwrap();
            let ends = ends_of_lines(drawing.svg(), &chart).expect("the line is found");
            assert_eq!(ends.values, (xs[0], xs[4]));
            let (width, _) = extents(drawing.svg()).unwrap();
            assert!(0.0 < ends.pixels.0 && ends.pixels.0 < 0.3 * width, "{ends:?}");
            assert!(0.7 * width < ends.pixels.1 && ends.pixels.1 < width, "{ends:?}");
        }
        assert_eq!(ends_of_lines("<svg></svg>", &chart(&[1.0, 2.0, 3.0], None)), None);
    }

    #[test]
    fn names_inside_a_drawing_are_its_own() {
        let svg = "<?xml version=\"1.0\"?>\n<svg width=\"4\" height=\"2\" viewBox=\"0 0 4 2\">\
                   <g id=\"a\"/><use href=\"#a\" fill=\"url(#b)\"/></svg>\n";
        let inside = inlined(svg, "film");
        assert!(inside.starts_with("<svg viewBox=\"0 0 4 2\" "), "{inside}");
        for part in ["id=\"film-a\"", "href=\"#film-a\"", "url(#film-b)"] {
            assert!(inside.contains(part), "{inside}");
        }
        assert_eq!(extents(svg), Some((4.0, 2.0)));
    }
}
