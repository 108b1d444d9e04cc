//! `hashers argon2 calibrate`: looks for parameters that make one hash take the time wanted, and tries them under load.
//!
//! First memory is raised until a hash takes longer, and lowered until it does not; then passes in the same way; then
//! come up to five tries under load, with a little less or more after each.

use super::{Cost, Failure, HEADS, Parameters, hash_once, pool, print};
use crate::{
    cli::{
        hashers::load::{Measured, RESULT_HEADS, Rate, run},
        print::{Output, duration, parse_bytes},
    },
    out,
    settings::ConfigFiles,
    wiring::HashPool,
};
use clap::Args;
use std::{sync::Arc, time::Duration};

/// Where to begin, and how far to go.
#[derive(Debug, Args)]
pub(in crate::cli) struct Calibrate {
    #[command(flatten)]
    rate: Rate,
    /// Memory to begin with [default: 128.00MB]
    #[arg(short = 'm', long, value_name = "SIZE", value_parser = parse_bytes)]
    start_memory: Option<u64>,
    /// Most memory of a hash; 0 for what is possible.
    #[arg(long, value_name = "SIZE", default_value = "0B", value_parser = parse_bytes)]
    max_memory: u64,
    /// The step by which memory changes.
    #[arg(long, value_name = "SIZE", default_value = "512.00MB", value_parser = parse_bytes)]
    adjust_memory_by: u64,
    /// Passes to begin with.
    #[arg(short = 'i', long, value_name = "COUNT", default_value_t = 1)]
    start_iterations: u32,
    /// Accepted for compatibility: there is one thread for each core.
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    max_concurrent: u8,
    /// How often each parameter is tried.
    #[arg(short = 'r', long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    probe_runs: u32,
    #[command(flatten)]
    cost: Cost,
    #[command(flatten)]
    output: Output,
}

/// The most memory and the most passes that a stored hash may ask for.
const MOST_MEMORY: u64 = 1 << 30;
const MOST_ITERATIONS: u32 = 10;

/// A small change of memory, between two tries under load.
const LITTLE: u64 = 64 << 20;

const TRIES: usize = 5;

/// Looks for parameters.
pub(in crate::cli) async fn calibrate(files: ConfigFiles, flags: Calibrate) -> Result<(), Failure> {
    let mut parameters = Parameters::new(&files, &flags.cost)?;
    let least = 8 * 1024 * u64::from(parameters.parallelism);
    let most = if flags.max_memory == 0 { MOST_MEMORY } else { flags.max_memory.clamp(least, MOST_MEMORY) };
    let start = flags.start_memory.filter(|memory| *memory > 0).unwrap_or(128 << 20);
    parameters.memory = start.clamp(least, most);
    parameters.iterations = flags.start_iterations.clamp(1, MOST_ITERATIONS);
    let search = Search { pool: pool()?, runs: flags.probe_runs, quiet: flags.output.quiet, bounds: (least, most) };
    search.memory(&mut parameters, flags.adjust_memory_by.max(1024)).await?;
    search.tell(format_args!("Settled on {} of memory.", print::bytes(parameters.memory)));
    search.iterations(&mut parameters).await?;
    search.tell(format_args!("Settled on {} iterations.", parameters.iterations));

    let mut tries = Vec::new();
    for _ in 0..TRIES {
        let measured = run(&search.pool, parameters, flags.rate, search.quiet).await?;
        if !search.quiet {
            flags.output.one(&RESULT_HEADS, &measured.columns(), &measured.document())?;
        }
        let (next, why) = next(parameters, &measured, search.bounds);
        tries.push((measured, parameters));
        search.tell(why);
        if next == parameters {
            return flags.output.one(&HEADS, &parameters.columns(), &parameters.document());
        }
        parameters = next;
    }
    out::error("No parameters fit well; choose from what was measured.");
    let heads = [&RESULT_HEADS[..], &["MEMOry PARAM", "ITERATIONS PARAM"]].concat();
    let row = |(measured, tried): &(Measured, Parameters)| {
        [measured.columns(), vec![tried.memory.to_string(), tried.iterations.to_string()]].concat()
    };
    let rows: Vec<_> = tries.iter().map(row).collect();
    let documents = tries.iter().map(|(measured, _)| measured.document()).collect();
    flags.output.many(&heads, &rows, &documents)
}

struct Search {
    pool: Arc<HashPool>,
    runs: u32,
    quiet: bool,
    /// The least and the most memory.
    bounds: (u64, u64),
}

impl Search {
    fn tell(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            out::error(text);
        }
    }

    /// How long a hash takes, on the average of the runs.
    async fn probe(&self, parameters: &Parameters) -> Result<Duration, Failure> {
        let mut total = Duration::ZERO;
        for _ in 0..self.runs {
            total += hash_once(&self.pool, parameters, "password").await?;
        }
        let took = total / self.runs;
        let (memory, iterations) = (print::bytes(parameters.memory), parameters.iterations);
        self.tell(format_args!("  {} with {memory} of memory and {iterations} iterations", duration(took)));
        Ok(took)
    }

    async fn memory(&self, parameters: &mut Parameters, step: u64) -> Result<(), Failure> {
        let (least, most) = self.bounds;
        let wanted = parameters.expected_duration;
        self.tell(format_args!("Raising memory until a hash takes longer than {}:", duration(wanted)));
        while self.probe(parameters).await? <= wanted && parameters.memory < most {
            parameters.memory = (parameters.memory + step).min(most);
        }
        self.tell(format_args!("Lowering memory until a hash takes less than {}:", duration(wanted)));
        let mut step = step;
        while self.probe(parameters).await? >= wanted && parameters.memory > least {
            // A step that would leave nothing is halved.
            while step > 1024 && parameters.memory <= step + least {
                step /= 2;
            }
            parameters.memory = parameters.memory.saturating_sub(step).max(least);
        }
        Ok(())
    }

    async fn iterations(&self, parameters: &mut Parameters) -> Result<(), Failure> {
        let wanted = parameters.expected_duration;
        self.tell(format_args!("Raising iterations until a hash takes longer than {}:", duration(wanted)));
        while self.probe(parameters).await? <= wanted && parameters.iterations < MOST_ITERATIONS {
            parameters.iterations += 1;
        }
        self.tell(format_args!("Lowering iterations until a hash takes less than {}:", duration(wanted)));
        while parameters.iterations > 1 && self.probe(parameters).await? >= wanted {
            parameters.iterations -= 1;
        }
        Ok(())
    }
}

/// What to try next, and why; the same again if all is well.
fn next(now: Parameters, measured: &Measured, (least, most): (u64, u64)) -> (Parameters, String) {
    let longest = now.expected_duration + now.expected_deviation;
    let cheaper = if now.iterations > 1 {
        Parameters { iterations: now.iterations - 1, ..now }
    } else {
        Parameters { memory: now.memory.saturating_sub(LITTLE).max(least), ..now }
    };
    let dearer = if now.memory + LITTLE <= most {
        Parameters { memory: now.memory + LITTLE, ..now }
    } else {
        Parameters { iterations: (now.iterations + 1).min(MOST_ITERATIONS), ..now }
    };
    if measured.memory > now.dedicated_memory {
        (cheaper, "Too much memory is needed at once; less.".to_owned())
    } else if measured.most > longest {
        (cheaper, format!("The slowest hash took longer than {}; less.", duration(longest)))
    } else if measured.deviation > now.expected_deviation {
        (cheaper, "The times vary too much; less.".to_owned())
    } else if measured.mean < now.expected_duration {
        (dearer, format!("A hash took less than {}; more.", duration(now.expected_duration)))
    } else {
        (now, "These values look good.".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn parameters(memory: u64, iterations: u32) -> Parameters {
        Parameters {
            memory,
            iterations,
            parallelism: 1,
            salt_length: 16,
            key_length: 32,
            expected_duration: Duration::from_millis(500),
            expected_deviation: Duration::from_millis(500),
            dedicated_memory: 1 << 30,
        }
    }

    #[test]
    fn the_next_try_follows_from_what_was_measured() {
        let measured = |mean, most, memory| Measured {
            total: Duration::from_secs(20),
            mean: Duration::from_millis(mean),
            deviation: Duration::ZERO,
            least: Duration::ZERO,
            most: Duration::from_millis(most),
            memory,
        };
        let next = |memory, iterations, measured| {
            let (next, _) = next(parameters(memory, iterations), &measured, (8 << 10, 256 << 20));
            (next.memory >> 20, next.iterations)
        };
        let mib = |count: u64| count << 20;
        assert_eq!(next(mib(128), 1, measured(600, 900, mib(256))), (128, 1), "well");
        assert_eq!(next(mib(128), 1, measured(400, 900, mib(256))), (192, 1), "fast");
        assert_eq!(next(mib(256), 1, measured(400, 900, mib(256))), (256, 2), "fast, no memory left");
        assert_eq!(next(mib(128), 2, measured(900, 1100, mib(256))), (128, 1), "slow");
        assert_eq!(next(mib(128), 1, measured(900, 1100, mib(256))), (64, 1), "slow, one pass");
        assert_eq!(next(mib(128), 1, measured(600, 900, mib(2048))), (64, 1), "too much memory");
    }
}
