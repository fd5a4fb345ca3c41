//! report.html, from top to bottom.

use super::board::board;
use super::element::{element, escaped, marked, phrase};
use super::exhibit::shown;
use crate::report::document::{Block, Document, Protocol};
use crate::report::drawn::Figures;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Nothing is loaded from anywhere.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The report as a page.
pub(in crate::report) fn page(document: &Document<'_>, figures: &Figures) -> String {
    let mut head = element("meta").with("charset", "utf-8").alone() + "\n";
    for (name, content) in
        [("viewport", "width=device-width, initial-scale=1"), ("color-scheme", "light dark")]
    {
        head += &(element("meta").with("name", name).with("content", content).alone() + "\n");
    }
    let policy = element("meta").with("http-equiv", "Content-Security-Policy");
    head += &(policy.with("content", POLICY).alone() + "\n");
    head += &(element("link").with("rel", "icon").with("href", "data:,").alone() + "\n");
    head += &(element("title").saying(document.title) + "\n");
    head += &element("style").around(STYLE);
    let mut body =
        element("a").with("class", "skip").with("href", "#content").saying("Skip to content");
    body += &bar(document);
    let content = element("main").with("id", "content");
    body += &content.around(&format!("\n{}\n{}", title(document), sections(document, figures)));
    body += &element("dialog")
        .with("class", "lightbox")
        .with("aria-label", "Enlarged figure")
        .around("");
    body += &element("script").around(SCRIPT);
    let (head, body) = (element("head").around(&head), element("body").around(&body));
    let html = element("html").with("lang", "en").around(&format!("\n{head}\n{body}\n"));
    format!("<!DOCTYPE html>\n{html}\n")
}

fn title(document: &Document<'_>) -> String {
    element("h1").with("id", "top").saying(document.title)
}

/// The bar above the page: where to go, and the colour scheme.
fn bar(document: &Document<'_>) -> String {
    let link = |block: &Block<'_>| match block {
        Block::Heading { level: 2, name, text } => {
            let short = text.split(':').next().unwrap_or(text);
            Some(element("a").with("href", &format!("#{name}")).saying(short))
        }
        _ => None,
    };
    let links: String = document.blocks.iter().filter_map(link).collect();
    let brand = element("a").with("class", "brand").with("href", "#top").saying("fernn");
    let places = element("nav").with("aria-label", "Sections").around(&links);
    let scheme = element("button")
        .with("type", "button")
        .with("class", "scheme")
        .flagged("hidden")
        .saying("Dark");
    element("header").with("class", "bar").around(&(brand + &places + &scheme)) + "\n"
}

/// All blocks; a heading of the second level begins a section.
fn sections(document: &Document<'_>, figures: &Figures) -> String {
    let (mut html, mut section) = (String::new(), None::<(String, String)>);
    let close = |section: Option<(String, String)>| {
        let Some((name, inside)) = section else { return String::new() };
        let section = element("section").with("aria-labelledby", &name);
        section.around(&format!("\n{inside}")) + "\n"
    };
    for block in &document.blocks {
        if let Block::Heading { level: 2, name, text } = block {
            html += &close(section.take());
            let heading = element("h2").with("id", name).saying(text) + "\n";
            section = Some((name.clone(), heading));
            continue;
        }
        let inside = rendered(block, document, figures);
        match &mut section {
            Some((_, html)) => *html += &inside,
            None => html += &inside,
        }
    }
    html + &close(section)
}

fn rendered(block: &Block<'_>, document: &Document<'_>, figures: &Figures) -> String {
    match block {
        Block::Heading { name, text, .. } => element("h3").with("id", name).saying(text) + "\n",
        Block::Paragraph(text) => element("p").around(&phrase(text)) + "\n",
        Block::List(items) => {
            let items: String =
                items.iter().map(|item| element("li").around(&phrase(item)) + "\n").collect();
            element("ul").with("class", "remarks").around(&items) + "\n"
        }
        Block::Verdicts(verdicts) => board(verdicts),
        Block::Exhibit { exhibit, experiment } => {
            shown(exhibit, figures.get(&exhibit.name), experiment)
        }
        Block::Run => facts(&document.run) + "\n",
        Block::Protocol(protocol) => self::protocol(protocol, &document.run),
    }
}

/// Properties with what they are.
fn facts(facts: &[(String, String)]) -> String {
    let fact = |(property, text): &(String, String)| {
        element("dt").saying(property) + &element("dd").saying(text) + "\n"
    };
    element("dl").with("class", "facts").around(&facts.iter().map(fact).collect::<String>())
}

/// How an experiment's numbers came about, folded up.
fn protocol(protocol: &Protocol<'_>, run: &[(String, String)]) -> String {
    let seeds: Vec<String> = protocol.seeds.iter().map(u64::to_string).collect();
    let mut own = vec![("experiment".to_string(), protocol.experiment.to_string())];
    own.push(("profile".into(), protocol.profile.into()));
    if !seeds.is_empty() {
        own.push(("seeds".into(), seeds.join(" ")));
    }
    own.extend(run.iter().cloned());
    let title = format!("Protocol of {}: settings, seeds, commit, machine", protocol.experiment);
    let mut html = element("summary").saying(&title) + &facts(&own);
    if let Some((first, others)) = protocol.settings.split_first() {
        html += &element("p").saying(&format!("Settings of {}:", first.models.join(", ")));
        let toml = element("code").around(&escaped(first.text.trim_end()));
        html += &element("pre").with("tabindex", "0").around(&toml);
        for other in others {
            let lines: Vec<String> =
                other.lines_beyond(first).iter().map(|line| element("code").saying(line)).collect();
            let models = escaped(&other.models.join(", "));
            html += &element("p").around(&format!("{models} departs by {}.", lines.join(", ")));
        }
    } else {
        html += &element("p").around(&marked("The records hold no settings."));
    }
    let details = element("details").with("class", "protocol");
    details.with("id", &format!("protocol-{}", protocol.experiment)).around(&html) + "\n"
}
