//! The report: pages that are well formed, load nothing, and say what the records say.

#[path = "report/markup.rs"]
mod markup;
#[path = "report/values.rs"]
mod values;

use fernn::experiments::exhibit::{Body, Lines};
use fernn::experiments::{CATALOGUE, Evidence, Metric, Outcome, Record, Records, Subject};
use fernn::report::{Findings, Format, write_report};
use markup::Node;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FORMATS: [Format; 3] = [Format::Markdown, Format::Html, Format::Latex];

/// The committed runs.
fn runs() -> Vec<PathBuf> {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let folders = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path());
    let mut runs: Vec<PathBuf> = folders.filter(|path| path.join("records.csv").exists()).collect();
    runs.sort();
    assert!(runs.len() >= 6);
    runs
}

fn quick() -> Evidence {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    Evidence::read(&results.join("quick/records.csv")).unwrap()
}

/// The page of some evidence, as text and read back.
fn page(evidence: &Evidence) -> (String, Node) {
    let out = tempfile::tempdir().unwrap();
    write_report(evidence, CATALOGUE, &[Format::Html], out.path()).unwrap();
    let text = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    let node = markup::read(&text).unwrap_or_else(|problem| panic!("{problem}"));
    (text, node)
}

#[test]
fn pages_are_well_formed_and_every_name_in_them_is_unique() {
    for run in runs() {
        let evidence = Evidence::read(&run.join("records.csv")).unwrap();
        let (_, page) = page(&evidence);
        let names: Vec<&str> = page.all().iter().filter_map(|node| node.attribute("id")).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "{}", run.display());
        for node in page.all() {
            let target = node.attribute("href").and_then(|href| href.strip_prefix('#'));
            assert!(target.is_none_or(|name| unique.contains(name)), "{target:?}");
        }
    }
}

#[test]
fn a_page_has_every_claim_and_every_exhibit_once() {
    for run in runs() {
        let evidence = Evidence::read(&run.join("records.csv")).unwrap();
        let out = tempfile::tempdir().unwrap();
        let findings = write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
        let text = std::fs::read_to_string(out.path().join("report.html")).unwrap();
        let page = markup::read(&text).unwrap();
        for verdict in &findings.verdicts {
            let claim = page.named(&format!("claim-{}", verdict.claim.id));
            let words = verdict.claim.words.replace('`', "");
            assert!(claim.whole_text().contains(&words), "{}", verdict.claim.id);
            let drawn = claim.of("svg").len();
            assert_eq!(drawn, usize::from(verdict.measured.is_some()), "{}", verdict.claim.id);
        }
        assert_tiles(&page, &findings);
        let mut shown = 0;
        for (folder, kind, extension) in [("tables", "table", "csv"), ("figures", "figure", "svg")]
        {
            let Ok(files) = std::fs::read_dir(out.path().join(folder)) else { continue };
            let files = files.map(|file| file.unwrap().path());
            for file in files.filter(|file| file.extension().unwrap() == extension) {
                let name = file.file_stem().unwrap().to_str().unwrap();
                page.named(&format!("{kind}-{name}"));
                shown += 1;
            }
        }
        let figures = page.of("figure").len();
        assert!(figures == shown && shown > 0, "{figures} of {shown} in {}", run.display());
    }
}

/// The counts at the top are those of the claims, with those of experiments that were not run.
fn assert_tiles(page: &Node, findings: &Findings) {
    let is_tile = |node: &&Node| node.attribute("data-outcome").is_some();
    let tiles: Vec<&Node> = page.all().into_iter().filter(is_tile).collect();
    if findings.verdicts.is_empty() {
        return assert!(tiles.is_empty());
    }
    let left_out: usize = findings.left_out.iter().map(|one| one.claims).sum();
    for (tile, outcome) in tiles.iter().zip([
        Outcome::Reproduced,
        Outcome::NotReproduced,
        Outcome::Inconclusive,
        Outcome::NotRun,
    ]) {
        let own = findings.verdicts.iter().filter(|v| v.outcome == outcome).count();
        let expected = own + if outcome == Outcome::NotRun { left_out } else { 0 };
        assert_eq!(tile.children[0].text, expected.to_string(), "{}", outcome.name());
        assert!(tile.whole_text().contains(outcome.name()));
    }
    assert_eq!(tiles.len(), 4);
}

#[test]
fn pages_load_nothing_from_anywhere() {
    let (_, page) = page(&quick());
    for node in page.all() {
        assert!(!["iframe", "object", "embed", "base"].contains(&node.name.as_str()));
        if let Some(source) = node.attribute("src") {
            assert!(source.starts_with("data:"), "{source}");
        }
        if let Some(target) = node.attribute("href") {
            let is_paper = node.name == "a" && target == fernn::experiments::paper::ADDRESS;
            let is_inside = target.starts_with('#') || target == "data:,";
            assert!(is_paper || is_inside, "{target}");
        }
        assert!(!node.attributes.keys().any(|name| name.starts_with("on")), "{node:?}");
    }
    let style: String = page.of("style").iter().map(|node| node.text.as_str()).collect();
    assert!(!style.contains("@import") && !style.contains("url("));
    for script in page.of("script") {
        for loader in ["fetch(", "XMLHttpRequest", "import(", "http"] {
            assert!(!script.text.contains(loader), "{loader}");
        }
    }
    let policy = page.of("meta").into_iter().find_map(|node| {
        let is_it = node.attribute("http-equiv") == Some("Content-Security-Policy");
        node.attribute("content").filter(|_| is_it)
    });
    assert!(policy.unwrap().starts_with("default-src 'none'"));
}

#[test]
fn pages_can_be_read_without_seeing_them() {
    for run in runs() {
        let (_, page) = page(&Evidence::read(&run.join("records.csv")).unwrap());
        let level = |node: &&Node| match node.name.as_bytes() {
            [b'h', digit @ b'1'..=b'6'] => Some(digit - b'0'),
            _ => None,
        };
        let levels: Vec<u8> = page.all().iter().filter_map(level).collect();
        assert_eq!(levels[0], 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1 && pair[1] > 1), "{levels:?}");
        for node in page.all() {
            let label = node.attribute("aria-label").unwrap_or("");
            match node.name.as_str() {
                "img" => assert!(node.attribute("alt").is_some_and(|alt| alt.len() > 20)),
                "button" => assert!(!label.is_empty() || !node.whole_text().trim().is_empty()),
                "svg" => {
                    let is_hidden = node.attribute("aria-hidden") == Some("true");
                    assert!(is_hidden || !label.is_empty());
                }
                _ => {}
            }
        }
        let papers = page.all().into_iter();
        let papers =
            papers.filter(|n| n.attribute("class").is_some_and(|c| c.starts_with("paper")));
        for paper in papers {
            let is_labelled = paper.attribute("aria-label").is_some_and(|label| label.len() > 20);
            assert!(is_labelled || !paper.of("img").is_empty());
        }
    }
}

/// Relative luminance as WCAG 2.2 has it.
fn luminance(colour: &str) -> f64 {
    let channel = |i: usize| {
        let value = f64::from(u8::from_str_radix(&colour[i..i + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn text_stands_out_from_its_ground_in_both_schemes() {
    let style = include_str!("../src/report/html/style.css");
    let mut schemes = 0;
    for block in style.split("color-scheme: ").filter(|block| block.contains("--ground: #")) {
        let block = &block[..block.find('}').unwrap()];
        let colour = |name: &str| {
            let value = block.split(&format!("--{name}: #")).nth(1);
            format!("#{}", &value.unwrap_or_else(|| panic!("{name} in {block}"))[..6])
        };
        let mut pairs = vec![("link", "surface"), ("link", "ground"), ("text", "raised")];
        for ground in ["ground", "surface", "raised"] {
            pairs.extend([("text", ground), ("muted", ground)]);
        }
        for tone in ["yes", "no", "unsure", "none"] {
            pairs.push((tone, "surface"));
            let soft = ["yes-soft", "no-soft", "unsure-soft", "none-soft"];
            pairs.push((tone, soft.into_iter().find(|s| s.starts_with(tone)).unwrap()));
        }
        for (text, ground) in pairs {
            let (a, b) = (luminance(&colour(text)), luminance(&colour(ground)));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2} in {block}");
        }
        schemes += 1;
    }
    assert_eq!(schemes, 3, "light, dark by the system, dark by the button");
}

#[test]
fn numbers_of_a_page_are_those_of_the_records() {
    let evidence = quick();
    let (_, shown) = page(&evidence);
    assert_eq!(values::wrong(&shown, &evidence), [""; 0]);
    // A page of other numbers is noticed, whichever they are.
    let spoilt = |metric: Metric| {
        let mut other = evidence.clone();
        let is_it = |r: &&mut Record| r.experiment == "translation" && r.metric == metric;
        let row = other.records.iter_mut().find(is_it).unwrap();
        row.value = row.value.map(|v| v * 1.25);
        other
    };
    let horizon = spoilt(Metric::MSE_BY_HORIZON);
    assert_eq!(values::wrong(&page(&horizon).1, &evidence).len(), 1);
    assert!(!values::wrong(&page(&spoilt(Metric::MSE)).1, &evidence).is_empty());
    let mut film = evidence.clone();
    let is_truth = |p: &&mut fernn::experiments::Picture| {
        p.experiment == "translation" && p.metric == Metric::FILM_TRUTH
    };
    film.pictures.iter_mut().find(is_truth).unwrap().pixels[17] = 0.4321;
    assert_eq!(values::wrong(&page(&film).1, &evidence).len(), 1);
}

#[test]
fn tables_of_a_page_are_those_of_the_files() {
    let evidence = quick();
    let out = tempfile::tempdir().unwrap();
    write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
    let text = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    let page = markup::read(&text).unwrap();
    let mut tables = 0;
    for file in std::fs::read_dir(out.path().join("tables")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().unwrap() != "csv" {
            continue;
        }
        let name = file.file_stem().unwrap().to_str().unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(&file).unwrap();
        let rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(String::from).collect()).collect();
        assert_eq!(values::cells(&page, name), rows, "{name}");
        tables += 1;
    }
    assert!(tables > 10);
}

/// Names and notes of another program's rows are text, whatever they look like.
#[test]
fn text_of_records_is_never_markup() {
    const HOSTILE: &str = "<script>alert('1')</script> & \"x\" \\input{y} | 5 % _^";
    let mut evidence = quick();
    let of_v2: Vec<Record> = evidence
        .records
        .iter()
        .filter(|r| r.experiment == "translation" && r.subject == Subject::new("FERNN-V2"))
        .cloned()
        .collect();
    evidence.records.extend(of_v2.into_iter().map(|mut row| {
        row.subject = Subject::new(HOSTILE);
        row
    }));
    evidence.records.push(Record::provenance("commit", HOSTILE));
    let out = tempfile::tempdir().unwrap();
    write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
    let text = read("report.html");
    assert!(!text.contains("<script>alert"));
    let page = markup::read(&text).unwrap();
    assert_eq!(page.of("script").iter().filter(|s| s.text.contains("alert")).count(), 2, "as data");
    let rows = values::cells(&page, "table1_translation");
    assert!(rows.iter().any(|row| row[0] == HOSTILE), "{rows:?}");
    let lines = values::data(&page, "training_curves");
    let names: Vec<&str> = lines["series"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["name"].as_str())
        .collect();
    assert!(names.contains(&HOSTILE), "{names:?}");
    assert!(page.named("provenance").name == "h2" && page.whole_text().contains(HOSTILE));
    let report = read("REPORT.md");
    assert!(
        !report.contains("| <script>") && !report.contains(" <script>alert"),
        "raw in Markdown"
    );
    let table = read("tables/table1_translation.tex");
    assert!(table.contains("\\textless{}script\\textgreater{}"), "{table}");
    assert!(table.contains("\\textbackslash{}input\\{y\\}") && !table.contains("\\input"));
}

#[test]
fn the_same_evidence_gives_the_same_bytes_in_every_format() {
    let evidence = quick();
    let products = |evidence: &Evidence| {
        let out = tempfile::tempdir().unwrap();
        write_report(evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
        let files = ["report.html", "report.tex", "figures.tex", "captions.tex", "REPORT.md"];
        files.map(|name| std::fs::read(out.path().join(name)).unwrap())
    };
    assert!(products(&evidence) == products(&evidence));
}

/// Line charts by name, with the points of all their series one after the other.
fn charts_of(evidence: &Evidence) -> Vec<(String, Vec<[f64; 4]>)> {
    let records = Records(evidence);
    let present = records.experiments();
    let exhibits = CATALOGUE
        .iter()
        .filter(|experiment| present.contains(&experiment.name()))
        .flat_map(|experiment| experiment.exhibits(records).unwrap());
    let points = |lines: &[Lines]| {
        let all = lines.iter().flat_map(|lines| &lines.series).flat_map(|series| &series.points);
        all.map(|p| [p.x, p.mean, p.low, p.high]).collect()
    };
    exhibits
        .filter_map(|exhibit| match &exhibit.body {
            Body::Lines(lines) if !lines.is_empty() => {
                Some((exhibit.name, points(std::slice::from_ref(lines))))
            }
            Body::Charts(charts) if charts.iter().any(|lines| !lines.is_empty()) => {
                let points = points(charts);
                Some((exhibit.name, points))
            }
            _ => None,
        })
        .collect()
}

/// The rows of the tables in pgfplots' code.
fn plotted(text: &str) -> Vec<[f64; 4]> {
    let row = |line: &str| -> Option<[f64; 4]> {
        let cells = line.strip_suffix("\\\\")?.split(' ').map(|cell| cell.parse().ok());
        cells.collect::<Option<Vec<f64>>>()?.try_into().ok()
    };
    text.lines().filter_map(row).collect()
}

/// Every character of every committed result has a name in LaTeX.
#[test]
fn latex_is_ascii_and_nothing_is_shown_by_its_number() {
    for run in runs() {
        let evidence = Evidence::read(&run.join("records.csv")).unwrap();
        let out = tempfile::tempdir().unwrap();
        write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
        let tables = std::fs::read_dir(out.path().join("tables")).unwrap();
        let tables = tables.map(|file| file.unwrap().path());
        let mut files: Vec<PathBuf> =
            tables.filter(|file| file.extension().unwrap() == "tex").collect();
        files
            .extend(["report", "figures", "captions"].map(|n| out.path().join(format!("{n}.tex"))));
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let unknown: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
            assert!(unknown.is_empty() && !text.contains("U+"), "{}: {unknown:?}", file.display());
            let balance =
                text.matches("\\begin{").count() as i64 - text.matches("\\end{").count() as i64;
            assert_eq!(balance, 0, "{}", file.display());
        }
        for (exhibit, charts) in charts_of(&evidence) {
            let path = out.path().join("pgfplots").join(format!("{exhibit}.tex"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.is_ascii(), "{}", path.display());
            assert_eq!(plotted(&text), charts, "{}", path.display());
            let is_of_powers = exhibit.ends_with("mse_by_horizon");
            assert!(!is_of_powers || text.contains("ymode=log"), "{}", path.display());
            let is_linear = exhibit == "kth_velocity_generalization";
            assert!(!is_linear || !text.contains("mode=log"), "{}", path.display());
        }
        let captions = std::fs::read_to_string(out.path().join("captions.tex")).unwrap();
        let names: Vec<&str> = captions.lines().filter_map(|line| line.split('}').next()).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "a caption is named twice");
        let figures = std::fs::read_to_string(out.path().join("figures.tex")).unwrap();
        for file in std::fs::read_dir(out.path().join("figures")).into_iter().flatten() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            assert!(figures.contains(&format!("{{figures/{name}}}")), "{name}");
        }
    }
}

#[test]
fn where_a_unit_failed_no_claim_of_its_experiment_is_decided() {
    let mut evidence = quick();
    let decided = |findings: &Findings, of: &str| {
        let is_of = |id: &str| id.split('/').next() == Some(of);
        let verdicts = findings.verdicts.iter().filter(|v| is_of(&v.claim.id));
        let is_decided = |outcome| matches!(outcome, Outcome::Reproduced | Outcome::NotReproduced);
        verdicts.filter(|verdict| is_decided(verdict.outcome)).count()
    };
    let out = tempfile::tempdir().unwrap();
    let whole = write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
    assert!(decided(&whole, "translation") > 3 && whole.failures.is_empty());
    evidence.records.push(Record {
        experiment: "translation".into(),
        subject: Subject::new("FERNN-V2"),
        profile: "quick".into(),
        seed: Some(7),
        metric: Metric::FAILED,
        note: "the loss is NaN".into(),
        ..Record::default()
    });
    let findings = write_report(&evidence, CATALOGUE, &FORMATS, out.path()).unwrap();
    assert_eq!(decided(&findings, "translation"), 0);
    assert_eq!(decided(&findings, "velocity"), decided(&whole, "velocity"));
    assert_eq!(findings.failures.len(), 1);
    let report = std::fs::read_to_string(out.path().join("REPORT.md")).unwrap();
    assert!(report.contains("FERNN-V2, seed 7 (the loss is NaN)"));
}
