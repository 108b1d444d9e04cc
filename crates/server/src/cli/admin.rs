//! `zelos admin token`: a token for the admin API, and the lines for the configuration that let it in.

use crate::out;
use clap::{Args, ValueEnum};
use zelos_core::{
    config::admin_auth::{AdminScope, hash},
    rng::Rng,
};

/// Whose token it is and what it is good for.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// Whose it is, for the log.
    #[arg(long, default_value = "operator")]
    name: String,
    /// What it is good for. Repeat the flag or separate with commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Scope::Read])]
    scope: Vec<Scope>,
}

/// The scopes as the command line knows them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    Read,
    Write,
    Courier,
    Credentials,
}

impl From<Scope> for AdminScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Courier => Self::Courier,
            Scope::Credentials => Self::Credentials,
        }
    }
}

/// Makes a token. It is shown once; the configuration holds only its hash.
pub(super) fn token(flags: &Token, rng: &dyn Rng) {
    let token = format!("zelos_at_{}", rng.alphanumeric(40));
    let scopes: Vec<_> = flags.scope.iter().map(|scope| AdminScope::from(*scope).as_str()).collect();
    out::line(&token);
    out::line("");
    out::line("serve:\n  admin:\n    auth:\n      tokens:");
    out::line(format_args!("        - name: {}", serde_json::Value::from(flags.name.as_str())));
    out::line(format_args!("          sha256: {}", hash(&token).expose()));
    out::line(format_args!("          scopes: [{}]", scopes.join(", ")));
}
