//! `--thorough`: random cases.

use fernn::verification::{Selection, Verified, search};
use std::time::{Duration, Instant};

/// Searches random cases until the time is over or one is found; whether none was.
pub fn search_for(
    time: Duration,
    kinds: &[Box<dyn Verified>],
    selection: &Selection,
) -> anyhow::Result<bool> {
    const AT_ONCE: u32 = 256;
    let (start, mut batch) = (Instant::now(), 0u64);
    loop {
        if let Some(found) = search(kinds, selection, batch, AT_ONCE)? {
            outln!("{found}")?;
            return Ok(false);
        }
        batch += 1;
        let is_over = start.elapsed() >= time;
        if batch.is_power_of_two() || is_over {
            let (cases, seconds) = (batch * u64::from(AT_ONCE), start.elapsed().as_secs());
            errln!("{cases} random cases, no counterexample, {seconds} s");
        }
        if is_over {
            break;
        }
    }
    Ok(true)
}
