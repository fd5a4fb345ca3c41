//! How models look: colour, dash and marker belong to the model, in every figure, whatever stands beside it.

use super::shape::{Colour, Dash, Fill, Place, Segment, Stroke};
use super::sheet::Sheet;
use crate::experiments::Subject;
use crate::experiments::exhibit::Trace;
use std::fmt;

/// Okabe and Ito's palette, which the colour-blind can tell apart, without the yellow that white paper hides.
const BLACK: Colour = Colour(0, 0, 0);
const ORANGE: Colour = Colour(230, 159, 0);
const SKY: Colour = Colour(86, 180, 233);
const GREEN: Colour = Colour(0, 158, 115);
const BLUE: Colour = Colour(0, 114, 178);
const VERMILION: Colour = Colour(213, 94, 0);
const PURPLE: Colour = Colour(204, 121, 167);
const GREY: Colour = Colour(120, 120, 120);

const SOLID: Dash = &[];
const DASHED: Dash = &[4.0, 2.0];
const DOTTED: Dash = &[1.0, 1.6];
const DASH_DOT: Dash = &[5.0, 1.6, 1.0, 1.6];
const LONG: Dash = &[8.0, 2.5];

/// What marks points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Ring,
    Square,
    OpenSquare,
    Triangle,
    OpenTriangle,
    Falling,
    Diamond,
    OpenDiamond,
    Cross,
}

/// How a model is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub colour: Colour,
    pub dash: Dash,
    pub marker: Marker,
}

const fn look(colour: Colour, dash: Dash, marker: Marker) -> Look {
    Look { colour, dash, marker }
}

/// The looks of models by name, and of what stands for a model in figures of costs and laws.
const MODELS: [(&str, Look); 19] = [
    ("G-RNN", look(BLACK, SOLID, Marker::Circle)),
    ("FERNN-V1", look(ORANGE, SOLID, Marker::Triangle)),
    ("FERNN-VR1", look(ORANGE, SOLID, Marker::Triangle)),
    ("FERNN-V2", look(BLUE, SOLID, Marker::Square)),
    ("FERNN-VR2", look(BLUE, SOLID, Marker::Square)),
    ("FERNN-V4", look(VERMILION, SOLID, Marker::Diamond)),
    ("FERNN-VR4", look(VERMILION, SOLID, Marker::Diamond)),
    ("FERNN closed", look(GREEN, LONG, Marker::OpenSquare)),
    ("G-RNN+", look(PURPLE, DASH_DOT, Marker::Cross)),
    ("3D-CNN", look(GREEN, DASHED, Marker::Falling)),
    ("dense", look(GREY, DOTTED, Marker::Ring)),
    ("FERNN, direct", look(BLUE, SOLID, Marker::Square)),
    ("FERNN, Winograd, f32", look(SKY, DASHED, Marker::OpenDiamond)),
    ("direct", look(GREY, SOLID, Marker::Ring)),
    ("winograd", look(SKY, DASHED, Marker::OpenDiamond)),
    ("lab", LAB),
    ("co-moving", CO_MOVING),
    ("13 × 13 pixels", look(SKY, DOTTED, Marker::Ring)),
    ("27 × 27 pixels", look(BLUE, DASHED, Marker::Square)),
];

const LAB: Look = look(VERMILION, SOLID, Marker::Triangle);
const CO_MOVING: Look = look(GREEN, SOLID, Marker::Diamond);

/// The looks of what departs from a model, by what the departure is called; it is read beside its model.
const VARIANTS: [(&str, Look); 19] = [
    ("4x-steps", look(VERMILION, DASHED, Marker::Triangle)),
    ("2x-channels", look(SKY, DASH_DOT, Marker::Diamond)),
    ("tanh", look(GREEN, LONG, Marker::Falling)),
    ("clamped-feedback", look(PURPLE, DASHED, Marker::Diamond)),
    ("no-feedback", look(ORANGE, DASH_DOT, Marker::Triangle)),
    ("flowed-feedback", look(GREY, SOLID, Marker::Falling)),
    ("gru", look(GREEN, DASHED, Marker::Diamond)),
    ("lstm", look(VERMILION, LONG, Marker::Falling)),
    ("mixing", look(SKY, DOTTED, Marker::OpenSquare)),
    ("lab", LAB),
    ("lab convolve-first", look(ORANGE, LONG, Marker::Falling)),
    ("co-moving", CO_MOVING),
    ("lab group-decoder", look(VERMILION, DASH_DOT, Marker::Circle)),
    ("co-moving group-decoder", look(GREEN, DASH_DOT, Marker::Square)),
    ("lab, 10°", LAB),
    ("lab, 45°", look(VERMILION, DASHED, Marker::OpenTriangle)),
    ("co-moving, 10°", CO_MOVING),
    ("co-moving, 45°", look(GREEN, DASHED, Marker::OpenDiamond)),
    ("53 × 53 pixels", look(BLACK, SOLID, Marker::Diamond)),
];

/// Looks for models that the tables do not know, none of them a known model's.
const OTHERS: [Look; 8] = [
    look(GREY, DASH_DOT, Marker::Square),
    look(PURPLE, SOLID, Marker::Square),
    look(SKY, SOLID, Marker::Circle),
    look(GREEN, DOTTED, Marker::Circle),
    look(VERMILION, DOTTED, Marker::Ring),
    look(ORANGE, DASHED, Marker::Square),
    look(GREY, LONG, Marker::Diamond),
    look(PURPLE, DOTTED, Marker::Falling),
];

fn named(table: &[(&str, Look)], name: &str) -> Option<Look> {
    table.iter().find(|(known, _)| *known == name).map(|(_, look)| *look)
}

impl Look {
    /// The look of a subject that the tables know.
    fn known(subject: &Subject) -> Option<Self> {
        let model = named(&MODELS, &subject.model);
        match subject.variant.as_str() {
            "" => model,
            "trained on V0" => model.map(Look::open),
            variant => named(&VARIANTS, variant).or(match variant {
                "trained on V1" => model,
                _ => None,
            }),
        }
    }

    /// The same in another state: open markers, a broken line.
    pub fn open(self) -> Self {
        let marker = match self.marker {
            Marker::Circle | Marker::Ring => Marker::Ring,
            Marker::Square | Marker::OpenSquare => Marker::OpenSquare,
            Marker::Triangle | Marker::OpenTriangle | Marker::Falling => Marker::OpenTriangle,
            Marker::Diamond | Marker::OpenDiamond | Marker::Cross => Marker::OpenDiamond,
        };
        Self { dash: DASHED, marker, ..self }
    }
}

/// The looks of the subjects of a figure. Those that the tables do not know have one by their name; where two of
/// them would share it, the later in the alphabet has the next.
pub fn looks(subjects: &[(&Subject, Trace)]) -> Vec<Look> {
    let mut taken: Vec<(&Subject, Look)> = Vec::new();
    for (subject, _) in subjects {
        if let Some(look) = Look::known(subject) {
            taken.push((subject, look));
        }
    }
    let mut unknown: Vec<&Subject> = subjects.iter().map(|(subject, _)| *subject).collect();
    unknown.retain(|subject| Look::known(subject).is_none());
    unknown.sort_unstable();
    unknown.dedup();
    for subject in unknown {
        let bytes = subject.to_string().into_bytes();
        let first = bytes.iter().fold(0usize, |sum, byte| (31 * sum + usize::from(*byte)) % 1009);
        let all = (0..OTHERS.len()).map(|i| OTHERS[(first + i) % OTHERS.len()]);
        let is_free = |look: &Look| taken.iter().all(|(_, other)| other != look);
        let look = all.clone().find(is_free).unwrap_or(OTHERS[first % OTHERS.len()]);
        taken.push((subject, look));
    }
    let of = |(subject, trace): &(&Subject, Trace)| {
        let found = taken.iter().find(|(other, _)| other == subject);
        let look = found.map_or(OTHERS[0], |(_, look)| *look);
        match trace {
            Trace::Untrained => look.open(),
            _ => look,
        }
    };
    subjects.iter().map(of).collect()
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colour(r, g, b) = self.colour;
        write!(f, "#{r:02x}{g:02x}{b:02x} {:?} {:?}", self.dash, self.marker)
    }
}

/// How thick lines of data are.
pub const LINE: f64 = 1.1;

impl Look {
    /// The line.
    pub fn stroke(&self) -> Stroke {
        Stroke { colour: self.colour, width: LINE, dash: self.dash }
    }

    /// A marker at a place.
    pub fn mark(&self, sheet: &mut Sheet, at: Place) {
        let outline = self.marker.outline(at);
        let edge = Stroke::solid(self.colour, 0.9);
        let (inside, edge) = match self.marker {
            Marker::Cross => (None, Stroke::solid(self.colour, 1.1)),
            Marker::Ring | Marker::OpenSquare | Marker::OpenTriangle | Marker::OpenDiamond => {
                (Some(Colour::WHITE), edge)
            }
            _ => (Some(self.colour), Stroke::solid(Colour::WHITE, 0.4)),
        };
        sheet.path(outline, inside.map(|colour| Fill { colour, opacity: 1.0 }), Some(edge));
    }
}

impl Marker {
    fn outline(self, (x, y): Place) -> Vec<Segment> {
        let polygon = |places: &[Place]| {
            let line = |(i, &(dx, dy)): (usize, &Place)| match i {
                0 => Segment::Move((x + dx, y + dy)),
                _ => Segment::Line((x + dx, y + dy)),
            };
            let lines = places.iter().enumerate().map(line);
            lines.chain([Segment::Close]).collect::<Vec<_>>()
        };
        match self {
            Self::Circle | Self::Ring => circle((x, y), 2.1),
            Self::Square | Self::OpenSquare => {
                polygon(&[(-1.9, -1.9), (1.9, -1.9), (1.9, 1.9), (-1.9, 1.9)])
            }
            Self::Triangle | Self::OpenTriangle => polygon(&[(0.0, -2.7), (2.4, 1.7), (-2.4, 1.7)]),
            Self::Falling => polygon(&[(0.0, 2.7), (2.4, -1.7), (-2.4, -1.7)]),
            Self::Diamond | Self::OpenDiamond => {
                polygon(&[(0.0, -2.8), (2.4, 0.0), (0.0, 2.8), (-2.4, 0.0)])
            }
            Self::Cross => vec![
                Segment::Move((x - 2.0, y - 2.0)),
                Segment::Line((x + 2.0, y + 2.0)),
                Segment::Move((x - 2.0, y + 2.0)),
                Segment::Line((x + 2.0, y - 2.0)),
            ],
        }
    }
}

/// Four cubic curves, a thousandth of the radius from a circle.
pub fn circle((x, y): Place, radius: f64) -> Vec<Segment> {
    let control = 0.5523 * radius;
    let at = |dx: f64, dy: f64| (x + dx, y + dy);
    let (r, c) = (radius, control);
    vec![
        Segment::Move(at(r, 0.0)),
        Segment::Curve(at(r, c), at(c, r), at(0.0, r)),
        Segment::Curve(at(-c, r), at(-r, c), at(-r, 0.0)),
        Segment::Curve(at(-r, -c), at(-c, -r), at(0.0, -r)),
        Segment::Curve(at(c, -r), at(r, -c), at(r, 0.0)),
        Segment::Close,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subjects: &[Subject]) -> Vec<Look> {
        looks(&subjects.iter().map(|s| (s, Trace::Line)).collect::<Vec<_>>())
    }

    #[test]
    fn a_look_belongs_to_the_model_and_not_to_its_place() {
        let (a, b) = (Subject::g_rnn(), Subject::new("FERNN-V2"));
        let (own, other) = (Subject::new("ConvLSTM"), Subject::new("Mamba"));
        let forth = of(&[a.clone(), b.clone(), own.clone(), other.clone()]);
        let mut back = of(&[other, own, b, a]);
        back.reverse();
        assert_eq!(forth, back);
        assert_eq!(forth[0].colour, BLACK);
    }

    #[test]
    fn as_many_unknown_models_as_there_are_looks_differ() {
        let subjects: Vec<Subject> =
            (0..OTHERS.len()).map(|i| Subject::new(format!("m{i}"))).collect();
        let looks = of(&subjects);
        for (i, look) in looks.iter().enumerate() {
            assert!(!looks[..i].contains(look), "{look}");
            let is_known = |(_, known): &(&str, Look)| known == look;
            assert!(!MODELS.iter().chain(&VARIANTS).any(is_known));
        }
    }
}
