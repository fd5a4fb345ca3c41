//! Adam (Kingma & Ba 2015) with moments that can be saved and restored.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Adam's hyper-parameters; the defaults are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// The optimiser over variables in a fixed order, that of [`crate::parameters::Parameters::variables`].
///
/// Candle's own AdamW keeps its moments private, so that a run could not be resumed from it.
#[derive(Debug)]
pub struct Adam {
    slots: Vec<Slot>,
    config: AdamConfig,
    steps: u64,
}

#[derive(Debug)]
struct Slot {
    variable: Var,
    first_moment: Tensor,
    second_moment: Tensor,
}

impl Adam {
    /// Optimiser steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments as `<prefix>first.<i>` and `<prefix>second.<i>`, i the place of the variable.
    pub fn moments(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let mut moments = BTreeMap::new();
        for (i, slot) in self.slots.iter().enumerate() {
            moments.insert(format!("{prefix}first.{i}"), slot.first_moment.clone());
            moments.insert(format!("{prefix}second.{i}"), slot.second_moment.clone());
        }
        moments
    }

    /// Restores what [`Adam::moments`] gave; `None` when a moment is missing or misshapen.
    pub fn restore(
        &mut self,
        moments: &BTreeMap<String, Tensor>,
        prefix: &str,
        steps: u64,
    ) -> Option<()> {
        let mut restored = Vec::with_capacity(self.slots.len());
        for (i, slot) in self.slots.iter().enumerate() {
            let first = moments.get(&format!("{prefix}first.{i}"))?;
            let second = moments.get(&format!("{prefix}second.{i}"))?;
            if first.dims() != slot.variable.dims() || second.dims() != slot.variable.dims() {
                return None;
            }
            let device = slot.variable.device();
            restored.push((first.to_device(device).ok()?, second.to_device(device).ok()?));
        }
        for (slot, (first, second)) in self.slots.iter_mut().zip(restored) {
            slot.first_moment = first;
            slot.second_moment = second;
        }
        self.steps = steps;
        Some(())
    }
}

impl candle_nn::Optimizer for Adam {
    type Config = AdamConfig;

    fn new(variables: Vec<Var>, config: AdamConfig) -> candle_core::Result<Self> {
        let slots = variables
            .into_iter()
            .map(|variable| {
                let zeros = variable.zeros_like()?;
                Ok(Slot { variable, first_moment: zeros.clone(), second_moment: zeros })
            })
            .collect::<candle_core::Result<_>>()?;
        Ok(Self { slots, config, steps: 0 })
    }

    fn step(&mut self, gradients: &GradStore) -> candle_core::Result<()> {
        self.steps += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon } = self.config;
        let correction1 = 1.0 - beta1.powf(self.steps as f64);
        let correction2 = 1.0 - beta2.powf(self.steps as f64);
        for slot in &mut self.slots {
            let Some(gradient) = gradients.get(&slot.variable) else { continue };
            slot.first_moment = ((&slot.first_moment * beta1)? + (gradient * (1.0 - beta1))?)?;
            slot.second_moment =
                ((&slot.second_moment * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let scale = ((&slot.second_moment / correction2)?.sqrt()? + epsilon)?;
            let update = ((&slot.first_moment * (learning_rate / correction1))? / scale)?;
            slot.variable.set(&(slot.variable.as_tensor() - update)?.detach())?;
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use candle_nn::Optimizer;

    #[test]
    fn two_steps_agree_with_adam_worked_out_by_hand() -> candle_core::Result<()> {
        // f(x) = x²/2, so g = x; x₀ = 1, rate 0.1. Step 1: m̂ = 1, v̂ = 1, x₁ = 0.9.
        // Step 2: m = 0.9·0.1 + 0.1·0.9 = 0.18, m̂ = 0.18/0.19; v = 0.999·0.001 + 0.001·0.81 =
        // 0.001809, v̂ = 0.001809/0.001999; x₂ = 0.9 − 0.1·m̂/√v̂.
        let x = Var::new(1f64, &Device::Cpu)?;
        let config = AdamConfig { learning_rate: 0.1, ..AdamConfig::default() };
        let mut adam = Adam::new(vec![x.clone()], config)?;
        for _ in 0..2 {
            let loss = (x.as_tensor().sqr()? * 0.5)?;
            adam.step(&loss.backward()?)?;
        }
        let second = 0.9 - 0.1 * (0.18 / 0.19) / (0.001809f64 / 0.001999).sqrt();
        assert!((x.to_scalar::<f64>()? - second).abs() < 1e-8); // ε = 1e-8 against √v̂ ≈ 1
        Ok(())
    }
}
