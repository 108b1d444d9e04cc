//! `zelos doctor`: reads a configuration, tries what it names, and says in sentences what is wrong and which key to change.
//!
//! A configuration can be valid and still not work: a cookie that no browser keeps, a mail server that does not answer.
//! Each such thing is one small function: those in [`checks`] judge the configuration alone, those in [`surroundings`]
//! try what is around it. What stops the set-up from working, or opens it to others, is *wrong*; what may be meant so is a
//! *note*.

mod checks;
mod surroundings;
#[cfg(test)]
mod tests;

use super::Failure;
use crate::{
    development, out,
    outbound::HttpClient,
    settings::{self, ConfigFiles, Settings},
};
use clap::Args;
use std::fmt;
use zelos_core::{
    config::{Config, Loaded, unbuilt},
    rng::SystemRng,
};

/// What to look at.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Flags {
    /// As if the server ran with `--dev`.
    #[arg(long)]
    dev: bool,
    /// Look at the configuration alone: neither database nor mail server is asked.
    #[arg(long)]
    offline: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Wrong,
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    weight: Weight,
    /// The key to change; empty where the sentence names it.
    key: String,
    sentence: String,
}

impl Finding {
    fn wrong(key: &str, sentence: impl Into<String>) -> Self {
        Self { weight: Weight::Wrong, key: key.to_owned(), sentence: sentence.into() }
    }

    fn note(key: &str, sentence: impl Into<String>) -> Self {
        Self { weight: Weight::Note, key: key.to_owned(), sentence: sentence.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Wrong => "wrong",
            Weight::Note => "note",
        };
        write!(f, "{weight:<6}")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.sentence)
    }
}

/// Looks at everything.
pub(super) async fn run(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let rng = SystemRng;
    let own = files.want_built_in(flags.dev).then(|| development::data(&rng)).transpose()?;
    let given = settings::Given { files, dev: flags.dev, own: own.as_ref(), ..settings::Given::default() };
    let findings = match Settings::load(given, &rng) {
        Err(Failure(reasons)) => reasons.into_iter().map(|reason| Finding::wrong("", reason)).collect(),
        Ok((_, Loaded { config, warnings })) => {
            let mut findings: Vec<_> = warnings.iter().map(|warning| Finding::note("", warning.to_string())).collect();
            findings.extend(not_built(&config));
            findings.extend(checks::ALL.iter().flat_map(|check| check(&config)));
            let outbound = HttpClient::new(&config.clients.http);
            findings.extend(Box::pin(surroundings::contents(&config, &outbound)).await);
            if !flags.offline {
                findings.extend(surroundings::database(&config).await);
                findings.extend(surroundings::mail(&config).await);
            }
            findings
        }
    };
    tell(&findings)
}

/// Prints what was found, what is wrong first, and fails if anything is.
fn tell(findings: &[Finding]) -> Result<(), Failure> {
    let of = |weight| findings.iter().filter(move |finding| finding.weight == weight);
    of(Weight::Wrong).chain(of(Weight::Note)).for_each(out::line);
    match of(Weight::Wrong).count() {
        0 => out::line("Nothing is wrong."),
        1 => out::line("One thing is wrong."),
        count => out::line(format_args!("{count} things are wrong.")),
    }
    if of(Weight::Wrong).next().is_none() { Ok(()) } else { Err(Failure(Vec::new())) }
}

/// Keys whose features are not built yet; as at the start, those that guard something stop it.
fn not_built(config: &Config) -> Vec<Finding> {
    let found = unbuilt(config).into_iter().map(|feature| {
        if feature.weakens_security && !config.dev {
            Finding::wrong(&feature.key, feature.reason)
        } else {
            Finding::note(&feature.key, feature.reason)
        }
    });
    found.collect()
}
