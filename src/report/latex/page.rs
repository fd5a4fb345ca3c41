//! report.tex with captions.tex and figures.tex.

use super::escape::{escaped, marked, phrase};
use crate::experiments::exhibit::{Body, Exhibit};
use crate::report::document::{Block, Board, Document, OUTCOMES, Protocol, RULE_OF_VERDICTS};

const PREAMBLE: &str = r"% Compiles with pdflatex, twice for references.
\documentclass[10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[a4paper,margin=22mm]{geometry}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{graphicx}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\newsavebox{\fittedbox}
% A table as wide as it is, or as the text where it is wider.
\newcommand{\fitted}[1]{\sbox{\fittedbox}{\input{#1}}%
  \ifdim\wd\fittedbox>\linewidth\resizebox{\linewidth}{!}{\usebox{\fittedbox}}\else\usebox{\fittedbox}\fi}
% As many floats as a report of figures has.
\renewcommand{\topfraction}{0.9}
\renewcommand{\textfraction}{0.05}
\renewcommand{\floatpagefraction}{0.7}
\extrafloats{200}
";

/// A document of verdicts, tables and figures.
pub(in crate::report) fn page(document: &Document<'_>) -> String {
    let mut page = format!("{PREAMBLE}\\input{{captions}}\n\\begin{{document}}\n");
    page += &format!("{{\\LARGE\\bfseries {}\\par}}\n\n", escaped(document.title));
    for block in &document.blocks {
        page += &match block {
            Block::Heading { level: 2, text, .. } => format!("\\section*{{{}}}\n\n", escaped(text)),
            Block::Heading { text, .. } => format!("\\subsection*{{{}}}\n\n", escaped(text)),
            Block::Paragraph(text) => format!("{}\n\n", phrase(text)),
            Block::List(items) => {
                let items: Vec<String> = items.iter().map(phrase).collect();
                list(&items)
            }
            Block::Verdicts(board) => verdicts(board),
            Block::Exhibit { exhibit, .. } => shown(exhibit),
            Block::Run => {
                let fact = |(property, text): &(String, String)| {
                    format!("{}: {}", escaped(property), escaped(text))
                };
                list(&document.run.iter().map(fact).collect::<Vec<_>>())
            }
            Block::Protocol(protocol) => self::protocol(protocol),
        };
    }
    page + "\\end{document}\n"
}

/// A macro for every exhibit's caption.
pub(in crate::report) fn captions(document: &Document<'_>) -> String {
    let mut page =
        String::from("% The captions of tables and figures; \\input this before their use.\n");
    for exhibit in document.exhibits() {
        let caption = marked(&exhibit.caption);
        page += &format!("\\newcommand{{\\{}}}{{{caption}}}\n", caption_name(exhibit));
    }
    page
}

/// All figures with captions and labels, for a paper that inputs captions.tex first.
pub(in crate::report) fn figures(document: &Document<'_>) -> String {
    let exhibits = document.exhibits().filter(|one| !matches!(one.body, Body::Table(_)));
    let mut page = String::from("% Needs graphicx and captions.tex.\n");
    exhibits.for_each(|exhibit| page += &figure(exhibit, "\\columnwidth"));
    page
}

/// The macro of a caption: commands have letters alone, so that digits become words.
///
/// A table and a figure may have one name.
fn caption_name(exhibit: &Exhibit) -> String {
    const DIGITS: [&str; 10] =
        ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let is_table = matches!(exhibit.body, Body::Table(_));
    let mut name = String::from(if is_table { "tablecaption" } else { "figurecaption" });
    let mut begins = true;
    for c in exhibit.name.chars() {
        match c.to_digit(10) {
            Some(digit) => name += DIGITS[digit as usize],
            None if !c.is_ascii_alphabetic() => {}
            None if begins => name.push(c.to_ascii_uppercase()),
            None => name.push(c),
        }
        begins = !c.is_ascii_alphabetic();
    }
    name
}

fn figure(exhibit: &Exhibit, width: &str) -> String {
    let (name, caption) = (&exhibit.name, caption_name(exhibit));
    format!(
        "\\begin{{figure}}[htbp]\n\\centering\n\\includegraphics[width={width}]{{figures/{name}}}\n\
         \\caption{{\\{caption}}}\n\\label{{fig:{name}}}\n\\end{{figure}}\n\n"
    )
}

fn shown(exhibit: &Exhibit) -> String {
    let (name, caption) = (&exhibit.name, caption_name(exhibit));
    match &exhibit.body {
        Body::Table(_) => format!(
            "\\begin{{table}}[htbp]\n\\centering\n\\caption{{\\{caption}}}\n\\label{{tab:{name}}}\n\
             \\fitted{{tables/{name}}}\n\\end{{table}}\n\n"
        ),
        Body::Lines(_) | Body::Charts(_) => figure(exhibit, "0.62\\linewidth"),
        _ => figure(exhibit, "\\linewidth"),
    }
}

fn list(items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("\\item {item}\n")).collect();
    match items.is_empty() {
        true => String::new(),
        false => format!("\\begin{{itemize}}\n{items}\\end{{itemize}}\n\n"),
    }
}

fn verdicts(board: &Board<'_>) -> String {
    let counts: Vec<String> = OUTCOMES
        .iter()
        .filter(|outcome| board.count(**outcome) > 0)
        .map(|outcome| format!("{} {}", board.count(*outcome), outcome.name()))
        .collect();
    let mut page = format!("Of {} claims: \\textbf{{{}}}.\n\n", board.claims(), counts.join(", "));
    page += &format!("{}\n\n", marked(RULE_OF_VERDICTS));
    page += "{\\footnotesize\n\
             \\begin{longtable}{>{\\raggedright\\arraybackslash}p{0.27\\linewidth}\
             >{\\raggedright\\arraybackslash}p{0.11\\linewidth}\
             >{\\raggedright\\arraybackslash}p{0.13\\linewidth}r\
             >{\\raggedright\\arraybackslash}p{0.31\\linewidth}}\n\\toprule\n\
             claim & verdict & measured [95\\,\\% interval] & seeds & rule; published \\\\\n\
             \\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n";
    for ruling in &board.rulings {
        let (verdict, interval) = (ruling.verdict, ruling.interval());
        let interval =
            if interval.is_empty() { interval } else { format!(" [{}]", escaped(&interval)) };
        page += &format!(
            "{} & {} & {}{interval} & {} & {}; published: {} \\\\\\addlinespace\n",
            marked(&verdict.claim.words),
            verdict.outcome.name(),
            escaped(&ruling.measured()),
            ruling.seeds(),
            marked(&verdict.rule),
            marked(verdict.claim.published)
        );
    }
    page += "\\end{longtable}}\n\\addtocounter{table}{-1}\n\n"; // it has no caption and no number
    if !board.left_out.is_empty() {
        page += &format!("Not run here: {}.\n\n", escaped(&board.names_left_out()));
    }
    page
}

/// Where the settings are; they are too long for print.
fn protocol(protocol: &Protocol<'_>) -> String {
    let seeds: Vec<String> = protocol.seeds.iter().map(u64::to_string).collect();
    let seeds =
        if seeds.is_empty() { String::new() } else { format!(", seeds {}", seeds.join(" ")) };
    let (experiment, profile) = (escaped(protocol.experiment), escaped(protocol.profile));
    format!(
        "{experiment}: profile {profile}{seeds}; the settings are in \\texttt{{records.csv}}.\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::exhibit::Table;

    fn caption_name(name: &str) -> String {
        let body = Body::Table(Table::default());
        super::caption_name(&Exhibit { name: name.into(), caption: String::new(), body })
    }

    #[test]
    fn captions_have_names_that_latex_takes() {
        assert_eq!(caption_name("table1_translation"), "tablecaptionTableOneTranslation");
        assert_eq!(caption_name("kth-velocity_laws"), "tablecaptionKthVelocityLaws");
        assert_eq!(caption_name("mse_by_horizon"), "tablecaptionMseByHorizon");
    }
}
