//! `completion bash|zsh|fish|powershell`: the script that lets a shell complete our command lines.

use super::Arguments;
use crate::out;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell as Script, generate};

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct Flags {
    shell: Shell,
    /// Accepted for compatibility.
    #[arg(long, hide = true)]
    no_descriptions: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Prints the script.
pub(super) fn print(flags: &Flags) {
    let script = match flags.shell {
        Shell::Bash => Script::Bash,
        Shell::Zsh => Script::Zsh,
        Shell::Fish => Script::Fish,
        Shell::Powershell => Script::PowerShell,
    };
    let mut text = Vec::new();
    generate(script, &mut Arguments::command(), "zelos", &mut text);
    out::text(String::from_utf8_lossy(&text));
}
