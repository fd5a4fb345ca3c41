//! The time that is left, from work done in the time in which the process ran.

use std::time::Duration;

/// Seconds over which the rate is averaged at least.
const LEAST_WINDOW: f64 = 60.0;
/// The part of the time so far over which it is averaged in a long run.
const PART: f64 = 0.25;
/// Seconds from which on a rate is told: what comes before is opening files and filling caches.
const LEAST_TIME: f64 = 1.0;

/// Estimates the time left from the rate of late: each amount of work counts with the time that it took, less
/// the longer ago it was, by e^(−age / window).
///
/// Times are those of [`super::active_time::ActiveTime`], so that pauses do not count. The rate is a weighted
/// mean of those that there were: never above the fastest, never below the slowest.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft {
    remaining: f64,
    /// Recent work and the time that it took, both weighted alike.
    work: f64,
    seconds: f64,
    /// When work was last done.
    last: f64,
}

impl TimeLeft {
    /// Of so much work, in a unit of any kind.
    pub fn of(work: f64) -> Self {
        Self { remaining: work, work: 0.0, seconds: 0.0, last: 0.0 }
    }

    /// Work that was done before, by an earlier run: it took no time, and says nothing of the rate.
    pub fn skip(&mut self, work: f64) {
        self.remaining -= work;
    }

    /// What is done from the time `active` on is timed: what came before was opening data.
    pub fn begin(&mut self, active: Duration) {
        self.last = self.last.max(active.as_secs_f64());
    }

    /// Work that was done since the last call, up to the time `active`.
    pub fn advance(&mut self, work: f64, active: Duration) {
        let (active, since) = (active.as_secs_f64(), self.since(active));
        let kept = (-since / LEAST_WINDOW.max(active * PART)).exp();
        self.work = self.work * kept + work;
        self.seconds = self.seconds * kept + since;
        self.remaining -= work;
        self.last = active;
    }

    /// The time left at the time `active`; nothing while no rate is known.
    pub fn at(&self, active: Duration) -> Option<Duration> {
        let is_known = self.work > 0.0 && self.seconds >= LEAST_TIME;
        let left = self.remaining.max(0.0) * self.seconds / self.work - self.since(active);
        is_known.then(|| Duration::try_from_secs_f64(left.max(0.0)).unwrap_or(Duration::MAX))
    }

    fn since(&self, active: Duration) -> f64 {
        (active.as_secs_f64() - self.last).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::active_time::ActiveTime;
    use super::*;

    const DAY: u64 = 86_400;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn left(time: &TimeLeft, active: u64) -> f64 {
        time.at(seconds(active)).expect("a rate is known").as_secs_f64()
    }

    /// A run that does `rate(t)` of work in each second `t` of `range`.
    fn run(time: &mut TimeLeft, range: std::ops::Range<u64>, rate: impl Fn(u64) -> f64) {
        range.for_each(|t| time.advance(rate(t), seconds(t + 1)));
    }

    #[test]
    fn at_a_steady_rate_it_is_the_work_left_by_that_rate() {
        let mut time = TimeLeft::of(1000.0);
        run(&mut time, 0..100, |_| 2.0);
        assert!((left(&time, 100) - 400.0).abs() < 1e-6);
        assert!((left(&time, 130) - 370.0).abs() < 1e-6, "it runs down between two steps");
        run(&mut time, 100..500, |_| 2.0);
        assert!(left(&time, 500) < 1e-6);
    }

    #[test]
    fn a_pause_of_a_day_changes_next_to_nothing() {
        let (mut clock, mut time) = (ActiveTime::default(), TimeLeft::of(1e5));
        let mut at = |now: u64, time: &mut TimeLeft| {
            let active = clock.beat(seconds(now));
            time.advance(5.0, active);
            time.at(active)
        };
        let before = (1..=600).filter_map(|now| at(now, &mut time)).last().unwrap();
        let after = at(600 + DAY, &mut time).unwrap();
        let change = after.as_secs_f64() / before.as_secs_f64() - 1.0;
        assert!(change.abs() < 0.01, "{before:?} before, {after:?} after");
        let later = (601 + DAY..700 + DAY).filter_map(|now| at(now, &mut time)).last().unwrap();
        assert!(later < after, "and it goes on running down");
    }

    #[test]
    fn units_that_were_done_before_say_nothing_of_the_rate() {
        let mut time = TimeLeft::of(1000.0);
        time.skip(500.0);
        assert_eq!(time.at(seconds(1)), None);
        run(&mut time, 0..100, |_| 1.0);
        time.skip(100.0);
        assert!((left(&time, 100) - 300.0).abs() < 1e-6);
    }

    #[test]
    fn what_comes_before_the_first_step_says_nothing_of_the_rate() {
        let mut time = TimeLeft::of(1000.0);
        time.begin(seconds(300)); // videos were decoded
        run(&mut time, 300..310, |_| 10.0);
        assert!((left(&time, 310) - 90.0).abs() < 1.0);
    }

    #[test]
    fn it_follows_the_rate_of_late_and_stays_between_slowest_and_fastest() {
        let mut time = TimeLeft::of(1e6);
        run(&mut time, 0..100, |_| 1000.0);
        for t in 100..1000 {
            run(&mut time, t..t + 1, |_| 10.0);
            let (fastest, slowest) = (time.remaining / 1000.0, time.remaining / 10.0);
            let left = left(&time, t + 1);
            assert!((fastest..=slowest).contains(&left), "{left} s at {t}");
        }
        let slowest = time.remaining / 10.0;
        assert!(left(&time, 1000) > 0.5 * slowest, "after a quarter of an hour it has followed");
    }

    #[test]
    fn steps_that_are_far_apart_give_their_own_rate() {
        let mut time = TimeLeft::of(100.0);
        (1..=10).for_each(|step| time.advance(1.0, seconds(step * 1000)));
        assert!((left(&time, 10_000) - 90_000.0).abs() < 1.0);
    }

    #[test]
    fn nothing_is_told_before_anything_is_known() {
        let mut time = TimeLeft::of(10.0);
        assert_eq!(time.at(seconds(0)), None);
        assert_eq!(time.at(seconds(1000)), None, "no work yet");
        time.advance(0.0, seconds(1000));
        assert_eq!(time.at(seconds(1000)), None);
        let mut time = TimeLeft::of(10.0);
        time.advance(1.0, Duration::from_millis(10));
        assert_eq!(time.at(seconds(0)), None, "too little time");
        let mut time = TimeLeft::of(f64::MAX);
        time.advance(1e-300, seconds(2));
        assert_eq!(time.at(seconds(2)), Some(Duration::MAX), "no number is too large");
    }
}
