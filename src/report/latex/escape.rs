//! Text as LaTeX.

use crate::report::document::{Span, Text};

/// What LaTeX calls characters that it does not take as they are.
const NAMES: &[(char, &str)] = &[
    ('\\', "\\textbackslash{}"),
    ('{', "\\{"),
    ('}', "\\}"),
    ('[', "{[}"), // else an optional argument where it comes first in a row
    (']', "{]}"),
    ('$', "\\$"),
    ('&', "\\&"),
    ('#', "\\#"),
    ('_', "\\_"),
    ('%', "\\%"),
    ('^', "\\textasciicircum{}"),
    ('~', "\\textasciitilde{}"),
    ('<', "\\textless{}"),
    ('>', "\\textgreater{}"),
    ('|', "\\textbar{}"),
    ('"', "\\textquotedbl{}"),
    ('\u{a0}', "~"),
    ('−', "\\ensuremath{-}"),
    ('±', "\\ensuremath{\\pm}"),
    ('×', "\\ensuremath{\\times}"),
    ('÷', "\\ensuremath{\\div}"),
    ('·', "\\ensuremath{\\cdot}"),
    ('⋅', "\\ensuremath{\\cdot}"),
    ('⋆', "\\ensuremath{\\star}"),
    ('⊙', "\\ensuremath{\\odot}"),
    ('≤', "\\ensuremath{\\leq}"),
    ('≥', "\\ensuremath{\\geq}"),
    ('≠', "\\ensuremath{\\neq}"),
    ('≈', "\\ensuremath{\\approx}"),
    ('≡', "\\ensuremath{\\equiv}"),
    ('∈', "\\ensuremath{\\in}"),
    ('∞', "\\ensuremath{\\infty}"),
    ('√', "\\ensuremath{\\surd}"),
    ('∑', "\\ensuremath{\\sum}"),
    ('→', "\\ensuremath{\\rightarrow}"),
    ('←', "\\ensuremath{\\leftarrow}"),
    ('↔', "\\ensuremath{\\leftrightarrow}"),
    ('°', "\\ensuremath{^\\circ}"),
    ('′', "\\ensuremath{'}"),
    ('…', "\\ldots{}"),
    ('–', "\\textendash{}"),
    ('—', "\\textemdash{}"),
    ('‘', "`"),
    ('’', "'"),
    ('“', "``"),
    ('”', "''"),
    ('⁰', "\\ensuremath{^0}"),
    ('¹', "\\ensuremath{^1}"),
    ('²', "\\ensuremath{^2}"),
    ('³', "\\ensuremath{^3}"),
    ('⁴', "\\ensuremath{^4}"),
    ('⁵', "\\ensuremath{^5}"),
    ('⁶', "\\ensuremath{^6}"),
    ('⁷', "\\ensuremath{^7}"),
    ('⁸', "\\ensuremath{^8}"),
    ('⁹', "\\ensuremath{^9}"),
    ('⁻', "\\ensuremath{^-}"),
    ('₀', "\\ensuremath{_0}"),
    ('₁', "\\ensuremath{_1}"),
    ('₂', "\\ensuremath{_2}"),
    ('₃', "\\ensuremath{_3}"),
    ('₄', "\\ensuremath{_4}"),
    ('₅', "\\ensuremath{_5}"),
    ('₆', "\\ensuremath{_6}"),
    ('₇', "\\ensuremath{_7}"),
    ('₈', "\\ensuremath{_8}"),
    ('₉', "\\ensuremath{_9}"),
    ('α', "\\ensuremath{\\alpha}"),
    ('β', "\\ensuremath{\\beta}"),
    ('γ', "\\ensuremath{\\gamma}"),
    ('δ', "\\ensuremath{\\delta}"),
    ('ε', "\\ensuremath{\\varepsilon}"),
    ('θ', "\\ensuremath{\\theta}"),
    ('λ', "\\ensuremath{\\lambda}"),
    ('μ', "\\ensuremath{\\mu}"),
    ('µ', "\\ensuremath{\\mu}"),
    ('ν', "\\ensuremath{\\nu}"),
    ('π', "\\ensuremath{\\pi}"),
    ('ρ', "\\ensuremath{\\rho}"),
    ('σ', "\\ensuremath{\\sigma}"),
    ('τ', "\\ensuremath{\\tau}"),
    ('φ', "\\ensuremath{\\varphi}"),
    ('ψ', "\\ensuremath{\\psi}"),
    ('ω', "\\ensuremath{\\omega}"),
    ('Δ', "\\ensuremath{\\Delta}"),
    ('Σ', "\\ensuremath{\\Sigma}"),
    ('Ω', "\\ensuremath{\\Omega}"),
];

/// Text of which LaTeX makes the same text. A character that has no name here is shown by its number, and
/// never dropped; letters of the Latin alphabets stay, which `inputenc` and `fontenc` know.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match NAMES.iter().find(|(known, _)| *known == c) {
            Some((_, name)) => escaped += name,
            None if c.is_control() => escaped.push(' '),
            None if c.is_ascii() || is_latin_letter(c) => escaped.push(c),
            None => escaped += &format!("\\texttt{{U+{:04X}}}", u32::from(c)),
        }
    }
    // Two hyphens would become a dash, as in the names of flags.
    escaped.replace("--", "-{}-")
}

fn is_latin_letter(c: char) -> bool {
    ('À'..='ÿ').contains(&c)
}

/// Text with its emphasis as commands.
pub(super) fn phrase(text: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => escaped(text),
        Span::Code(text) => format!("\\texttt{{{}}}", escaped(text)),
        Span::Emphasis(text) => format!("\\emph{{{}}}", escaped(text)),
        Span::Strong(text) => format!("\\textbf{{{}}}", escaped(text)),
    };
    text.0.iter().map(span).collect()
}

/// Text of the program's own with its marks as commands.
pub(super) fn marked(text: &str) -> String {
    phrase(&Text::marked(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specials_are_named_and_nothing_is_dropped() {
        assert_eq!(
            escaped("50 % of {a_b} & #1^2 ~ $x$"),
            "50 \\% of \\{a\\_b\\} \\& \\#1\\textasciicircum{}2 \\textasciitilde{} \\$x\\$"
        );
        assert_eq!(escaped("\\input{x}"), "\\textbackslash{}input\\{x\\}");
        assert_eq!(escaped("2±1°"), "2\\ensuremath{\\pm}1\\ensuremath{^\\circ}");
        assert_eq!(escaped("--only – [x]"), "-{}-only \\textendash{} {[}x{]}");
        assert_eq!(escaped("é中"), "é\\texttt{U+4E2D}");
        assert_eq!(marked("*a* `b_c`"), "\\emph{a} \\texttt{b\\_c}");
    }

    #[test]
    fn names_are_ascii_and_each_character_has_one() {
        let mut known: Vec<char> = NAMES.iter().map(|(c, _)| *c).collect();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), NAMES.len());
        assert!(NAMES.iter().all(|(_, name)| name.is_ascii()));
    }
}
