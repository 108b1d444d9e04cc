//! The figures that a scenario yields, and those of them that Zelos means to keep below a limit.
//!
//! Targets are printed beside the figures, never asserted: a limit in milliseconds that fails a build says more about
//! the machine than about the change. The ratio to another server in the same run is what a change is judged by.

use crate::scenario::Scenario;

/// What is read from a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// CPU milliseconds of the server for a unit.
    Cpu,
    /// The same without one password hash.
    NetCpu,
    /// CPU milliseconds of server and database for a unit.
    CpuWithDatabase,
    /// CPU for a unit as a multiple of that for `hello`.
    TimesHello,
    /// Units a second.
    Rate,
    /// Milliseconds that half of the units did not exceed.
    P50,
    /// Milliseconds that half of the units did not exceed for addresses that nobody has.
    P50Unknown,
    /// The longer of the two medians as a multiple of the shorter.
    Telling,
    /// How often the server waited for its database in half of the units, at most.
    RoundTrips,
    /// The same in the first unit after a start.
    ColdRoundTrips,
    /// Milliseconds that 99 of 100 units did not exceed.
    P99,
    /// Milliseconds for all of a round.
    Round,
    /// Highest resident memory, MB.
    Peak,
    /// Resident memory at rest, MB.
    Rest,
    /// Size of the program, MB.
    Size,
}

impl Figure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Figure::Cpu => "cpu ms",
            Figure::NetCpu => "cpu ms, net of the hash",
            Figure::CpuWithDatabase => "cpu ms with database",
            Figure::TimesHello => "cpu × hello",
            Figure::Rate => "units/s",
            Figure::P50 => "p50 ms",
            Figure::P50Unknown => "p50 ms, unknown",
            Figure::Telling => "p50 known : unknown",
            Figure::RoundTrips => "round trips",
            Figure::ColdRoundTrips => "round trips, cold",
            Figure::P99 => "p99 ms",
            Figure::Round => "round ms",
            Figure::Peak => "peak MB",
            Figure::Rest => "memory MB",
            Figure::Size => "program MB",
        }
    }

    /// Whether more is better.
    pub(crate) fn grows(self) -> bool {
        self == Figure::Rate
    }
}

/// What Zelos wants a scenario to stay at or below (a rate: to reach), on a DSN of this scheme.
pub(crate) fn targets(scenario: Scenario, scheme: &str) -> &'static [(Figure, f64)] {
    let embedded = matches!(scheme, "sqlite" | "memory");
    match scenario {
        Scenario::Whoami if embedded => &[(Figure::Cpu, 0.05), (Figure::TimesHello, 3.0)],
        Scenario::Whoami => &[(Figure::CpuWithDatabase, 0.11)],
        Scenario::Flow => &[(Figure::Cpu, 0.15)],
        Scenario::LoginApi | Scenario::LoginBrowser => &[(Figure::NetCpu, 0.5)],
        Scenario::Registration => &[(Figure::NetCpu, 0.8)],
        Scenario::WhoamiBcrypt12 | Scenario::WhoamiArgon2 => &[(Figure::P99, 20.0)],
        Scenario::Argon2Fifty => &[(Figure::Peak, 400.0)],
        Scenario::StartExisting => &[(Figure::P50, 20.0)],
        Scenario::StartEmpty if scheme == "sqlite" => &[(Figure::P50, 100.0)],
        Scenario::Idle => &[(Figure::Rest, 20.0), (Figure::Size, 25.0)],
        Scenario::Mix => &[(Figure::Rest, 60.0)],
        Scenario::Mail => &[(Figure::Rate, 500.0)],
        Scenario::RecoveryStart | Scenario::VerificationStart => &[(Figure::Telling, 1.1)],
        Scenario::DistantLogin | Scenario::DistantRegistration if scheme.starts_with("postgres") => {
            &[(Figure::RoundTrips, 3.0), (Figure::ColdRoundTrips, 3.0)]
        }
        Scenario::Import if embedded => &[(Figure::Rate, 10.0)],
        Scenario::Import => &[(Figure::Rate, 4.0)],
        Scenario::FindIdentifier | Scenario::FindPrefix => &[(Figure::P50, 1.0)],
        _ => &[],
    }
}

/// The figures by which servers are compared.
pub(crate) fn compared(scenario: Scenario) -> &'static [Figure] {
    match scenario {
        Scenario::WhoamiBcrypt12 | Scenario::WhoamiArgon2 => &[Figure::P50, Figure::P99, Figure::Round],
        Scenario::Argon2Fifty => &[Figure::Round, Figure::Peak],
        Scenario::StartExisting | Scenario::StartEmpty => &[Figure::P50, Figure::Cpu],
        Scenario::Idle => &[Figure::Rest, Figure::Size],
        Scenario::Mix => &[Figure::Cpu, Figure::Rate, Figure::Peak, Figure::Rest],
        Scenario::Mail => &[Figure::Cpu, Figure::Rate],
        Scenario::RecoveryStart | Scenario::VerificationStart => &[Figure::P50, Figure::P50Unknown],
        Scenario::DistantLogin | Scenario::DistantRegistration => {
            &[Figure::RoundTrips, Figure::ColdRoundTrips, Figure::P50]
        }
        Scenario::LoginApi | Scenario::LoginBrowser | Scenario::Registration => {
            &[Figure::Cpu, Figure::NetCpu, Figure::Rate, Figure::P50, Figure::P99]
        }
        _ => &[Figure::Cpu, Figure::Rate, Figure::P50, Figure::P99],
    }
}
