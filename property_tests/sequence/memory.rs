//! A history that does not fit into its budget is computed again, with the same bits.

use super::common::{normal, values};
use super::{ALGORITHMS, pooling};
use candle_core::{DType, Tensor, Var};
use fernn::ops::{
    Activation, CarryOrder, DEFAULT_HISTORY_BUDGET, FedAs, Gated, Kernels, ReadOut, Shift,
    SliceAction, Turn, Turning, Unrolled, Update, flow_sequence, history_budget,
    set_history_budget,
};
use proptest::prelude::*;

/// Read-outs and gradients to the sequence, W and U, where there is one.
fn run(
    seed: u64,
    (frames, steps): (usize, usize),
    (has_input, channels): (bool, usize),
    (action, how): (SliceAction<'_>, Unrolled),
) -> Vec<Vec<f64>> {
    let gates = how.update.gates();
    let inputs = if has_input { 1 } else { channels * gates };
    let draw = |name: &str, shape: &[usize], scale| {
        Var::from_tensor(&normal(seed, name, shape, scale, DType::F32)).unwrap()
    };
    let sequence = draw("sequence", &[3, frames, 5, 7, inputs], 1.0);
    let (w, u) = (
        draw("w", &[channels * gates, channels, 3, 3], 0.15),
        draw("u", &[channels * gates, 1, 3, 3], 0.4),
    );
    let kernels = Kernels { input: has_input.then_some(u.as_tensor()), recurrent: &w };
    let mut feed = |read_out: &Tensor| {
        let maps = Tensor::cat(&vec![read_out; gates], 3)?;
        Ok(maps.narrow(3, 0, inputs)?.contiguous()?)
    };
    let read_out = match steps {
        0 => ReadOut::Every,
        steps => ReadOut::Fed { steps, feed: &mut feed, fed_as: FedAs::New },
    };
    let y = flow_sequence(&sequence, kernels, action, how, read_out).unwrap();
    let weights = normal(seed, "weights", y.dims(), 1.0, DType::F32);
    let gradients = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let mut all = vec![values(&y), values(gradients.get(&sequence).unwrap())];
    all.push(values(gradients.get(&w).unwrap()));
    all.extend(gradients.get(&u).map(values));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_bit_depends_on_the_budget(
        seed in 0u64..1000, frames in 1usize..9, steps in 0usize..4, has_input: bool, action in 0usize..4,
        channels in prop::sample::select(vec![5usize, 12]),
        pooling in pooling(), algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        update in prop::sample::select(vec![
            Update::Simple(Activation::Relu), Update::Simple(Activation::Tanh),
            Update::Gated(Gated::Gru), Update::Gated(Gated::Lstm),
        ]),
    ) {
        let shifts: Vec<Shift> =
            (-1..=1).flat_map(|down| (-1..=1).map(move |right| Shift { down, right })).collect();
        let turns: Vec<Turn> =
            (-4..=4).map(|n| Turn { degrees: 40.0 * n as f64, orientations: n }).collect();
        let (orientations, turns) = (channels, &turns[..]);
        let turning = |order| SliceAction::TurnedSlices(Turning { orientations, turns, order });
        let action = [
            SliceAction::Shifts(&shifts),
            SliceAction::TurnedViews { orientations, turns },
            turning(CarryOrder::CarryFirst),
            turning(CarryOrder::ConvolveFirst),
        ][action];
        let how = (action, Unrolled { update, pooling, algorithm });
        let expected = run(seed, (frames, steps), (has_input, channels), how);
        prop_assert!(expected.iter().flatten().any(|v| *v != 0.0));
        // A state of 3·9·35 pixels with 5 channels stored as 16 takes 60 kB: from all of them to one.
        for budget in [1, 150_000, 250_000, 400_000, 1_000_000, 2_000_000] {
            set_history_budget(budget);
            let again = run(seed, (frames, steps), (has_input, channels), how);
            set_history_budget(DEFAULT_HISTORY_BUDGET);
            prop_assert_eq!(&again, &expected, "budget {}", budget);
        }
        prop_assert_eq!(history_budget(), DEFAULT_HISTORY_BUDGET);
    }
}
