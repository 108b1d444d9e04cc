//! What a hash of cost 12 takes: alone, in step with others, and in the usual crate.

#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "an example that prints its result")]
#![expect(clippy::disallowed_methods, reason = "a stopwatch")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use zelos_bcrypt::{Input, MOST_AT_ONCE, digests};

const COST: u32 = 12;

fn main() {
    let (salt, password) = ([7; 16], b"correct horse battery staple".as_slice());
    let inputs = [Input { salt: &salt, password }; MOST_AT_ONCE];
    report("bcrypt 0.19", 1, || _ = black_box(bcrypt::bcrypt(COST, salt, black_box(password))));
    for count in 1..=MOST_AT_ONCE {
        report(&format!("{count} at once"), count, || drop(black_box(digests(COST, black_box(&inputs[..count])))));
    }
}

fn report(name: &str, hashes: usize, work: impl Fn()) {
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("{name:12} {median:6.1?}, {:6.1?} each", median / u32::try_from(hashes).unwrap_or(1));
}
