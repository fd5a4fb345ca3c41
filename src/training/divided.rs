//! Steps and scores of which several processes compute a part each, with bytes that do not depend on how many.

use super::adam::Adam;
use super::learner::Learner;
use super::ranks::{Part, Ranks, own_parts, sum_by_halves};
use super::step::{Step, clip_gradient_norm};
use crate::error::{Error, Result};
use crate::parameters::{Parameters, Tensors};
use candle_core::Tensor;
use candle_core::backprop::GradStore;
use candle_nn::Optimizer;

/// Batches divided into parts, and the processes that share them.
#[derive(Clone, Copy)]
pub(super) struct Divided<'a> {
    /// Parts of a batch.
    pub parts: u64,
    /// The processes.
    pub ranks: &'a dyn Ranks,
}

/// What some parts of a batch add to a step: sums over their samples.
struct Share {
    samples: f64,
    loss: f64,
    /// Of all variables, one after the other.
    gradients: Vec<f32>,
}

impl Share {
    fn and(mut self, other: Self) -> Self {
        self.samples += other.samples;
        self.loss += other.loss;
        self.gradients.iter_mut().zip(other.gradients).for_each(|(a, b)| *a += b);
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let head = bytemuck::bytes_of(&[self.samples, self.loss]).to_vec();
        [head.as_slice(), bytemuck::cast_slice(&self.gradients)].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let (head, gradients) = bytes.split_at(size_of::<[f64; 2]>());
        let [samples, loss]: [f64; 2] = bytemuck::pod_read_unaligned(head);
        Self { samples, loss, gradients: bytemuck::allocation::pod_collect_to_vec(gradients) }
    }
}

impl Divided<'_> {
    /// [`training_step`](super::training_step) on a batch in parts: their gradients are added in a fixed order,
    /// wherever they were computed, and every process takes the same step.
    ///
    /// # Errors
    /// Those of the learner and the connection, and [`Error::Configuration`] when the processes cannot share the
    /// parts.
    pub fn step<L: Learner>(
        self,
        (learner, parameters): (&L, &Parameters),
        optimiser: &mut Adam,
        batch: &dyn Fn(Part) -> Result<L::Batch>,
        clip: Option<f64>,
    ) -> Result<Step> {
        let mut shares = Vec::new();
        let mut last = None;
        for part in own_parts(self.ranks, self.parts)? {
            let (share, store) = share(learner, parameters, &batch(part)?)?;
            shares.push(share);
            last = Some(store);
        }
        let mut store = last.expect("every process has parts");
        let Share { samples, loss, gradients } = self.of_all(sum_by_halves(shares, &Share::and))?;
        let loss = loss / samples;
        if !loss.is_finite() {
            return Ok(Step { loss, gradient_norm: f64::NAN });
        }
        let mut rest = gradients.as_slice();
        for (_, variable) in parameters.iter() {
            let (values, after) = rest.split_at(variable.elem_count());
            rest = after;
            if store.get(variable).is_some() {
                let sum = Tensor::from_slice(values, variable.dims(), variable.device())?;
                store.insert(variable, (sum / samples)?);
            }
        }
        let gradient_norm = clip_gradient_norm(parameters, &mut store, clip)?;
        optimiser.step(&store)?;
        Ok(Step { loss, gradient_norm })
    }

    /// The sum of what all processes have, by halves: each adds that of its neighbour, then both that of the
    /// next two, and so on, so that log₂ of their number are exchanged by each.
    fn of_all(self, own: Share) -> Result<Share> {
        let (rank, mut sum) = (self.ranks.rank(), own);
        for bit in 0..self.ranks.size().ilog2() {
            let partner = rank ^ 1 << bit;
            let other = self.ranks.exchange(partner, &sum.to_bytes())?;
            sum = sum.and(Share::from_bytes(&other));
        }
        Ok(sum)
    }

    /// The score of batches, of which every process computes some.
    ///
    /// # Errors
    /// Those of the learner and the connection.
    pub fn score<L: Learner>(
        self,
        learner: &L,
        tensors: &Tensors,
        batches: &[L::Batch],
    ) -> Result<f64> {
        let (rank, size) = (self.ranks.rank(), self.ranks.size());
        let mut own = vec![0.0; batches.len().div_ceil(size)];
        let ours = batches.iter().skip(rank).step_by(size);
        for (place, batch) in own.iter_mut().zip(ours) {
            *place = learner.score(tensors, std::slice::from_ref(batch))?;
        }
        let all = self.ranks.gather(bytemuck::cast_slice(&own))?;
        let all: Vec<Vec<f64>> =
            all.iter().map(|b| bytemuck::allocation::pod_collect_to_vec(b)).collect();
        let (mut sum, mut samples) = (0.0, 0.0);
        for (number, batch) in batches.iter().enumerate() {
            let weight = learner.samples(batch) as f64;
            sum += weight * all[number % size][number / size];
            samples += weight;
        }
        Ok(sum / samples)
    }

    /// Refuses what cannot be divided.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a model with statistics of its batches, which are of all samples together.
    pub fn check(self, parameters: &Parameters) -> Result<()> {
        own_parts(self.ranks, self.parts)?;
        if self.parts > 1 && parameters.has_statistics() {
            let problem = "divides batches over whose samples the model normalises";
            let remedy = "leave it at 1, and run the units of such models side by side";
            return Err(Error::configuration("schedule.parts", problem, remedy));
        }
        Ok(())
    }
}

/// What a part of a batch adds, and the store that its gradients lie in.
fn share<L: Learner>(
    learner: &L,
    parameters: &Parameters,
    batch: &L::Batch,
) -> Result<(Share, GradStore)> {
    let samples = learner.samples(batch) as f64;
    let value = (learner.loss(&parameters.tensors(), batch)?.value * samples)?;
    let store = value.backward()?;
    let mut gradients = Vec::with_capacity(parameters.count());
    for (_, variable) in parameters.iter() {
        match store.get(variable) {
            Some(gradient) => gradients.extend(gradient.flatten_all()?.to_vec1::<f32>()?),
            None => gradients.resize(gradients.len() + variable.elem_count(), 0.0),
        }
    }
    let loss = f64::from(value.to_scalar::<f32>()?);
    Ok((Share { samples, loss, gradients }, store))
}
