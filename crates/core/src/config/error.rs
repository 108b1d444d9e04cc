//! What is wrong with a configuration: which key, who set it, and why it will not do.

use std::{fmt, path::PathBuf};

/// Who set a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A command line flag, by name without dashes.
    Flag(String),
    /// The configuration that serves when no file is given.
    BuiltIn,
    /// The defaults of a security preset, by its name.
    Preset(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::BuiltIn => f.write_str("built-in configuration"),
            Self::Preset(name) => write!(f, "security preset {name}"),
        }
    }
}

/// One complaint; prints as one line. Reasons never quote a value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Unknown when the key is missing and nothing around it was set either.
    pub origin: Option<Origin>,
    /// The key, dotted, list positions as numbers; empty for the document as a whole.
    pub key: String,
    pub reason: String,
}

impl ConfigError {
    /// A complaint whose origin is not known yet.
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { origin: None, key: key.into(), reason: reason.into() }
    }

    /// A complaint about everything one source said.
    pub(crate) fn whole(origin: Origin, reason: impl Into<String>) -> Self {
        Self { origin: Some(origin), key: String::new(), reason: reason.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}
