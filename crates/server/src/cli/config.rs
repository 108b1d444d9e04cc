//! `zelos config …`: what the configuration may hold, and what it does.

use super::Failure;
use crate::{
    out,
    settings::{self, ConfigFiles},
};
use clap::Args;
use zelos_core::config::{Explained, json_schema};

/// What to explain.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The key, dotted; list positions as numbers. Without one, the sections.
    #[arg(value_name = "KEY", default_value = "")]
    key: String,
    /// As if the server ran with `--dev`.
    #[arg(long)]
    dev: bool,
}

/// Prints the JSON Schema.
pub(super) fn schema() {
    out::line(format_args!("{:#}", json_schema()));
}

/// Prints what there is to know of a key.
pub(super) fn explain(files: &ConfigFiles, flags: &Explain) -> Result<(), Failure> {
    let Explained { key, meaning, section, kind, default, value, origin, members } =
        settings::explain(files, flags.dev, &flags.key)?;
    if !key.is_empty() {
        out::line(&key);
    }
    match (meaning, section) {
        (Some(meaning), _) => out::line(format_args!("  meaning:  {meaning}")),
        (None, Some(section)) => out::line(format_args!("  part of:  {section}")),
        (None, None) => {}
    }
    out::line(format_args!("  type:     {kind}"));
    if members.is_empty() {
        out::line(format_args!("  default:  {}", default.as_ref().map_or("none".to_owned(), ToString::to_string)));
    }
    let set_by = origin.map_or_else(|| "default".to_owned(), |origin| origin.to_string());
    match value {
        // Of a section each member has its own.
        _ if !members.is_empty() => {}
        Some(value) => out::line(format_args!("  in force: {value} ({set_by})")),
        None => out::line("  in force: nothing"),
    }
    for (name, meaning) in members {
        out::line(format_args!("  {name:<32} {}", meaning.unwrap_or_default()).to_string().trim_end());
    }
    Ok(())
}
