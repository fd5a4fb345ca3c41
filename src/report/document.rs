//! The report as a list of blocks, which every format renders in its own way.

use super::section::Section;
use crate::experiments::exhibit::Exhibit;
use crate::experiments::number::short;
use crate::experiments::{Outcome, Threshold, Verdict};

/// A report.
pub(super) struct Document<'a> {
    /// Its title.
    pub title: &'static str,
    /// What ran, on which data and which machine, as (property, text).
    pub run: Vec<(String, String)>,
    /// What it says, from top to bottom.
    pub blocks: Vec<Block<'a>>,
}

impl<'a> Document<'a> {
    /// Its tables and figures, in order.
    pub fn exhibits(&self) -> impl Iterator<Item = &'a Exhibit> + '_ {
        self.blocks.iter().filter_map(|block| match block {
            Block::Exhibit { exhibit, .. } => Some(*exhibit),
            _ => None,
        })
    }
}

/// A part of a report.
pub(super) enum Block<'a> {
    /// A heading of a level from 2 on, with a name for links.
    Heading { level: usize, name: String, text: String },
    /// A paragraph.
    Paragraph(Text),
    /// Remarks, one after the other.
    List(Vec<Text>),
    /// What became of the claims.
    Verdicts(Board<'a>),
    /// A table or figure of an experiment.
    Exhibit { exhibit: &'a Exhibit, experiment: &'a str },
    /// The properties of [`Document::run`].
    Run,
    /// How the numbers of an experiment came about.
    Protocol(Protocol<'a>),
}

/// Text with its emphasis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text(pub Vec<Span>);

/// A stretch of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Span {
    Plain(String),
    Code(String),
    Emphasis(String),
    Strong(String),
}

impl Text {
    /// Text from records, which is shown as it is.
    pub fn plain(text: &str) -> Self {
        Self(vec![Span::Plain(text.into())])
    }

    /// Text of the program's own, with `code`, *emphasis* and **strong emphasis** marked as in Markdown.
    pub fn marked(text: &str) -> Self {
        let (mut spans, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            let mark = ["**", "*", "`"].into_iter().find(|mark| rest.starts_with(mark));
            let inside = mark.and_then(|mark| Some((mark, rest[mark.len()..].split_once(mark)?)));
            let Some((mark, (inside, after))) =
                inside.filter(|(_, (inside, _))| !inside.is_empty())
            else {
                plain.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            };
            if !plain.is_empty() {
                spans.push(Span::Plain(std::mem::take(&mut plain)));
            }
            spans.push(match mark {
                "**" => Span::Strong(inside.into()),
                "*" => Span::Emphasis(inside.into()),
                _ => Span::Code(inside.into()),
            });
            rest = after;
        }
        if !plain.is_empty() {
            spans.push(Span::Plain(plain));
        }
        Self(spans)
    }
}

/// What became of the claims, in the order of the paper.
pub(super) struct Board<'a> {
    /// Claims of experiments that have records.
    pub rulings: Vec<Ruling<'a>>,
    /// Experiments that have none.
    pub left_out: &'a [LeftOut],
}

/// An experiment of which there are no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub experiment: &'static str,
    /// The number of its claims, which are not run.
    pub claims: usize,
}

/// A verdict with where it comes from.
pub(super) struct Ruling<'a> {
    pub verdict: &'a Verdict,
    /// The experiment that decides it.
    pub section: &'a Section,
    /// The scale at which that ran.
    pub profile: &'a str,
}

impl Ruling<'_> {
    /// The measured quantity; empty where there is none.
    pub fn measured(&self) -> String {
        self.verdict.measured.map(|m| short(m.interval.estimate)).unwrap_or_default()
    }

    /// Its interval; empty where there is none.
    pub fn interval(&self) -> String {
        let ends = self.verdict.measured.and_then(|m| m.interval.ends);
        ends.map(|(low, high)| format!("{} to {}", short(low), short(high))).unwrap_or_default()
    }

    /// The number of seeds; empty where nothing was measured.
    pub fn seeds(&self) -> String {
        self.verdict.measured.map(|m| m.seeds.to_string()).unwrap_or_default()
    }

    /// The threshold with its sign.
    pub fn threshold(&self) -> String {
        match self.verdict.claim.threshold {
            Threshold::AtLeast(t) => format!("≥ {t}"),
            Threshold::AtMost(t) => format!("≤ {t}"),
            Threshold::Exactly(t) => format!("= {t}"),
        }
    }
}

impl Board<'_> {
    /// How many claims have an outcome; those of experiments left out are not run.
    pub fn count(&self, outcome: Outcome) -> usize {
        let own = self.rulings.iter().filter(|r| r.verdict.outcome == outcome).count();
        own + if outcome == Outcome::NotRun { self.claims_left_out() } else { 0 }
    }

    /// The number of all claims.
    pub fn claims(&self) -> usize {
        self.rulings.len() + self.claims_left_out()
    }

    fn claims_left_out(&self) -> usize {
        self.left_out.iter().map(|experiment| experiment.claims).sum()
    }

    /// The experiments without records, one after the other; empty where there are none.
    pub fn names_left_out(&self) -> String {
        let names: Vec<&str> = self.left_out.iter().map(|one| one.experiment).collect();
        names.join(", ")
    }
}

/// All outcomes, in the order in which they are told.
pub(super) const OUTCOMES: [Outcome; 4] =
    [Outcome::Reproduced, Outcome::NotReproduced, Outcome::Inconclusive, Outcome::NotRun];

/// When a claim has which outcome.
pub(super) const RULE_OF_VERDICTS: &str = "A claim is *reproduced* when the whole interval satisfies its \
    rule, *not reproduced* when the whole interval fails it, *inconclusive* otherwise or with a single \
    seed (counts of parameters excepted), *not run* when the records lack what it needs.";

/// How the numbers of an experiment came about.
pub(super) struct Protocol<'a> {
    pub experiment: &'a str,
    /// The scale.
    pub profile: &'a str,
    /// All seeds.
    pub seeds: Vec<u64>,
    /// Settings as TOML with the models that have them; the first whole, of the others the lines that
    /// differ from it.
    pub settings: Vec<Setting<'a>>,
}

/// Settings of one or more models.
pub(super) struct Setting<'a> {
    pub models: Vec<String>,
    /// As the records hold them.
    pub text: &'a str,
}

impl Setting<'_> {
    /// The lines that another text does not have.
    pub fn lines_beyond(&self, first: &Setting<'_>) -> Vec<&str> {
        let known: Vec<&str> = first.text.lines().collect();
        let is_new = |line: &&str| !line.is_empty() && !known.contains(line);
        self.text.lines().filter(is_new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_lone_ones_stay() {
        let [plain, code, emphasis, strong] =
            [Span::Plain, Span::Code, Span::Emphasis, Span::Strong]
                .map(|span| move |text: &str| span(text.into()));
        let text = "a `b*c` *d* **e** f";
        let spans = [
            plain("a "),
            code("b*c"),
            plain(" "),
            emphasis("d"),
            plain(" "),
            strong("e"),
            plain(" f"),
        ];
        assert_eq!(Text::marked(text).0, spans);
        for lone in ["2 * 3", "a ` b", "**", "``", "²*"] {
            assert_eq!(Text::marked(lone).0, [plain(lone)]);
        }
        assert_eq!(Text::plain("`x`").0, [plain("`x`")]);
    }
}
