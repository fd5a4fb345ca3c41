//! The course of a loss, and its sparkline.

/// Parts of a training that a course tells apart.
const PARTS: u64 = 64;
/// The bars, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// In the place of steps to come.
const TO_COME: char = '·';
/// In the place of losses none of which is finite.
const NOT_FINITE: char = '×';

/// The losses of a training, as means over equal parts of its steps.
#[derive(Clone, Debug)]
pub struct Course {
    steps: u64,
    parts: Vec<Part>,
}

/// Losses of neighbouring steps: the sum and number of the finite ones, and whether there were others.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    sum: f64,
    count: u64,
    has_others: bool,
}

impl Part {
    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            count: self.count + other.count,
            has_others: self.has_others || other.has_others,
        }
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl Course {
    /// Of a training of so many steps.
    pub fn of(steps: u64) -> Self {
        let steps = steps.max(1);
        Self { steps, parts: vec![Part::default(); steps.min(PARTS) as usize] }
    }

    /// Adds the loss of a step, counted from 1.
    pub fn add(&mut self, step: u64, loss: f64) {
        let parts = self.parts.len();
        let number = step.saturating_sub(1) as u128 * parts as u128 / u128::from(self.steps);
        let is_finite = loss.is_finite();
        let loss = if is_finite { loss } else { 0.0 };
        let added = Part { sum: loss, count: u64::from(is_finite), has_others: !is_finite };
        let part = &mut self.parts[(number as usize).min(parts - 1)];
        *part = part.and(added);
    }

    /// The whole training in `width` characters at most, dots where no losses are yet. Where only now and then a
    /// loss is known, it stands for the steps since the one before. Bars rise with the
    /// logarithm of the loss, or with the loss where one is not positive, from the lowest to the highest; equal
    /// losses are low ones.
    pub fn sparkline(&self, width: usize) -> String {
        let width = width.min(self.parts.len());
        let range = |i: usize| i * self.parts.len() / width..(i + 1) * self.parts.len() / width;
        let mut shown: Vec<Part> = (0..width)
            .map(|i| self.parts[range(i)].iter().fold(Part::default(), |all, part| all.and(*part)))
            .collect();
        fill_gaps(&mut shown);
        let means: Vec<f64> = shown.iter().filter_map(|part| part.mean()).collect();
        let scale: fn(f64) -> f64 = if means.iter().all(|m| *m > 0.0) { f64::ln } else { |m| m };
        let scaled = || means.iter().map(|mean| scale(*mean));
        let (low, high) = (scaled().fold(f64::MAX, f64::min), scaled().fold(f64::MIN, f64::max));
        let bar = |part: &Part| match part.mean() {
            Some(mean) => BARS[level((scale(mean) - low) / (high - low))],
            None if part.has_others => NOT_FINITE,
            None => TO_COME,
        };
        shown.iter().map(bar).collect()
    }
}

/// Gives every part without losses those of the next one that has some.
fn fill_gaps(parts: &mut [Part]) {
    let mut next = Part::default();
    for part in parts.iter_mut().rev() {
        match part.count > 0 || part.has_others {
            true => next = *part,
            false => *part = next,
        }
    }
}

/// The bar of a height between 0 and 1; of equal losses, whose height is no number, the lowest.
fn level(height: f64) -> usize {
    (height * (BARS.len() - 1) as f64).round() as usize // NaN becomes 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(losses: &[f64], steps: u64) -> Course {
        let mut course = Course::of(steps);
        (1..).zip(losses).for_each(|(step, loss)| course.add(step, *loss));
        course
    }

    #[test]
    fn bars_rise_with_the_logarithm_and_dots_stand_for_the_rest() {
        let losses: Vec<f64> = (0..8).map(|power| 2f64.powi(7 - power)).collect();
        assert_eq!(course(&losses, 8).sparkline(8), "█▇▆▅▄▃▂▁");
        assert_eq!(course(&losses, 12).sparkline(20), "█▇▆▅▄▃▂▁····", "no bar without a step");
        assert_eq!(course(&[-7.0, 0.0, -3.5], 3).sparkline(3), "▁█▅", "not all are positive");
    }

    #[test]
    fn a_narrow_one_shows_means() {
        assert_eq!(course(&[9.0, 7.0, 5.0, 3.0, 1.0, 1.0], 6).sparkline(3), "█▆▁");
        let many: Vec<f64> = (0..10_000).map(|step| (-f64::from(step) / 1000.0).exp()).collect();
        let line = course(&many, 10_000).sparkline(10);
        assert_eq!(line.chars().count(), 10);
        assert!(line.starts_with('█') && line.ends_with('▁'), "{line}");
    }

    #[test]
    fn losses_that_are_not_finite_are_marked_and_change_no_bar() {
        let losses = [4.0, f64::NAN, 2.0, f64::INFINITY, 1.0];
        assert_eq!(course(&losses, 6).sparkline(6), "█×▅×▁·");
        assert_eq!(course(&[f64::NAN; 3], 3).sparkline(3), "×××");
        assert_eq!(course(&[f64::MAX, f64::MIN_POSITIVE], 2).sparkline(2), "█▁");
    }

    #[test]
    fn a_loss_now_and_then_stands_for_the_steps_before_it() {
        let mut course = Course::of(8);
        [(2, 4.0), (4, 1.0)].into_iter().for_each(|(step, loss)| course.add(step, loss));
        assert_eq!(course.sparkline(8), "██▁▁····");
    }

    #[test]
    fn equal_losses_are_low_and_no_losses_are_none() {
        assert_eq!(course(&[0.5; 4], 4).sparkline(4), "▁▁▁▁");
        assert_eq!(course(&[0.0; 4], 4).sparkline(4), "▁▁▁▁");
        assert_eq!(course(&[], 4).sparkline(4), "····");
        assert_eq!(course(&[1.0], 4).sparkline(0), "");
        let mut course = Course::of(0);
        [0, 1, u64::MAX].into_iter().for_each(|step| course.add(step, 1.0));
        assert_eq!(course.sparkline(5), "▁", "steps beyond the last count as the last");
    }
}
