//! Estimates and intervals against values derived by hand.

use fernn::statistics::{bootstrap, estimate, mean, probability_of_improvement, ratio_of_means};

#[test]
fn the_spread_is_the_sample_standard_deviation() {
    // (2, 4, 9): mean 5, squares 9 + 1 + 16 = 26, over n − 1 = 2 is 13.
    let three = estimate(&[2.0, 4.0, 9.0]).unwrap();
    assert_eq!((three.mean, three.std, three.count), (5.0, Some(13f64.sqrt()), 3));
    // (1, 3): squares 1 + 1, over 1 is 2.
    assert_eq!(estimate(&[1.0, 3.0]).unwrap().std, Some(2f64.sqrt()));
    assert_eq!(estimate(&[1.0]).unwrap().std, None);
}

/// The resamples of four values with their mean, sorted: what the interval is a quantile of.
#[test]
fn intervals_end_at_the_exact_quantiles_of_all_resamples() {
    let values = [0.0, 1.0, 10.0, 100.0];
    let mut means: Vec<f64> = (0..256)
        .map(|code| (0..4).map(|place| values[code >> (2 * place) & 3]).sum::<f64>() / 4.0)
        .collect();
    means.sort_by(f64::total_cmp);
    // From below: 0 once, 1/4 four times (1.95 % of 256), 2/4 six times (4.3 %): 2.5 % is 2/4.
    assert_eq!((means[0], means[1], means[4], means[5], means[10]), (0.0, 0.25, 0.25, 0.5, 0.5));
    // From above: 400/4 once, 310/4 four times, 301/4 four times (3.5 %).
    assert_eq!((means[255], means[251], means[250], means[247]), (100.0, 77.5, 75.25, 75.25));
    for purpose in ["one", "another", "a third"] {
        let interval = bootstrap(&values, purpose, mean).unwrap();
        assert_eq!((interval.estimate, interval.ends), (27.75, Some((0.5, 75.25))));
    }
}

#[test]
fn two_and_three_values_give_intervals_from_the_least_to_the_largest() {
    // All resamples alike: 1/4 of two values and 1/27 = 3.7 % of three, more than 2.5 %.
    let two = bootstrap(&[3.0, 5.0], "two", mean).unwrap();
    assert_eq!((two.estimate, two.ends), (4.0, Some((3.0, 5.0))));
    let three = bootstrap(&[5.0, 1.0, 3.0], "three", mean).unwrap();
    assert_eq!((three.estimate, three.ends), (3.0, Some((1.0, 5.0))));
    assert!(bootstrap(&[], "none", mean).is_none());
}

#[test]
fn a_ratio_of_means_keeps_pairs_together() {
    // Resamples of {(4, 1), (9, 2)}: 4, 13/3 and 4.5. Were values resampled apart, 9/1 would occur.
    let ratio = ratio_of_means(&[(4.0, 1.0), (9.0, 2.0)], "pairs").unwrap();
    assert_eq!((ratio.estimate, ratio.ends), (13.0 / 3.0, Some((4.0, 4.5))));
}

#[test]
fn improvement_is_the_share_of_pairs_and_has_a_direction() {
    // 1 < 2, 1 < 3; 2 = 2 counts half, 2 < 3; 5 below none: 3.5 of 6.
    assert_eq!(probability_of_improvement(&[1.0, 2.0, 5.0], &[2.0, 3.0]), 3.5 / 6.0);
    assert_eq!(probability_of_improvement(&[1.0], &[2.0]), 1.0);
    assert_eq!(probability_of_improvement(&[2.0], &[1.0]), 0.0);
}
