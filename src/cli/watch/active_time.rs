//! Time in which the process ran, without pauses.

use std::time::Duration;

/// How far apart two beats may be before the time between them counts as a pause. Whoever keeps the time beats
/// several times a second, so that a machine must be overloaded beyond use to come near it.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts the time between beats that follow each other closely.
///
/// What lies between two beats far apart is a pause and does not count: the process was stopped (which a
/// monotonic clock counts), or the machine slept (which it counts on some systems and not on others).
#[derive(Clone, Copy, Debug, Default)]
pub struct ActiveTime {
    last_beat: Duration,
    active: Duration,
}

impl ActiveTime {
    /// Takes note that the process runs at `now`, on a monotonic clock that began at 0; returns the time that
    /// counts so far.
    pub fn beat(&mut self, now: Duration) -> Duration {
        let gap = now.saturating_sub(self.last_beat);
        if gap < PAUSE {
            self.active += gap;
        }
        self.last_beat = self.last_beat.max(now);
        self.active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_between_beats_counts_and_a_pause_does_not() {
        let mut time = ActiveTime::default();
        let second = Duration::from_secs(1);
        for now in 1..=100 {
            assert_eq!(time.beat(now * second), now * second);
        }
        assert_eq!(time.beat(86_500 * second), 100 * second, "a day's pause");
        assert_eq!(time.beat(86_501 * second), 101 * second);
        assert_eq!(
            time.beat(86_000 * second),
            101 * second,
            "no clock goes back, and none counts twice"
        );
        assert_eq!(time.beat(86_502 * second), 102 * second);
    }
}
