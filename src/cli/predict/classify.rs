//! Classifiers of clips of a moving camera.

use super::arguments::Arguments;
use super::tensors::{sequence, with_gradients, write};
use crate::cli::finding::Finding;
use crate::cli::model::{classifier_choice, classifier_velocities, weights};
use candle_core::{DType, Device, Tensor};
use fernn::Error;
use fernn::flow::{PixelsPerFrame, VelocitySet};
use fernn::models::{AnyClassifier, Classifier, ClassifierChoice, Mode};
use fernn::parameters::{Parameters, Tensors, load};
use std::path::Path;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let velocities = classifier_velocities(&arguments.model.kth)?;
    arguments.memory.apply(1);
    arguments.threads.apply()?;
    let (device, source) = (arguments.device.device()?, &arguments.weights);
    let choice = classifier_choice(&arguments.model.kth, arguments.algorithm.algorithm());
    let tensors = weights(source, &device)?;
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
