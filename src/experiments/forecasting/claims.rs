//! The paper's claims about next-step prediction, for either flow.

use crate::data::Split;
use crate::experiments::claim::{Claim, Quantity, Threshold};
use crate::experiments::metric::Metric;
use crate::experiments::paper::Table1;
use crate::experiments::query::{BySeed, Records, per_seed};
use crate::experiments::record::Record;
use crate::experiments::subject::Subject;
use crate::statistics::steps_to_reach;

/// The models that an experiment compares, and where.
pub struct Comparison<'a> {
    /// The records.
    pub records: Records<'a>,
    /// The experiment.
    pub experiment: &'static str,
    /// The model with half of the data's velocities, by its name.
    pub half: Subject,
    /// The model with all of them.
    pub full: Subject,
    /// What claims begin with: `Rotation: `, or nothing.
    pub kind: &'static str,
    /// What is published.
    pub published: &'static Table1,
}

/// A claim without its numbers.
struct Words<'a> {
    id: &'a str,
    words: String,
    published: &'static str,
    why: &'static str,
}

impl Comparison<'_> {
    fn claim(
        &self,
        words: Words<'_>,
        quantity: String,
        (value, threshold): (Quantity, Threshold),
    ) -> Claim {
        Claim {
            id: format!("{}/{}", self.experiment, words.id),
            words: format!("{}{}", self.kind, words.words),
            published: words.published,
            quantity,
            value,
            threshold,
            why: words.why,
        }
    }

    fn values(&self, subject: &Subject, metric: &Metric, keep: impl Fn(&Record) -> bool) -> BySeed {
        self.records.by_seed(self.experiment, subject, metric, keep)
    }

    fn test_mse(&self, subject: &Subject) -> BySeed {
        self.values(subject, &Metric::MSE, |r| r.split == Some(Split::Test))
    }

    /// The claims of one half of Table 1 and its figures. `small` is what [`Comparison::lower_error`]
    /// asks for at small scale, `trained` the trained horizon.
    pub fn half_of_table_1(&self, small: f64, trained: usize) -> Vec<Claim> {
        vec![
            self.lower_error(small),
            self.between(),
            self.faster(),
            self.holds_length(trained),
            self.beats_at_length(trained),
            self.same_parameters(),
        ]
    }

    /// Table 1: the FERNN's error is far below that of the G-RNN. `small` is what is asked for at small
    /// scale.
    pub fn lower_error(&self, small: f64) -> Claim {
        let at_scale = self.records.profile(self.experiment) == Some("paper");
        let (threshold, why) = match at_scale {
            true => (
                self.published.factor / 2.0,
                "half of the published factor, at the published scale",
            ),
            false => {
                let why = "far beyond the spread of seeds; the published factor needs the published \
                           training";
                (small, why)
            }
        };
        let full = &self.full;
        let words = Words {
            id: "lower-error",
            words: format!("{full} predicts with far lower error than the G-RNN"),
            published: self.published.lower,
            why,
        };
        let value =
            Quantity::Ratio { above: self.test_mse(&Subject::g_rnn()), below: self.test_mse(full) };
        let quantity = format!("test MSE of the G-RNN over that of {full}");
        self.claim(words, quantity, (value, Threshold::AtLeast(threshold)))
    }

    /// Table 1: half of the velocities lie between none and all.
    pub fn between(&self) -> Claim {
        let [g, half, full] =
            [&Subject::g_rnn(), &self.half, &self.full].map(|subject| self.test_mse(subject));
        // The smaller of the two steps down, per seed, so that one number says both.
        let (down, further) = (per_seed(&g, &half, ratio), per_seed(&half, &full, ratio));
        let steps = per_seed(&down, &further, f64::min);
        let short = |subject: &Subject| subject.model.trim_start_matches("FERNN-").to_string();
        let [half, full] = [&self.half, &self.full].map(short);
        let words = Words {
            id: "between",
            words: format!(
                "More of the data's velocities in V give lower error: {half} lies between"
            ),
            published: self.published.table,
            why: "1 is equality",
        };
        let quantity =
            format!("the smaller of the factors G-RNN/{half} and {half}/{full} of the test MSE");
        let judged = (Quantity::Mean(steps), Threshold::AtLeast(1.0));
        self.claim(words, quantity, judged)
    }

    /// The figure of training curves.
    pub fn faster(&self) -> Claim {
        let curve = |subject, seed| self.records.validation_curve(self.experiment, subject, seed);
        let g_rnn = Subject::g_rnn();
        let share = |seed: u64| {
            let baseline = curve(&g_rnn, seed);
            let level = baseline.iter().map(|(_, loss)| *loss).reduce(f64::min)?;
            let needed = steps_to_reach(&baseline, level)? as f64;
            let fernn = curve(&self.full, seed);
            let trained = fernn.last()?.0 as f64;
            // Never reached counts as the whole training, and as no faster than the G-RNN.
            let reached = steps_to_reach(&fernn, level).map(|step| step as f64);
            Some((seed, reached.unwrap_or(trained.max(needed)) / needed))
        };
        let seeds = self.records.seeds(self.experiment, &self.full);
        let shares: BySeed = seeds.into_iter().filter_map(share).collect();
        let words = Words {
            id: "faster",
            words: "FERNN learns faster".into(),
            published: "a figure of validation loss by epoch",
            why: "half is more than the evaluation interval and the noise of a curve",
        };
        let quantity = format!(
            "steps {} needs for the G-RNN's best validation loss, over the G-RNN's own,",
            self.full
        );
        let judged = (Quantity::Mean(shares), Threshold::AtMost(0.5));
        self.claim(words, quantity, judged)
    }

    fn at_horizon(&self, subject: &Subject, horizon: usize) -> BySeed {
        let wanted = Some(horizon as u32);
        let is_it = |r: &Record| r.split == Some(Split::Test) && r.horizon == wanted;
        self.values(subject, &Metric::MSE_BY_HORIZON, is_it)
    }

    /// Length generalization; `trained` is the trained horizon.
    pub fn holds_length(&self, trained: usize) -> Claim {
        let full = &self.full;
        let words = Words {
            id: "holds-length",
            words: format!("{full} holds its error far beyond the trained length"),
            published: self.published.length,
            why: "twice the error is the least that a reader would call growth on the figure's \
                  log axis",
        };
        let value = Quantity::Ratio {
            above: self.at_horizon(full, 7 * trained),
            below: self.at_horizon(full, trained),
        };
        let quantity = format!(
            "{full}'s test MSE at 7 times the trained horizon over that at the trained one"
        );
        self.claim(words, quantity, (value, Threshold::AtMost(2.0)))
    }

    /// Length generalization beside the G-RNN.
    pub fn beats_at_length(&self, trained: usize) -> Claim {
        let full = &self.full;
        let words = Words {
            id: "beats-at-length",
            words: format!("At 7 times the trained length {full} predicts better than the G-RNN"),
            published: "the G-RNN diverges, FERNN does not",
            why: "1 is equality",
        };
        let value = Quantity::Ratio {
            above: self.at_horizon(&Subject::g_rnn(), 7 * trained),
            below: self.at_horizon(full, 7 * trained),
        };
        let quantity = format!("test MSE at 7 times the trained horizon, G-RNN over {full},");
        self.claim(words, quantity, (value, Threshold::AtLeast(1.0)))
    }

    /// Mean MSE over the velocities that `is_inside` accepts, or over the others.
    fn over_velocities(
        &self,
        subject: &Subject,
        is_inside: &dyn Fn(&Record) -> bool,
        is_seen: bool,
    ) -> BySeed {
        let is_test = |r: &Record| r.split == Some(Split::Test) && r.velocity.is_some();
        let is_it = |r: &Record| is_test(r) && is_inside(r) == is_seen;
        self.values(subject, &Metric::MSE_BY_VELOCITY, is_it)
    }

    /// Velocity generalization; `is_inside` tells the trained velocities, `over` says which are compared.
    pub fn unseen_velocities(
        &self,
        is_inside: &dyn Fn(&Record) -> bool,
        over: &'static str,
    ) -> Claim {
        let full = &self.full;
        let words = Words {
            id: "unseen",
            words: format!(
                "{full} predicts velocities never seen in training almost as well as seen ones"
            ),
            published: self.published.velocities,
            why: "`almost as well` leaves room for less than a doubling",
        };
        let value = Quantity::Ratio {
            above: self.over_velocities(full, is_inside, false),
            below: self.over_velocities(full, is_inside, true),
        };
        let quantity = format!("{full}'s test MSE, trained on V1, over {over}");
        self.claim(words, quantity, (value, Threshold::AtMost(2.0)))
    }

    /// Velocity generalization beside the G-RNN.
    pub fn beats_at_unseen(&self, is_inside: &dyn Fn(&Record) -> bool) -> Claim {
        let contrast = |subject: &Subject| {
            let unseen = self.over_velocities(subject, is_inside, false);
            per_seed(&unseen, &self.over_velocities(subject, is_inside, true), ratio)
        };
        let full = &self.full;
        let factors = per_seed(&contrast(&Subject::g_rnn()), &contrast(full), ratio);
        let words = Words {
            id: "beats-at-unseen",
            words: format!("Unseen velocities cost the G-RNN more than {full}"),
            published: self.published.velocities,
            why: "1 is equality",
        };
        let quantity = format!("the factor unseen/seen of the G-RNN over that of {full}");
        let judged = (Quantity::Mean(factors), Threshold::AtLeast(1.0));
        self.claim(words, quantity, judged)
    }

    /// Velocities cost no parameters.
    pub fn same_parameters(&self) -> Claim {
        let count = |subject| self.values(subject, &Metric::PARAMETERS, |_| true);
        let words = Words {
            id: "parameters",
            words: "FERNN has as many parameters as the G-RNN".into(),
            published: self.published.same_parameters,
            why: "velocities share every weight",
        };
        let value = Quantity::Ratio { above: count(&self.full), below: count(&Subject::g_rnn()) };
        let quantity = format!("parameters of {} over those of the G-RNN", self.full);
        self.claim(words, quantity, (value, Threshold::Exactly(1.0)))
    }
}

fn ratio(above: f64, below: f64) -> f64 {
    above / below
}
