//! When to try again.
//!
//! Soon at first, as most failures are over in a moment; then less and less often, so that a mail server that asks to be
//! left alone (greylisting, five to fifteen minutes) is left alone. With the six attempts that are usual the last one is
//! made after about thirteen minutes. Chance spreads the messages that failed together.

use std::time::Duration;
use zelos_core::rng::Rng;

/// After the first attempt.
const FIRST: Duration = Duration::from_secs(1);

/// Each further pause is so many times as long.
const FACTOR: u32 = 5;

/// No pause is longer.
const LONGEST: Duration = Duration::from_hours(1);

/// The pause after the attempt of that number, counted from 1: a fifth more or less than its time.
pub(crate) fn pause(attempt: u32, rng: &dyn Rng) -> Duration {
    let factor = FACTOR.saturating_pow(attempt.saturating_sub(1));
    let whole = FIRST.saturating_mul(factor).min(LONGEST);
    let share = u32::from(u16::from_be_bytes(rng.bytes()));
    whole.mul_f64(0.8 + 0.4 * f64::from(share) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let rng = SeededRng::new(1);
        for (attempt, seconds) in [(1, 1.0), (2, 5.0), (3, 25.0), (4, 125.0), (5, 625.0), (6, 3125.0), (7, 3600.0)] {
            for _ in 0..50 {
                let pause = pause(attempt, &rng).as_secs_f64();
                assert!((seconds * 0.8..=seconds * 1.2001).contains(&pause), "{attempt}: {pause}");
            }
        }
        assert!(pause(u32::MAX, &rng) <= LONGEST.mul_f64(1.2001));
    }

    #[test]
    fn chance_spreads_them() {
        let rng = SeededRng::new(1);
        assert_ne!(pause(4, &rng), pause(4, &rng));
    }
}
