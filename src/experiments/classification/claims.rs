//! The paper's claims about classification.

use super::evaluation::velocities_of;
use crate::data::Split;
use crate::experiments::claim::{Claim, Quantity, Threshold};
use crate::experiments::metric::Metric;
use crate::experiments::paper;
use crate::experiments::query::{BySeed, Records, per_seed};
use crate::experiments::record::Record;
use crate::experiments::subject::Subject;

/// Where the models of an experiment compete.
#[derive(Clone, Copy)]
pub struct Contest<'a> {
    /// The records.
    pub records: Records<'a>,
    /// The experiment.
    pub experiment: &'static str,
}

/// Whether an experiment's clips are KTH's, in every unit.
pub(super) fn is_kth(records: Records<'_>, experiment: &str) -> bool {
    let rows = records.of(experiment, &Metric::IS_KTH);
    !rows.is_empty() && rows.iter().all(|row| row.value == Some(1.0))
}

/// A claim without its numbers.
struct Words {
    id: &'static str,
    words: String,
    published: &'static str,
    quantity: String,
}

/// What stands in the place of published numbers that cannot be compared.
const OF_KTH_ONLY: &str = "published for KTH only";

/// Why 0 decides a difference.
const EQUALITY: &str = "0 is equality";

impl Contest<'_> {
    fn claim(
        &self,
        Words { id, words, published, quantity }: Words,
        (value, threshold, why): (Quantity, Threshold, &'static str),
    ) -> Claim {
        let published = match is_kth(self.records, self.experiment) {
            true => published,
            false => OF_KTH_ONLY,
        };
        let id = format!("{}/{id}", self.experiment);
        Claim { id, words, published, quantity, value, threshold, why }
    }

    fn values(&self, subject: &Subject, metric: &Metric, keep: impl Fn(&Record) -> bool) -> BySeed {
        self.records.by_seed(self.experiment, subject, metric, keep)
    }

    fn accuracy(&self, model: &str) -> BySeed {
        let is_test = |r: &Record| r.split == Some(Split::Test);
        self.values(&Subject::new(model), &Metric::ACCURACY, is_test)
    }

    /// By how much the first model's accuracy is above the second's, seed by seed.
    fn lead(&self, model: &str, other: &str) -> BySeed {
        per_seed(&self.accuracy(model), &self.accuracy(other), |a, b| a - b)
    }

    /// Table 2: velocities in the model help on moving clips.
    pub fn flow_leads(&self) -> Claim {
        let at_scale = self.records.profile(self.experiment) == Some("paper")
            && is_kth(self.records, self.experiment);
        let (least, why) = match at_scale {
            true => (paper::KTH.lead / 2.0, "half of the published lead, at the published scale"),
            false => (0.0, EQUALITY),
        };
        let words = Words {
            id: "flow-leads",
            words: "FERNN-V2 classifies moving clips better than the G-RNN".into(),
            published: paper::KTH.table,
            quantity: "test accuracy of FERNN-V2 minus that of the G-RNN".into(),
        };
        let value = Quantity::Mean(self.lead("FERNN-V2", "G-RNN"));
        self.claim(words, (value, Threshold::AtLeast(least), why))
    }

    /// Table 2: half of the velocities lie between none and all.
    pub fn between(&self) -> Claim {
        let (first, second) = (self.lead("FERNN-V1", "G-RNN"), self.lead("FERNN-V2", "FERNN-V1"));
        let words = Words {
            id: "between",
            words: "FERNN-V1 lies between the G-RNN and FERNN-V2".into(),
            published: paper::KTH.table,
            quantity: "the smaller of the leads of V1 over the G-RNN and of V2 over V1 in test \
                       accuracy"
                .into(),
        };
        let value = Quantity::Mean(per_seed(&first, &second, f64::min));
        self.claim(words, (value, Threshold::AtLeast(0.0), EQUALITY))
    }

    /// Table 2: knowing how velocities move is better than learning it, with fewer parameters.
    pub fn known_shifts_lead(&self) -> Claim {
        let words = Words {
            id: "known-shifts-lead",
            words:
                "FERNN-V2 classifies better than the G-RNN+, whose shifts are learned and which \
                    has more parameters"
                    .into(),
            published: paper::KTH.table,
            quantity: "test accuracy of FERNN-V2 minus that of the G-RNN+".into(),
        };
        let value = Quantity::Mean(self.lead("FERNN-V2", "G-RNN+"));
        self.claim(words, (value, Threshold::AtLeast(0.0), EQUALITY))
    }

    /// Table 2: the 3-D CNN is the weakest.
    pub fn video_cnn_trails(&self) -> Claim {
        let words = Words {
            id: "3d-cnn-trails",
            words: "The 3D-CNN classifies worse than the G-RNN".into(),
            published: paper::KTH.table,
            quantity: "test accuracy of the G-RNN minus that of the 3D-CNN".into(),
        };
        let value = Quantity::Mean(self.lead("G-RNN", "3D-CNN"));
        self.claim(words, (value, Threshold::AtLeast(0.0), EQUALITY))
    }

    /// Velocities cost no parameters.
    pub fn same_parameters(&self) -> Claim {
        let count = |model: &str| self.values(&Subject::new(model), &Metric::PARAMETERS, |_| true);
        let words = Words {
            id: "parameters",
            words: "FERNN-V2 has as many parameters as the G-RNN".into(),
            published: paper::KTH.same_parameters,
            quantity: "parameters of FERNN-V2 over those of the G-RNN".into(),
        };
        let value = Quantity::Ratio { above: count("FERNN-V2"), below: count("G-RNN") };
        let why = "velocities share every weight";
        self.claim(words, (value, Threshold::Exactly(1.0), why))
    }

    fn accuracy_on(&self, subject: &Subject, range: u32) -> BySeed {
        let is_it = |r: &Record| r.velocities == Some(velocities_of(range));
        self.values(subject, &Metric::ACCURACY_BY_RANGE, is_it)
    }

    /// Velocity generalization: what motion costs models that were trained without it. Losing little is not
    /// enough, which a model that had nothing to lose does too: it must also end above the other.
    pub fn keeps_accuracy(&self, variant: &str) -> Claim {
        let on = |model: &str, range: u32| {
            self.accuracy_on(&Subject::new(model).with_variant(variant), range)
        };
        let loss =
            |model: &str| per_seed(&on(model, 0), &on(model, 2), |still, moving| still - moving);
        let saved = per_seed(&loss("G-RNN"), &loss("FERNN-V2"), |g, f| g - f);
        let lead = per_seed(&on("FERNN-V2", 2), &on("G-RNN", 2), |f, g| f - g);
        let words = Words {
            id: "keeps-accuracy",
            words:
                "Trained without motion, FERNN-V2 keeps its accuracy on moving clips better than \
                    the G-RNN"
                    .into(),
            published: paper::KTH.velocities,
            quantity: "the smaller of two differences between models trained on V0: what FERNN-V2 \
                       loses less of test accuracy from V0 to V2 than the G-RNN, and its lead on V2;"
                .into(),
        };
        let value = Quantity::Mean(per_seed(&saved, &lead, f64::min));
        self.claim(words, (value, Threshold::AtLeast(0.0), EQUALITY))
    }
}
