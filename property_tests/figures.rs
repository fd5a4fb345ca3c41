//! Figures as they are printed: of everything that is committed, in every width, the laws of layout hold; what is
//! broken on purpose is found.

use fernn::experiments::exhibit::{Body, Film, FilmRow, Tone};
use fernn::experiments::{CATALOGUE, Evidence, Experiment, Records};
use fernn::report::{
    Drawing, Part, PartKind, Rect, VerifyResults, Width, draw, equivariance_figures, film_strip,
};
use fernn::verification::{ErrorPoint, Row, counter_example};
use std::path::{Path, PathBuf};

/// The least size of text that journals print, in points.
const LEAST: f64 = 7.0;

fn results() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        folders.map(|folder| folder.join("records.csv")).filter(|path| path.exists()).collect();
    all.sort();
    all
}

fn committed<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(name);
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

/// The figures of `verify`, from its committed numbers.
fn of_verify(width: Width) -> Vec<(String, Drawing)> {
    let points = |name: &str| -> Vec<ErrorPoint> { committed(&format!("equivariance/{name}.csv")) };
    let rows: Vec<Row> = committed("equivariance.csv");
    let measured = VerifyResults {
        rows: &rows,
        by_step: &points("error_by_step"),
        by_velocity: &points("error_by_velocity"),
        rotation_by_step: &points("rotation_by_step"),
        by_angle: &points("rotation_by_angle"),
        counter_examples: &[counter_example(0).unwrap(), counter_example(1).unwrap()],
    };
    let named = |(name, drawing): (&str, Drawing)| (format!("{name} of verify"), drawing);
    equivariance_figures(&measured, width).into_iter().map(named).collect()
}

/// The figures of all committed records, with their names.
fn figures(width: Width) -> Vec<(String, Drawing)> {
    let mut all = of_verify(width);
    for path in results() {
        let evidence = Evidence::read(&path).unwrap();
        let records = Records(&evidence);
        let present = records.experiments();
        let has = |experiment: &&&dyn Experiment| present.contains(&experiment.name());
        for experiment in CATALOGUE.iter().filter(has) {
            for exhibit in experiment.exhibits(records).unwrap() {
                if exhibit.body.is_empty() {
                    continue;
                }
                let name = format!("{} of {}", exhibit.name, path.display());
                all.extend(draw(&exhibit, width).map(|drawing| (name, drawing)));
            }
        }
    }
    all
}

fn rect(left: f64, top: f64, right: f64, bottom: f64) -> Rect {
    Rect { left, top, right, bottom }
}

/// What would not print well.
fn faults(parts: &[Part], (width, height): (f64, f64)) -> Vec<String> {
    let page = rect(0.0, 0.0, width, height);
    let of = |is_kind: fn(&PartKind) -> bool| parts.iter().filter(move |part| is_kind(&part.kind));
    let mut faults = Vec::new();
    for part in parts {
        if !page.holds(&part.place) {
            faults.push(format!("{:?} is cut by the edge: {:?}", part.kind, part.place));
        }
        if let PartKind::Text { words, points } = &part.kind
            && *points < LEAST
        {
            faults.push(format!("{words:?} has {points} points"));
        }
    }
    let keys: Vec<&Part> = of(|kind| *kind == PartKind::Key).collect();
    for (i, key) in keys.iter().enumerate() {
        for plot in
            of(|kind| *kind == PartKind::Plot).filter(|plot| plot.place.overlaps(&key.place))
        {
            faults.push(format!("a legend lies over data: {:?} {:?}", key.place, plot.place));
        }
        for other in keys[..i].iter().filter(|other| other.place.overlaps(&key.place)) {
            faults.push(format!("labels cover each other: {:?} {:?}", key.place, other.place));
        }
    }
    faults.extend(covered(parts));
    faults.extend(alike(parts));
    faults
}

/// Words over words. Ascenders and descenders of neighbours may meet.
fn covered(parts: &[Part]) -> Vec<String> {
    const MEET: f64 = 1.0;
    let words = parts.iter().filter_map(|part| match &part.kind {
        PartKind::Text { words, .. } => Some((words, part.place)),
        _ => None,
    });
    let words: Vec<(&String, Rect)> = words.collect();
    let inside = |r: Rect| rect(r.left + MEET, r.top + MEET, r.right - MEET, r.bottom - MEET);
    let mut faults = Vec::new();
    for (i, (first, place)) in words.iter().enumerate() {
        for (second, _) in
            words[..i].iter().filter(|(_, other)| inside(*other).overlaps(&inside(*place)))
        {
            faults.push(format!("{first:?} covers {second:?}"));
        }
    }
    faults
}

/// Lines of different names with one look.
fn alike(parts: &[Part]) -> Vec<String> {
    let lines = parts.iter().filter_map(|part| match &part.kind {
        PartKind::Line { name, look } => Some((name, look)),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    let mut faults = Vec::new();
    for (i, (name, look)) in lines.iter().enumerate() {
        for (other, _) in lines[..i].iter().filter(|(other, same)| other != name && same == look) {
            faults.push(format!("{name} and {other} look alike: {look}"));
        }
    }
    faults
}

/// Whether anything but white is on the outermost pixels of a picture.
fn touches_the_edge(png: &[u8]) -> bool {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let (width, height) = (info.width as usize, info.height as usize);
    let is_ink = |x: usize, y: usize| pixels[3 * (y * width + x)..][..3] != [255, 255, 255];
    let sides = (0..height).any(|y| is_ink(0, y) || is_ink(width - 1, y));
    sides || (0..width).any(|x| is_ink(x, 0) || is_ink(x, height - 1))
}

#[test]
fn every_committed_figure_prints_in_every_width() {
    let mut found = Vec::new();
    for name in ["3.25", "neurips", "nature-single", "nature-double", "3"] {
        let width: Width = name.parse().unwrap();
        let figures = figures(width);
        assert!(figures.len() >= 30, "only {} figures", figures.len());
        for (figure, drawing) in figures {
            let (across, down) = drawing.size();
            let mut faults = faults(drawing.parts(), drawing.size());
            if across > width.text() + 1e-9 || down > 9.0 * 72.0 {
                faults.push(format!("{across} × {down} points are too many for a page"));
            }
            found.extend(faults.into_iter().map(|fault| format!("{figure} at {name}: {fault}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_ink_touches_the_edge_and_sizes_are_as_asked() {
    let width = Width::default();
    for (figure, drawing) in figures(width) {
        let (across, down) = drawing.size();
        let svg = drawing.svg().unwrap();
        assert!(svg.contains(&format!("width=\"{}in\"", trimmed(across / 72.0))), "{figure}");
        assert!(!svg.contains("<text") && !svg.contains("font-family"), "{figure}");
        let sizes = svg.split("data-points=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        assert!(sizes.clone().all(|size| size.parse::<f64>().unwrap() >= LEAST), "{figure}");
        assert!(sizes.count() > 3, "{figure} has no text");
        let png = drawing.png().unwrap();
        assert!(!touches_the_edge(&png), "{figure}");
        let pdf = drawing.pdf();
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"), "{figure}");
        let page = format!("/MediaBox [0 0 {} {}]", trimmed(across), trimmed(down));
        let text = String::from_utf8_lossy(&pdf);
        let of_page = text.split("/MediaBox [0 0 ").nth(1).and_then(|rest| rest.split(']').next());
        let sides: Vec<f64> =
            of_page.unwrap().split(' ').map(|side| side.parse().unwrap()).collect();
        assert!((sides[0] - across).abs() < 1e-3 && (sides[1] - down).abs() < 1e-3, "{page}");
        assert!(text.contains("/FontFile2"), "{figure} carries no font");
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let width = Width::default();
    for ((figure, one), (_, other)) in figures(width).into_iter().zip(figures(width)) {
        assert_eq!(one.svg().unwrap(), other.svg().unwrap(), "{figure}");
        assert_eq!(one.png().unwrap(), other.png().unwrap(), "{figure}");
        assert_eq!(one.pdf(), other.pdf(), "{figure}");
    }
}

/// SVG and PNG are drawn apart: another program must see in the one what is in the other.
#[test]
fn the_svg_shows_what_the_png_shows() {
    let figures = figures(Width::default());
    let shown = ["training_curves", "film", "kth_confusion", "cost"];
    for start in shown {
        let is_it = |(name, _): &&(String, Drawing)| name.starts_with(&format!("{start} of"));
        let (figure, drawing) = figures.iter().find(is_it).expect("it is committed");
        let tree =
            resvg::usvg::Tree::from_str(&drawing.svg().unwrap(), &Default::default()).unwrap();
        let ours = resvg::tiny_skia::Pixmap::decode_png(&drawing.png().unwrap()).unwrap();
        let mut theirs = resvg::tiny_skia::Pixmap::new(ours.width(), ours.height()).unwrap();
        theirs.fill(resvg::tiny_skia::Color::WHITE);
        let scale = ours.width() as f32 / tree.size().width();
        let scale = resvg::tiny_skia::Transform::from_scale(scale, scale);
        resvg::render(&tree, scale, &mut theirs.as_mut());
        let pairs = ours.data().iter().zip(theirs.data());
        let differing = pairs.filter(|(a, b)| a.abs_diff(**b) > 64).count();
        let share = differing as f64 / ours.data().len() as f64;
        assert!(share < 0.01, "{figure} differs in {share}");
        let ink =
            ours.data().iter().filter(|v| **v < 128).count() as f64 / ours.data().len() as f64;
        assert!(ink > 0.01, "{figure} is blank");
    }
}

fn text(words: &str, points: f64, place: Rect) -> Part {
    Part { kind: PartKind::Text { words: words.into(), points }, place }
}

#[test]
fn what_does_not_print_is_found() {
    let page = (100.0, 100.0);
    let at = |x: f64| rect(x, 10.0, x + 30.0, 18.0);
    let plot = Part { kind: PartKind::Plot, place: rect(10.0, 30.0, 90.0, 90.0) };
    let key = |top: f64| Part { kind: PartKind::Key, place: rect(20.0, top, 60.0, top + 8.0) };
    let line = |name: &str, look: &str| {
        let kind = PartKind::Line { name: name.into(), look: look.into() };
        Part { kind, place: plot.place }
    };
    let good = [
        text("a", 7.0, at(5.0)),
        text("b", 7.0, at(40.0)),
        plot.clone(),
        key(20.0),
        line("a", "x"),
    ];
    assert_eq!(faults(&good, page), Vec::<String>::new());
    let bad = [
        (text("small", 5.0, at(70.0)), "5 points"),
        (text("long", 7.0, at(72.0)), "cut by the edge"),
        (text("over", 7.0, at(20.0)), "covers"),
        (key(40.0), "over data"),
        (key(16.0), "labels cover"),
        (line("b", "x"), "look alike"),
    ];
    for (part, found) in bad {
        let parts: Vec<Part> = good.iter().cloned().chain([part]).collect();
        let faults = faults(&parts, page);
        assert!(faults.iter().any(|fault| fault.contains(found)), "{found}: {faults:?}");
    }
}

#[test]
fn ink_at_the_edge_is_seen() {
    let picture = |ink: Option<usize>| {
        let mut pixels = vec![255u8; 3 * 7 * 5];
        if let Some(place) = ink {
            pixels[3 * place] = 0;
        }
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 7, 5);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        touches_the_edge(&bytes)
    };
    assert!(!picture(None) && !picture(Some(7 + 3)));
    assert!([0, 6, 7, 13, 30].map(|place| picture(Some(place))).iter().all(|touches| *touches));
}

/// The notes of an SVG: model, vx, vy and value each.
fn notes(svg: &str) -> Vec<(String, i32, i32, f64)> {
    let note = |text: &str| {
        let (name, rest) = text.split_once(" at (")?;
        let (place, value) = rest.split_once("): ")?;
        let (x, y) = place.split_once(", ")?;
        Some((name.to_string(), x.parse().ok()?, y.parse().ok()?, value.parse().ok()?))
    };
    let texts = svg.split("<title>").skip(1).filter_map(|rest| rest.split("</title>").next());
    texts.filter_map(note).collect()
}

#[test]
fn a_pointer_is_told_the_value_of_every_cell_of_a_map() {
    let mut count = 0;
    for path in results() {
        let evidence = Evidence::read(&path).unwrap();
        let records = Records(&evidence);
        let present = records.experiments();
        for experiment in CATALOGUE.iter().filter(|e| present.contains(&e.name())) {
            for exhibit in experiment.exhibits(records).unwrap() {
                let Body::HeatMaps(maps) = &exhibit.body else { continue };
                let told = notes(&draw(&exhibit, Width::default()).unwrap().svg().unwrap());
                let cells = maps.panels.iter().flat_map(|panel| {
                    panel.cells.iter().map(|cell| (panel.name.clone(), cell.0, cell.1, cell.2))
                });
                let cells: Vec<_> = cells.collect();
                assert_eq!(told.len(), cells.len(), "{}", exhibit.name);
                for (told, cell) in told.iter().zip(&cells) {
                    assert_eq!((&told.0, told.1, told.2), (&cell.0, cell.1, cell.2));
                    assert!((told.3 - cell.3).abs() <= 1e-3 * cell.3.abs(), "{told:?} {cell:?}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 75, "only {count} cells were seen");
}

#[test]
fn a_film_beside_a_name_as_wide_as_its_column_has_frames() {
    let pixels = vec![vec![0.0, 0.5, 1.0]; 2];
    let frames = vec![Some(pixels); 9];
    let row = |name: String| FilmRow { name, frames: frames.clone(), tone: Tone::Intensity };
    let columns = (0..9).map(|t| t.to_string()).collect();
    let film = Film { columns, rows: vec![row("FERNN-V2147483647 ".repeat(9))], in_motion: false };
    let strip = film_strip(&film, Width::default());
    strip.png().expect("frames have an extent");
    let plots: Vec<&Part> = strip.parts().iter().filter(|p| p.kind == PartKind::Plot).collect();
    assert_eq!(plots.len(), 9);
    assert!(plots.iter().all(|p| p.place.width() > 3.0 && p.place.right <= strip.size().0));
}

#[test]
fn a_film_of_one_frame_has_room_for_its_bars() {
    let row = |tone| FilmRow { name: "h".into(), frames: vec![Some(vec![vec![0.5]])], tone };
    let rows = vec![row(Tone::Error), row(Tone::Hidden)];
    let film = Film { columns: vec!["0".into()], rows, in_motion: false };
    film_strip(&film, Width::default()).png().expect("bars have an extent");
}
