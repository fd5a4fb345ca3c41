//! Tables and figures within the page.

use super::data;
use super::element::{element, marked, unmarked};
use super::inline;
use crate::experiments::exhibit::{Body, Exhibit, Film, Table};
use crate::report::drawn::Figure;
use crate::report::figure::PartKind;
use base64::prelude::{BASE64_STANDARD, Engine};

/// An exhibit with its caption, a way to what it was measured with, and the numbers behind it.
pub(super) fn shown(exhibit: &Exhibit, figure: Option<&Figure>, experiment: &str) -> String {
    let name = &exhibit.name;
    let own = element("figure").with("id", &place(exhibit));
    let caption = caption(exhibit, experiment);
    let (class, inside) = match (&exhibit.body, figure) {
        (Body::Table(rows), _) => ("exhibit tabular", caption + &table(rows, exhibit)),
        (Body::Lines(_) | Body::Charts(_), Some(figure)) => {
            let charts = match &exhibit.body {
                Body::Lines(lines) => std::slice::from_ref(lines),
                Body::Charts(charts) => charts.as_slice(),
                _ => &[],
            };
            let chart = picture(exhibit, figure) + &data::chart(name, charts);
            let read =
                element("div").with("class", "readout").with("id", &format!("values-{name}"));
            ("exhibit chart", chart + &read.around("") + &caption)
        }
        (Body::Film(film), Some(figure)) => {
            let moving = player(name, film) + &data::film(name, film);
            ("exhibit film", moving + &picture(exhibit, figure) + &caption)
        }
        (_, Some(figure)) => ("exhibit map", picture(exhibit, figure) + &caption),
        (_, None) => ("exhibit", caption),
    };
    own.with("class", class).around(&inside) + "\n"
}

/// Where an exhibit stands; a table and a figure may have one name.
fn place(exhibit: &Exhibit) -> String {
    let kind = if matches!(exhibit.body, Body::Table(_)) { "table" } else { "figure" };
    format!("{kind}-{}", exhibit.name)
}

fn caption(exhibit: &Exhibit, experiment: &str) -> String {
    let protocol = element("a")
        .with("class", "protocol-link")
        .with("href", &format!("#protocol-{experiment}"))
        .saying("Protocol");
    let caption = element("figcaption").with("id", &format!("caption-{}", place(exhibit)));
    caption.around(&format!("{} {protocol}", marked(&exhibit.caption)))
}

/// A table in a box of its own, which scrolls where the page is narrow.
fn table(table: &Table, exhibit: &Exhibit) -> String {
    let is_number = |column: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(column));
        column > 0 && cells.all(|cell| is_number(cell))
    };
    let numbers: Vec<bool> = (0..table.header.len()).map(is_number).collect();
    let cell = |kind: &'static str, column: usize| {
        let cell = element(kind);
        if numbers[column] { cell.with("class", "number") } else { cell }
    };
    let titles = table.header.iter().enumerate();
    let titles: String =
        titles.map(|(i, text)| cell("th", i).with("scope", "col").saying(text)).collect();
    let row = |row: &Vec<String>| {
        let cells = row.iter().enumerate().take(numbers.len());
        let cells = cells.map(|(i, text)| match i {
            0 => element("th").with("scope", "row").saying(text),
            _ => cell("td", i).saying(text),
        });
        element("tr").around(&cells.collect::<String>()) + "\n"
    };
    let rows: String = table.rows.iter().map(row).collect();
    let head = element("thead").around(&element("tr").around(&titles));
    let whole = element("table").around(&format!("{head}\n{}", element("tbody").around(&rows)));
    element("div")
        .with("class", "scroll")
        .with("role", "region")
        .with("tabindex", "0")
        .with("aria-labelledby", &format!("caption-{}", place(exhibit)))
        .around(&whole)
}

/// Whether a cell belongs to a column of numbers: it begins with one, is empty or says why there is none.
fn is_number(cell: &str) -> bool {
    let start = cell.trim_start_matches(['-', '−', '+', '≤', '≥', ' ']);
    let is_digit = start.starts_with(|c: char| c.is_ascii_digit() || c == '∞');
    is_digit || ["", "never", "NaN", "inf"].contains(&start)
}

/// The drawing, as SVG or as pixels, whichever is smaller; of a chart with where on it x begins and ends,
/// as shares of its width.
fn picture(exhibit: &Exhibit, figure: &Figure) -> String {
    let caption = unmarked(&exhibit.caption);
    let is_small = figure.svg.len() <= figure.png.len() / 3 * 4;
    let (width, height) = figure.drawing.size();
    let inside = if is_small {
        inline::inlined(&figure.svg, &exhibit.name)
    } else {
        let source = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&figure.png));
        let image = element("img").with("src", &source).with("alt", &caption);
        image.with("width", &width.to_string()).with("height", &height.to_string()).alone()
    };
    let is_chart = matches!(exhibit.body, Body::Lines(_) | Body::Charts(_));
    let mut paper = element("div").with("class", if is_chart { "paper lines" } else { "paper" });
    if is_small {
        paper = paper.with("role", "img").with("aria-label", &caption);
    }
    if matches!(exhibit.body, Body::Lines(_)) {
        for part in figure.drawing.parts() {
            let PartKind::Across { first, last } = part.kind else { continue };
            let share = |x: f64| format!("{:.5}", x / width);
            paper = paper
                .with("data-from", &share(part.place.left))
                .with("data-to", &share(part.place.right))
                .with("data-first", &first.to_string())
                .with("data-last", &last.to_string());
        }
    }
    let zoom = element("button")
        .with("type", "button")
        .with("class", "zoom")
        .with("aria-label", &format!("Enlarge {}", exhibit.name))
        .saying("⤢");
    element("div").with("class", "stage").around(&(paper.around(&inside) + &zoom))
}

/// The frames of a film one after the other; the script fills it.
fn player(name: &str, film: &Film) -> String {
    let label = format!("Frames of {name}, one after the other");
    let count = film.columns.len().to_string();
    element("div")
        .with("class", "player")
        .with("id", &format!("player-{name}"))
        .with("role", "group")
        .with("aria-label", &label)
        .with("data-frames", &count)
        .around("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_numbers_are_told_from_words() {
        for number in ["0.25", "-1e-3", "−∞", "", "never", "1.3e-1 ± 6.7e-3", "350 (1 of 2 seeds)"]
        {
            assert!(is_number(number), "{number}");
        }
        for word in ["G-RNN", "zero", "from the encoder on"] {
            assert!(!is_number(word), "{word}");
        }
    }
}
