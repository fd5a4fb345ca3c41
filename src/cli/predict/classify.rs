//! Classifiers of clips of a moving camera.

use super::arguments::{Arguments, Border, Model};
use super::tensors::{sequence, with_gradients, write};
use crate::cli::finding::Finding;
use candle_core::{DType, Device, Tensor};
use fernn::Error;
use fernn::flow::{PixelsPerFrame, VelocitySet};
use fernn::models::{AnyClassifier, Classifier, ClassifierChoice, ClassifierKind, Mode};
use fernn::ops::Padding;
use fernn::parameters::{Parameters, Tensors, load, load_f32};
use std::path::Path;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let velocities = velocities(arguments)?;
    arguments.threads.apply()?;
    let (device, source) = (arguments.device.device()?, &arguments.weights);
    let choice = choice(arguments);
    let tensors = load_f32(source, &device)?;
    let model = choice.classifier(&tensors, &velocities, source)?;
    let clips = sequence(&arguments.input, ("clip", "labels"), &device)?;
    let logits = model.logits(&clips, &mut Mode::Evaluation)?;
    let mut results = Tensors::from([("logits".to_string(), logits.detach())]);
    if arguments.hidden {
        let Some(recurrent) = model.recurrent() else {
            let problem = "means nothing for --model 3dcnn, which has no hidden state";
            return Err(Error::configuration("--hidden", problem, "leave it out").into());
        };
        results.insert("rnn_out".into(), recurrent.hidden_states(&clips)?.detach());
    }
    if let Some(path) = &arguments.target {
        let labels = labels(path, &logits, &device)?;
        results.extend(training((&choice, &velocities), tensors, (&clips, &labels), source)?);
    }
    write(&results, &arguments.output)
}

fn choice(arguments: &Arguments) -> ClassifierChoice {
    let kind = match arguments.kth.model {
        Some(Model::GrnnPlus) => ClassifierKind::LearnedShift,
        Some(Model::VideoCnn) => ClassifierKind::VideoCnn,
        Some(Model::Fernn | Model::Grnn) | None => ClassifierKind::Flow,
    };
    let padding = match arguments.kth.padding {
        Some(Border::Circular) => Padding::Circular,
        Some(Border::Zero) | None => Padding::Zero,
    };
    let layers = arguments.kth.layers.unwrap_or(1) as usize;
    ClassifierChoice { kind, layers, padding, algorithm: arguments.algorithm.algorithm() }
}

/// The velocities of the flags in the order of the public code, whose velocities (vy, vx), vx the outer
/// loop, move slices by *minus* themselves.
fn velocities(arguments: &Arguments) -> fernn::Result<VelocitySet<PixelsPerFrame>> {
    let [x, y] = [arguments.kth.velocity_range_x, arguments.kth.velocity_range_y]
        .map(|range| range.unwrap_or(0) as i32);
    let has_none = matches!(arguments.kth.model, Some(Model::Grnn | Model::VideoCnn));
    if has_none && (x, y) != (0, 0) {
        let problem = "means nothing for a model without velocities";
        let flag = if x > 0 { "--velocity-range-x" } else { "--velocity-range-y" };
        return Err(Error::configuration(flag, problem, "leave it out, or change --model"));
    }
    let all = (-x..=x).flat_map(|vx| (-y..=y).map(move |vy| PixelsPerFrame::new(-vx, -vy)));
    VelocitySet::truncated(all.collect())
}

/// The tensor `labels` of a file: a class for every clip.
fn labels(path: &Path, logits: &Tensor, device: &Device) -> fernn::Result<Tensor> {
    let refuse =
        |problem: String| Error::Weights { path: path.to_path_buf(), problems: vec![problem] };
    let tensors = load(path, device)?;
    let labels = tensors.get("labels").ok_or_else(|| refuse("`labels` is missing".into()))?;
    let (clips, classes) = logits.dims2()?;
    if labels.dims() != [clips] {
        return Err(refuse(format!("`labels` has shape {:?}, expected [{clips}]", labels.dims())));
    }
    let values = labels.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let is_class = |label: &f64| label.fract() == 0.0 && (0.0..classes as f64).contains(label);
    if let Some(label) = values.iter().find(|label| !is_class(label)) {
        return Err(refuse(format!("`labels` holds {label}, expected classes in 0..{classes}")));
    }
    Ok(labels.to_dtype(DType::U32)?)
}

/// `loss`, `grads.NAME` and `statistics.NAME` of a step in training mode.
fn training(
    (choice, velocities): (&ClassifierChoice, &VelocitySet<PixelsPerFrame>),
    tensors: Tensors,
    (clips, labels): (&Tensor, &Tensor),
    source: &Path,
) -> fernn::Result<Tensors> {
    let parameters = Parameters::from_tensors(tensors)?;
    let model: AnyClassifier = choice.classifier(&parameters.tensors(), velocities, source)?;
    let mut mode = Mode::training();
    let loss = candle_nn::loss::cross_entropy(&model.logits(clips, &mut mode)?, labels)?;
    let mut results = with_gradients(&loss, &parameters)?;
    let gathered = mode.gathered();
    results.retain(|name, _| {
        let name = name.strip_prefix("grads.").unwrap_or(name);
        !gathered.contains_key(name) && !name.ends_with("shift_kernels")
    });
    results.extend(gathered.into_iter().map(|(name, t)| (format!("statistics.{name}"), t)));
    Ok(results)
}
