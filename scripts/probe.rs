use fernn::{data::*, flow::*, models::*, training::*};
use candle_nn::Optimizer;
use std::{path::Path, time::Instant};
fn main() -> anyhow::Result<()> {
    let a: Vec<usize> = std::env::args().skip(1).map(|s| s.parse().unwrap()).collect();
    let (c, n, b, size, seen, pred, steps, lr) = (a[0], a[1], a[2] as u64, a[3], a[4], a[5], a[6], a[7] as f64 * 1e-4);
    let digits = Digits::embedded()?;
    let v2 = VelocitySet::square(2);
    let data = FlowingMnist::new(&digits, Canvas { size, digit: 14 }, seen + pred, v2.as_slice(), 1)?;
    let shape = ForecasterShape { inputs: 1, channels: c, outputs: 1, decoder_layers: 4 };
    let p = Parameters::convolutions(&parameter_shapes(&shape), 1, &candle_core::Device::Cpu)?;
    let m = TranslationForecaster::from_tensors(&p.tensors(), VelocitySet::square(n as u32), Path::new("x"))?;
    let f = TranslationForecaster::from_tensors(&p.detached(), VelocitySet::square(n as u32), Path::new("x"))?;
    let mut opt = Adam::new(p.variables(), AdamConfig { learning_rate: lr, ..Default::default() })?;
    let val: Vec<_> = data.pairs(Split::Validation, 64, 32, seen).collect::<Result<_, _>>()?;
    let t = Instant::now(); let mut last = 0.0;
    for s in 0..steps as u64 {
        let (x, y) = data.pair(Split::Train, s * b..(s + 1) * b, seen)?;
        let r = training_step(&m, &p, &mut opt, (&x, &y), Some(1.0))?;
        if (s + 1) % 50 == 0 || s < 2 { let e = mse_over_batches(&f, val.iter().cloned().map(Ok))?; println!("{} {:.4} val {:.4} norm {:.3} t {:.2}", s + 1, r.loss, e, r.gradient_norm, t.elapsed().as_secs_f64()); last = e; }
    }
    let v = 25usize.min((2*n+1)*(2*n+1));
    let gf = (seen + pred) as f64 * b as f64 * v as f64 * (size * size) as f64 * (c * c * 18) as f64 * 3.0 / 1e9;
    println!("{gf:.1} GF/step recurrence; {:.1} GF/s; last {last}", gf * steps as f64 / t.elapsed().as_secs_f64());
    Ok(())
}
