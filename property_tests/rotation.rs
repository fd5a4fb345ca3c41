//! The rotation group, layer by layer: planes, filters, convolutions, cells.

mod common;

use candle_core::{DType, Device, Tensor, Var};
use common::{finite_differences, normal, relative_error, values};
use fernn::cells::{Cell, FlowGru, FlowLayer, FlowLstm, FlowRnn, MixingRnn};
use fernn::equivariance::{Difference, state_error};
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Input, Lift, LiftedState, Rotation,
    VelocitySet,
};
use fernn::ops::{
    Activation, ConvAlgorithm, Padding, SteerableBasis, Turn, Turning, activate, convolve_slices,
    turn_slices, turned_recurrence,
};
use fernn::{Error, Result};
use proptest::prelude::*;

/// Rotates planes (B, C, H, W).
fn rotate(frame: &Tensor, degrees: i32) -> Tensor {
    Rotation::new(4).unwrap().act_on_frame(frame, DegreesPerFrame(degrees), 1).unwrap()
}

/// Turns slices (B, V, H, W, C·N) all alike by g places of 360°/N.
fn turn(slices: &Tensor, orientations: usize, g: i64) -> Tensor {
    let degrees = g as f64 * 360.0 / orientations as f64;
    let turn = Turn { degrees, orientations: g };
    turn_slices(slices, orientations, &vec![turn; slices.dims()[1]]).unwrap()
}

/// Bilinear resampling in normalised coordinates, −1 and 1 at the outer edges of the outer pixels
/// (PyTorch's `align_corners = False`), pixel by pixel; square planes.
fn naive_rotation(plane: &[f64], size: usize, degrees: f64) -> Vec<f64> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let normalised = |i: usize| (2.0 * i as f64 + 1.0) / size as f64 - 1.0;
    let pixel = |u: f64| ((u + 1.0) * size as f64 - 1.0) / 2.0;
    let value = |y: f64, x: f64| {
        let is_inside = |v: f64| (0.0..size as f64).contains(&v);
        if is_inside(y) && is_inside(x) { plane[y as usize * size + x as usize] } else { 0.0 }
    };
    (0..size * size)
        .map(|i| {
            let (v, u) = (normalised(i / size), normalised(i % size));
            // What is seen at (u, v) was, before the content turned counter-clockwise, clockwise of it.
            let (x, y) = (pixel(u * cos - v * sin), pixel(u * sin + v * cos));
            let (left, top) = (x.floor(), y.floor());
            let (dx, dy) = (x - left, y - top);
            (1.0 - dy) * ((1.0 - dx) * value(top, left) + dx * value(top, left + 1.0))
                + dy * ((1.0 - dx) * value(top + 1.0, left) + dx * value(top + 1.0, left + 1.0))
        })
        .collect()
}

#[test]
fn a_positive_angle_turns_content_counter_clockwise_on_the_screen() {
    // On the right, seen on the screen; a quarter turn later at the top.
    let plane = [[0f64, 0.0, 0.0], [0.0, 5.0, 7.0], [0.0, 0.0, 0.0]];
    let frame = Tensor::new(&plane, &Device::Cpu).unwrap().reshape((1, 1, 3, 3)).unwrap();
    assert_eq!(values(&rotate(&frame, 90)), [0.0, 7.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(&rotate(&frame, -90)), [0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 7.0, 0.0]);
}

#[test]
fn a_turn_moves_orientations_on_within_every_field() {
    let fields = Tensor::arange(0f64, 6.0, &Device::Cpu).unwrap().reshape((1, 1, 1, 1, 6)).unwrap();
    let turn = |orientations| Turn { degrees: 0.0, orientations };
    let moved = |by| values(&turn_slices(&fields, 3, &[turn(by)]).unwrap());
    assert_eq!(moved(1), [2.0, 0.0, 1.0, 5.0, 3.0, 4.0]);
    assert_eq!(moved(-4), moved(2), "modulo the number of orientations");
    assert!(matches!(turn_slices(&fields, 4, &[turn(1)]), Err(Error::Configuration { .. })));
    assert!(matches!(turn_slices(&fields, 3, &[]), Err(Error::Shape { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn quarter_turns_of_square_planes_compose_and_undo_each_other_exactly(
        seed in 0u64..1000, size in 1usize..12, a in -5i32..6, b in -5i32..6,
    ) {
        let frame = normal(seed, "frame", &[2, 3, size, size], 1.0, DType::F32);
        let (once, twice) = (rotate(&frame, 90 * a), rotate(&rotate(&frame, 90 * a), 90 * b));
        prop_assert_eq!(values(&twice), values(&rotate(&frame, 90 * (a + b))));
        prop_assert_eq!(values(&rotate(&once, -90 * a)), values(&frame));
        if a % 4 != 0 && size > 1 {
            prop_assert_ne!(values(&once), values(&frame));
        }
    }

    #[test]
    fn rotation_is_bilinear_between_pixel_centres_with_zeros_outside(
        seed in 0u64..1000, size in 1usize..12, degrees in -400i32..400,
    ) {
        let frame = normal(seed, "frame", &[1, 1, size, size], 1.0, DType::F64);
        let (ours, naive) = (values(&rotate(&frame, degrees)), naive_rotation(&values(&frame), size, degrees as f64));
        for (ours, naive) in ours.iter().zip(&naive) {
            prop_assert!((ours - naive).abs() < 1e-12, "{ours} {naive}");
        }
    }

    #[test]
    fn filters_obey_their_constraint_for_every_pair_of_orientations(
        seed in 0u64..1000, orientations in prop::sample::select(vec![1usize, 3, 4, 8, 12]),
        size in prop::sample::select(vec![3usize, 5]),
    ) {
        let basis = SteerableBasis::new(orientations, size).unwrap();
        let (n, d, half) = (orientations, basis.len(), (size / 2) as f64);
        let k = normal(seed, "k", &[2, 3, n, d], 1.0, DType::F64);
        let (k, filters) = (values(&k), values(&basis.regular(&k).unwrap()));
        for (place, &got) in filters.iter().enumerate() {
            let (tap, planes) = (place % (size * size), place / (size * size));
            let (o, g, i, h) = (planes / (3 * n * n), planes / (3 * n) % n, planes / n % 3, planes % n);
            let (right, up) = ((tap % size) as f64 - half, half - (tap / size) as f64);
            let (sin, cos) = (g as f64 * std::f64::consts::TAU / n as f64).sin_cos();
            let functions = basis.at((right * cos + up * sin, up * cos - right * sin)); // R_g⁻¹x
            let free = &k[((o * 3 + i) * n + (h + n - g) % n) * d..][..d];
            let expected: f64 = free.iter().zip(&functions).map(|(k, f)| k * f).sum();
            prop_assert!((got - expected).abs() < 1e-13, "{got} {expected}");
        }
    }

    #[test]
    fn convolutions_with_steerable_filters_commute_with_quarter_turns(
        seed in 0u64..1000, n in prop::sample::select(vec![4usize, 8]), a in 1i64..4,
        extent in 2usize..9, size in prop::sample::select(vec![3usize, 5]),
    ) {
        let (group, basis) = (Rotation::new(n).unwrap(), SteerableBasis::new(n, size).unwrap());
        let draw = |name: &str, shape: &[usize]| normal(seed, name, shape, 0.5, DType::F64);
        let direct = ConvAlgorithm::Direct;
        let quarter = a * n as i64 / 4;
        // Regular to regular.
        let state = draw("state", &[2, 1, extent, extent, 2 * n]);
        let regular = basis.regular(&draw("w", &[3, 2, n, basis.len()])).unwrap();
        let convolve = |x: &Tensor, w: &Tensor| group.convolve(x, w, direct).unwrap();
        let (then, first) = (turn(&convolve(&state, &regular), n, quarter), convolve(&turn(&state, n, quarter), &regular));
        let error = relative_error(&values(&first), &values(&then));
        prop_assert!(error < 1e-13, "{error}");
        // Trivial to regular.
        let frame = draw("frame", &[2, 2, extent, extent]);
        let lifting = basis.lifting(&draw("u", &[3, 2, basis.len()])).unwrap();
        let lift = |f: &Tensor| group.convolve_frame(f, &lifting).unwrap().unsqueeze(1).unwrap();
        let turned = rotate(&frame, 90 * a as i32);
        let error = relative_error(&values(&lift(&turned)), &values(&turn(&lift(&frame), n, quarter)));
        prop_assert!(error < 1e-13, "{error}");
        // Regular to trivial.
        let projecting = basis.projecting(&draw("p", &[3, 2, basis.len()])).unwrap();
        let (then, first) = (turn(&convolve(&state, &projecting), 1, 0), convolve(&turn(&state, n, quarter), &projecting));
        let then = turn_slices(&then, 1, &[Turn { degrees: 90.0 * a as f64, orientations: 0 }]).unwrap();
        let error = relative_error(&values(&first), &values(&then));
        prop_assert!(error < 1e-13, "{error}");
        // Any other kernel does not commute.
        let plain = draw("plain", &[3 * n, 2 * n, size, size]);
        let (then, first) = (turn(&convolve(&state, &plain), n, quarter), convolve(&turn(&state, n, quarter), &plain));
        prop_assert!(relative_error(&values(&first), &values(&then)) > 0.05);
    }
}

#[test]
fn the_basis_of_3x3_filters_is_the_published_one() {
    let basis = SteerableBasis::new(36, 3).unwrap();
    assert_eq!(basis.len(), 6);
    // Up to a factor for each function: values at the centre, on the right, and diagonally.
    let w = |r: f64| (-(r - 1.0) * (r - 1.0) / 0.32).exp();
    let diagonal = std::f64::consts::FRAC_1_SQRT_2;
    let expected = [
        ([1.0, 0.0, 0.0], (0.0, 0.0)),
        ([w(0.0), w(1.0), w(2f64.sqrt())], (1.0, 1.0)),
        ([0.0, w(1.0), w(2f64.sqrt()) * diagonal], (0.0, 0.0)), // cos φ
        ([0.0, 0.0, w(2f64.sqrt()) * diagonal], (0.0, 0.0)),    // sin φ
        ([0.0, w(1.0), 0.0], (0.0, 0.0)),                       // cos 2φ
        ([0.0, 0.0, w(2f64.sqrt())], (0.0, 0.0)),               // sin 2φ
    ];
    let at = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)].map(|point| basis.at(point));
    for (d, (expected, _)) in expected.iter().enumerate() {
        let got: Vec<f64> = at.iter().map(|functions| functions[d]).collect();
        let scale = got.iter().sum::<f64>() / expected.iter().sum::<f64>();
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - scale * expected).abs() < 1e-15 * scale.max(1.0), "function {d}");
        }
    }
    assert_eq!(SteerableBasis::new(8, 5).unwrap().len(), 11);
    assert!(SteerableBasis::new(8, 4).is_err() && SteerableBasis::new(0, 3).is_err());
}

#[test]
fn gradients_of_turns_and_filters_agree_with_finite_differences() {
    let functional = |y: &Tensor| {
        let weights = normal(2, "functional", y.dims(), 1.0, DType::F64);
        (y * weights).unwrap().sum_all().unwrap()
    };
    let check = |x: Tensor, map: &dyn Fn(&Tensor) -> Tensor| {
        let variable = Var::from_tensor(&x).unwrap();
        let gradients = functional(&map(variable.as_tensor())).backward().unwrap();
        let numeric = finite_differences(&x, |at| functional(&map(at)).to_scalar().unwrap());
        let error = relative_error(&values(gradients.get(&variable).unwrap()), &numeric);
        assert!(error < 1e-8, "{error}"); // linear maps: only ε / step of rounding
    };
    let draw = |name: &str, shape: &[usize]| normal(3, name, shape, 1.0, DType::F64);
    let turns =
        [(33.0, 1), (-90.0, -2)].map(|(degrees, orientations)| Turn { degrees, orientations });
    check(draw("x", &[2, 2, 5, 4, 6]), &|x| turn_slices(x, 3, &turns).unwrap());
    let basis = SteerableBasis::new(4, 3).unwrap();
    check(draw("u", &[2, 3, 6]), &|k| basis.lifting(k).unwrap());
    check(draw("w", &[2, 3, 4, 6]), &|k| basis.regular(k).unwrap());
    check(draw("p", &[2, 3, 6]), &|k| basis.projecting(k).unwrap());
}

/// A turned step composed of its parts.
fn turned_step_in_parts(
    [state, kernel, lifted]: [&Tensor; 3],
    Turning { orientations, turns, order }: Turning<'_>,
    activation: Activation,
) -> Tensor {
    let turn = |x: &Tensor| turn_slices(x, orientations, turns).unwrap();
    let direct = ConvAlgorithm::Direct;
    let convolve = |x: &Tensor| convolve_slices(x, kernel, Padding::Zero, direct).unwrap();
    let carried = match order {
        CarryOrder::CarryFirst => convolve(&turn(state)),
        CarryOrder::ConvolveFirst => turn(&convolve(state)),
    };
    activate(&carried.broadcast_add(&lifted.unsqueeze(1).unwrap()).unwrap(), activation).unwrap()
}

#[test]
fn a_turned_step_is_its_parts_and_has_their_gradients() {
    let turns = [(45.0, 1), (-90.0, -2), (10.0, 0)]
        .map(|(degrees, orientations)| Turn { degrees, orientations });
    // Planes that the kernels store as they are, and planes that they fill up, in more slices than one
    // task takes.
    for ((batch, planes), order) in
        [(1, 8), (5, 12)].into_iter().flat_map(|size| CarryOrder::ALL.map(|order| (size, order)))
    {
        let draw = |name: &str, shape: &[usize], scale| normal(8, name, shape, scale, DType::F64);
        let arguments = [
            draw("h", &[batch, 3, 5, 4, planes], 1.0),
            draw("w", &[planes, planes, 3, 3], 0.1),
            draw("u", &[batch, 5, 4, planes], 1.0),
        ];
        let weights = draw("g", &[batch, 3, 5, 4, planes], 1.0);
        let turning = Turning { orientations: 4, turns: &turns, order };
        let functional = |y: Tensor| (y * &weights).unwrap().sum_all().unwrap();
        for algorithm in [ConvAlgorithm::Direct, ConvAlgorithm::Winograd] {
            for activation in [Activation::Tanh, Activation::Relu] {
                let step = |[h, w, u]: [&Tensor; 3]| {
                    turned_recurrence(h, w, u, turning, (activation, algorithm)).unwrap()
                };
                let variables = arguments.each_ref().map(|t| Var::from_tensor(t).unwrap());
                let at = variables.each_ref().map(Var::as_tensor);
                let parts = turned_step_in_parts(at, turning, activation);
                let error = relative_error(&values(&step(at)), &values(&parts));
                assert!(error < 1e-12, "{planes} {order:?}: {error}");
                let gradients = functional(step(at)).backward().unwrap();
                let of_parts = functional(parts).backward().unwrap();
                for (place, variable) in variables.iter().enumerate() {
                    let what = format!("{planes} {order:?} {algorithm:?}, argument {place}");
                    let ours = values(gradients.get(variable).unwrap());
                    let theirs = values(of_parts.get(variable).unwrap());
                    let error = relative_error(&ours, &theirs);
                    assert!(error < 1e-12, "{what}: {error}");
                    if planes > 8 {
                        continue; // differences of so many numbers are slow
                    }
                    let numeric = finite_differences(&arguments[place], |moved| {
                        let mut at = arguments.each_ref();
                        at[place] = moved;
                        functional(step(at)).to_scalar().unwrap()
                    });
                    // Step² · third derivative, and ε / step of rounding.
                    let error = relative_error(&ours, &numeric);
                    assert!(error < 1e-6, "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_state_without_history_costs_no_gradient_and_spoils_none() {
    // The first state is a constant: only kernel and input learn from it.
    let turns = [Turn { degrees: 30.0, orientations: 1 }];
    let draw = |name: &str, shape: &[usize]| normal(9, name, shape, 0.3, DType::F64);
    let (h, w, u) =
        (draw("h", &[3, 1, 5, 7, 6]), draw("w", &[6, 6, 3, 3]), draw("u", &[3, 5, 7, 6]));
    for order in CarryOrder::ALL {
        let turning = Turning { orientations: 3, turns: &turns, order };
        let gradients = |h: &Tensor| {
            let (w, u) = (Var::from_tensor(&w).unwrap(), Var::from_tensor(&u).unwrap());
            let how = (Activation::Tanh, ConvAlgorithm::Direct);
            let next = turned_recurrence(h, &w, &u, turning, how).unwrap();
            let all = next.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [&w, &u].map(|variable| values(all.get(variable).unwrap()))
        };
        let variable = Var::from_tensor(&h).unwrap();
        assert_eq!(gradients(&h), gradients(variable.as_tensor()));
    }
}

/// A smooth scene on the unit square around the centre, sampled on size × size pixels: blobs well
/// inside, turned counter-clockwise by an angle.
fn scene(size: usize, degrees: f64) -> Tensor {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let blobs = [(0.2, 0.1, 0.13, 1.0), (-0.15, 0.2, 0.11, -0.7), (0.0, -0.2, 0.15, 0.8)];
    let values: Vec<f64> = (0..size * size)
        .map(|i| {
            let place = |i: usize| (2.0 * i as f64 + 1.0) / size as f64 - 1.0;
            let (right, up) = (place(i % size), -place(i / size));
            let (x, y) = (right * cos + up * sin, up * cos - right * sin);
            let blob = |&(bx, by, s, a): &(f64, f64, f64, f64)| {
                a * (-((x - bx) * (x - bx) + (y - by) * (y - by)) / (2.0 * s * s)).exp()
            };
            blobs.iter().map(blob).sum()
        })
        .collect();
    Tensor::from_vec(values, (1, 1, size, size), &Device::Cpu).unwrap()
}

/// ‖a − b‖₂ / ‖b‖₂: unlike the largest value it does not depend on where pixels fall on a blob.
fn two_norm_error(a: &Tensor, b: &Tensor) -> f64 {
    Difference::between(a, b).unwrap().two_norm
}

/// Errors on grids of which each has half the pixel of the one before.
fn refined(error: impl Fn(usize) -> f64) -> [f64; 3] {
    [24, 48, 96].map(error)
}

/// How often an error of order h² must shrink when h is halved, with room for the terms beyond.
fn assert_second_order(errors: [f64; 3], what: &str) {
    println!("{what}: {errors:?}");
    let order = (errors[1] / errors[2]).log2();
    assert!((1.7..2.3).contains(&order), "{what}: order {order}, {errors:?}");
    // What the finest grid predicts for the coarsest, 16 times as much, bounds it.
    assert!(errors[0] < 1.5 * 16.0 * errors[2], "{what}: {errors:?}");
}

#[test]
fn interpolation_errors_shrink_with_the_square_of_the_pixel() {
    for degrees in [10, 30, 45, 67] {
        let error = |size| {
            let (turned, truth) = (rotate(&scene(size, 0.0), degrees), scene(size, degrees as f64));
            two_norm_error(&turned, &truth)
        };
        assert_second_order(refined(error), &format!("plane turned by {degrees}°"));
    }
    for degrees in [90, 180, 270] {
        let turned = rotate(&scene(24, 0.0), degrees);
        assert!(relative_error(&values(&turned), &values(&scene(24, degrees as f64))) < 1e-13);
    }
}

#[test]
fn convolutions_commute_with_any_rotation_up_to_a_discretisation_of_second_order() {
    const N: usize = 36;
    let group = Rotation::new(N).unwrap();
    for (size, degrees) in [(3, 10), (3, 30), (3, 40), (3, 70), (5, 30)] {
        let basis = SteerableBasis::new(N, size).unwrap();
        let u = basis.lifting(&normal(4, "u", &[2, 1, basis.len()], 1.0, DType::F64)).unwrap();
        let w = normal(4, "w", &[2, 2, N, basis.len()], 1.0, DType::F64);
        let w = basis.regular(&w).unwrap();
        let map = |frame: &Tensor| {
            let lifted = group.convolve_frame(frame, &u).unwrap().unsqueeze(1).unwrap();
            group.convolve(&lifted, &w, ConvAlgorithm::Auto).unwrap()
        };
        let error = |extent| {
            // The scene is turned exactly, so that the error is that of filters and of the way back.
            let got = map(&scene(extent, degrees as f64));
            let expected = turn(&map(&scene(extent, 0.0)), N, degrees / 10);
            two_norm_error(&got, &expected)
        };
        assert_second_order(refined(error), &format!("{size}×{size} filters, {degrees}°"));
    }
}

/// Random steerable kernels of a cell with two fields over N orientations and some gates.
fn kernels(n: usize, gates: usize) -> Result<(Tensor, Tensor)> {
    let basis = SteerableBasis::new(n, 3)?;
    let u = normal(5, "u", &[2 * gates, 1, basis.len()], 0.5, DType::F64);
    let w = normal(5, "w", &[2 * gates, 2, n, basis.len()], 0.2, DType::F64);
    Ok((basis.lifting(&u)?, basis.regular(&w)?))
}

/// A simple cell with these kernels.
fn cell(
    (n, order): (usize, CarryOrder),
    set: VelocitySet<DegreesPerFrame>,
    lift: Lift,
) -> Result<FlowRnn<Rotation>> {
    let (u, w) = kernels(n, 1)?;
    FlowRnn::over(FlowSpace::new(Rotation::new(n)?.with_order(order), set, lift), u, w)
}

/// The state after two frames, and the one before.
fn two_states(layer: &impl FlowLayer, frames: &[Tensor; 2]) -> Result<[LiftedState; 2]> {
    let zero = layer.zero_state(2, (7, 7), DType::F64, &Device::Cpu)?;
    let first = layer.step(Input::Frame(&frames[0]), &zero)?;
    Ok([layer.step(Input::Frame(&frames[1]), &first)?, first])
}

fn two_frames() -> [Tensor; 2] {
    ["first", "second"].map(|name| normal(5, name, &[2, 1, 7, 7], 1.0, DType::F64))
}

#[test]
fn the_lab_frame_carries_and_convolves_in_the_order_of_its_group() -> Result<()> {
    let (n, set) = (8, VelocitySet::multiples(DegreesPerFrame(45), 1));
    let (u, w) = kernels(n, 1)?;
    let frames = two_frames();
    assert_eq!(Rotation::new(n)?.carry_order(), CarryOrder::CarryFirst, "the public code's");
    for order in CarryOrder::ALL {
        let cell = cell((n, order), set.clone(), Lift::Trivial)?;
        let [second, first] = two_states(&cell, &frames)?;
        let group = Rotation::new(n)?;
        let convolve = |x: &Tensor| group.convolve(x, &w, ConvAlgorithm::Direct);
        let turn = |x: &Tensor| group.act_on_slices(x, set.as_slice(), 1);
        let lifted = group.convolve_frame(&frames[1], &u)?.unsqueeze(1)?;
        let next = |carried: Tensor| Ok(values(&carried.broadcast_add(&lifted)?.relu()?));
        let turned_first: Result<_> = next(convolve(&turn(first.hidden())?)?);
        let convolved_first: Result<_> = next(turn(&convolve(first.hidden())?)?);
        // Between pixels the order matters.
        let (expected, other) = match order {
            CarryOrder::CarryFirst => (turned_first?, convolved_first?),
            CarryOrder::ConvolveFirst => (convolved_first?, turned_first?),
        };
        let ours = values(second.hidden());
        assert!(relative_error(&ours, &expected) < 1e-13, "{order:?}");
        assert!(relative_error(&ours, &other) > 1e-3, "{order:?}");
    }
    Ok(())
}

/// A layer of each kind over a space.
fn layers(
    n: usize,
    space: &FlowSpace<Rotation>,
) -> Result<Vec<Box<dyn FlowLayer<Group = Rotation>>>> {
    let ((u, w), (u3, w3), (u4, w4)) = (kernels(n, 1)?, kernels(n, 3)?, kernels(n, 4)?);
    let neighbourhood = space.velocities().as_slice()[..2].to_vec();
    let mixing = Tensor::stack(&[&w, &(&w * 0.5)?], 0)?;
    let with_space = || space.clone();
    Ok(vec![
        Box::new(FlowRnn::over(with_space(), u.clone(), w)?),
        Box::new(MixingRnn::over(with_space(), u, mixing, neighbourhood)?),
        Box::new(FlowGru::over(with_space(), u3, w3)?),
        Box::new(FlowLstm::over(with_space(), u4, w4)?),
    ])
}

#[test]
fn both_orders_are_one_network_over_quarter_turns_and_two_between_pixels() -> Result<()> {
    let frames = two_frames();
    let apart = |(n, step): (usize, i32), lift: Lift| -> Result<Vec<f64>> {
        let set = VelocitySet::multiples(DegreesPerFrame(step), 1);
        let states = |order| -> Result<Vec<Vec<f64>>> {
            let group = Rotation::new(n)?.with_order(order);
            let all = layers(n, &FlowSpace::new(group, set.clone(), lift))?;
            all.iter().map(|layer| Ok(values(two_states(layer, &frames)?[0].hidden()))).collect()
        };
        let [ours, theirs] = CarryOrder::ALL.map(states);
        Ok(ours?.iter().zip(&theirs?).map(|(a, b)| relative_error(a, b)).collect())
    };
    for group in [(4, 90), (8, 90), (8, -180)] {
        for error in apart(group, Lift::Trivial)? {
            assert!(error < 1e-13, "{group:?}: {error}"); // only moved numbers, summed in other orders
        }
    }
    for (kind, error) in apart((8, 45), Lift::Trivial)?.into_iter().enumerate() {
        assert!(error > 1e-3, "layer {kind}: {error}");
    }
    for error in apart((8, 45), Lift::CoMoving)? {
        assert_eq!(error, 0.0, "no state turns there");
    }
    Ok(())
}

#[test]
fn mixing_and_gates_follow_the_order_too() -> Result<()> {
    let (n, set) = (8, VelocitySet::multiples(DegreesPerFrame(45), 1));
    let frames = two_frames();
    let (plain, direct) = (Rotation::new(n)?, ConvAlgorithm::Direct);
    for order in CarryOrder::ALL {
        let space = FlowSpace::new(plain.with_order(order), set.clone(), Lift::Trivial);
        let carried = |x: &Tensor, w: &Tensor| match order {
            CarryOrder::CarryFirst => {
                plain.convolve(&plain.act_on_slices(x, set.as_slice(), 1)?, w, direct)
            }
            CarryOrder::ConvolveFirst => {
                plain.act_on_slices(&plain.convolve(x, w, direct)?, set.as_slice(), 1)
            }
        };
        // Mixing with the velocity itself alone is the simple cell.
        let (u, w) = kernels(n, 1)?;
        let own = vec![DegreesPerFrame(0)];
        let mixing = MixingRnn::over(space.clone(), u.clone(), w.unsqueeze(0)?, own)?;
        let [second, first] = two_states(&mixing, &frames)?;
        let lifted = plain.convolve_frame(&frames[1], &u)?.unsqueeze(1)?;
        let expected = carried(first.hidden(), &w)?.broadcast_add(&lifted)?.relu()?;
        assert!(relative_error(&values(second.hidden()), &values(&expected)) < 1e-13, "{order:?}");
        // A GRU: what it remembers is ψ_1(ν)·h in either order.
        let (u, w) = kernels(n, 3)?;
        let [second, first] = two_states(&FlowGru::over(space, u.clone(), w.clone())?, &frames)?;
        let lifted = plain.convolve_frame(&frames[1], &u)?.unsqueeze(1)?.broadcast_as((
            2,
            3,
            7,
            7,
            6 * n,
        ))?;
        let (maps, planes) = (carried(first.hidden(), &w)?, 2 * n);
        let gate = |number: usize| -> Result<(Tensor, Tensor)> {
            let part =
                |x: &Tensor| Ok::<_, Error>(x.narrow(4, number * planes, planes)?.contiguous()?);
            Ok((part(&lifted)?, part(&maps)?))
        };
        let sigmoid = |(u, w): (Tensor, Tensor)| candle_nn::ops::sigmoid(&(u + w)?);
        let (r, z, (u_n, w_n)) = (sigmoid(gate(0)?)?, sigmoid(gate(1)?)?, gate(2)?);
        let new = (u_n + (r * w_n)?)?.tanh()?;
        let m = plain.act_on_slices(first.hidden(), set.as_slice(), 1)?;
        let expected = ((z.affine(-1.0, 1.0)? * new)? + (z * m)?)?;
        assert!(relative_error(&values(second.hidden()), &values(&expected)) < 1e-13, "{order:?}");
    }
    Ok(())
}

#[test]
fn quarter_turns_flow_without_error_and_other_angles_do_not() -> Result<()> {
    let frames = normal(6, "frames", &[2, 5, 1, 9, 9], 1.0, DType::F64);
    for (lift, order) in [
        (Lift::Trivial, CarryOrder::CarryFirst),
        (Lift::Trivial, CarryOrder::ConvolveFirst),
        (Lift::CoMoving, CarryOrder::CarryFirst),
    ] {
        let cell = |n| cell((n, order), VelocitySet::cyclic(n as u32)?, lift);
        for n in [4, 8] {
            let error = state_error(&cell(n)?, &frames, DegreesPerFrame(90))?.max();
            // The co-moving frame of a 45° velocity resamples twice where once would do.
            let is_exact = n == 4 || lift == Lift::Trivial;
            assert!(!is_exact || error < 1e-12, "{lift:?} {order:?} {n}: {error}");
        }
        let diagonal = state_error(&cell(8)?, &frames, DegreesPerFrame(45))?;
        assert!(diagonal.max() > 1e-3, "noise cannot be turned by 45° on a grid");
    }
    Ok(())
}

#[test]
fn velocities_between_orientations_are_refused_unless_truncation_is_asked_for() -> Result<()> {
    let frames = normal(7, "frames", &[1, 1, 5, 5], 1.0, DType::F64);
    let run = |group: Rotation, degrees: i32| -> Result<Vec<f64>> {
        let basis = SteerableBasis::new(8, 3)?;
        let u = basis.lifting(&normal(7, "u", &[1, 1, 6], 0.5, DType::F64))?;
        let w = basis.regular(&normal(7, "w", &[1, 1, 8, 6], 0.2, DType::F64))?;
        let set = VelocitySet::truncated(vec![DegreesPerFrame(degrees)])?;
        let cell = FlowRnn::over(FlowSpace::new(group, set, Lift::Trivial), u, w)?;
        let state = cell.zero_state(1, (5, 5), DType::F64, &Device::Cpu)?;
        let state = cell.step(Input::Frame(&frames), &cell.step(Input::Frame(&frames), &state)?)?;
        Ok(values(state.hidden()))
    };
    let group = Rotation::new(8)?;
    for degrees in [50, -89] {
        assert!(matches!(run(group, degrees), Err(Error::Configuration { .. })));
        assert!(run(group.truncating(), degrees).is_ok());
    }
    assert_eq!(run(group, 45)?, run(group.truncating(), 45)?);
    // −89° is −1.98 places: one, toward zero.
    let state = normal(7, "state", &[1, 1, 5, 5, 8], 1.0, DType::F64);
    let acted = group.truncating().act_on_slices(&state, &[DegreesPerFrame(-89)], 1)?;
    let expected = turn_slices(&state, 8, &[Turn { degrees: -89.0, orientations: -1 }])?;
    assert_eq!(values(&acted), values(&expected));
    // The same on a lifted state alone, every memory of it.
    let set = VelocitySet::truncated(vec![DegreesPerFrame(-89)])?;
    let space = FlowSpace::new(group.truncating(), set, Lift::Trivial);
    let acted = space.act(&LiftedState::new(vec![state.clone(), (state * 2.0)?], 3), 1)?;
    assert_eq!((acted.memories().len(), acted.frames_seen()), (2, 3));
    assert_eq!(values(acted.hidden()), values(&expected));
    assert_eq!(values(&acted.memories()[1]), values(&(expected * 2.0)?));
    Ok(())
}
