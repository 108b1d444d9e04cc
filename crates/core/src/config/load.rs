//! From sources to a [`Config`]: files in order, then flags, then the environment; then checks; then types.
//!
//! The defaults are in the types, below everything. Files are YAML, JSON or TOML by their extension, and local: the
//! original takes no URL here either.

use super::{
    check::{check, walk},
    environment::{Assignment, assignment},
    error::{ConfigError, Origin},
    expand::expand,
    file, lenient,
    merge::Document,
    preset,
    root::Config,
    rules,
    serve::{Serve, base_url},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Everything a configuration is made from. The server hands it in: nothing global is read.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Stands below the files: the development document, if no file is given.
    pub built_in: Option<Value>,
    /// In order; later ones win.
    pub files: Vec<PathBuf>,
    pub flags: Flags,
    /// The variables of the process, name and text.
    pub environment: Vec<(String, String)>,
    /// Whether `${NAME}` in the values of files stands for a variable: see [`super::expand`].
    pub expand_env: bool,
}

/// What the command line said.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub dev: bool,
    pub watch_courier: bool,
    /// Further keys that a command sets, dotted, with their values.
    pub other: Vec<(String, Value)>,
}

/// A configuration that may be used.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// What is odd but no reason to stop; for the log.
    pub warnings: Vec<ConfigError>,
}

/// Makes a configuration.
///
/// # Errors
/// Everything that is wrong, as far as it can be told at once.
pub fn load(source: &Source) -> Result<Loaded, Vec<ConfigError>> {
    let (mut document, mut warnings, errors) = merged(source);
    // Without one of the sources, what it should have set would be missed as well.
    if errors.is_empty() {
        let (config, settled) = finish(&mut document).map_err(|mut errors| {
            attribute(&mut errors, &document, source);
            errors
        })?;
        let odd = settled.into_iter().chain(rules::warnings(&config));
        warnings.extend(odd.map(|warning| with_origin(warning, &document)));
        return Ok(Loaded { config, warnings });
    }
    Err(errors)
}

/// One value as the sources have it, whatever the rest of them is worth: for commands that need no more than the `dsn`.
///
/// # Errors
/// Sources that cannot be read.
pub fn look_up(source: &Source, key: &str) -> Result<Option<Value>, Vec<ConfigError>> {
    let (document, _, mut errors) = merged(source);
    let is_near = |other: &str| other.is_empty() || other.starts_with(key) || key.starts_with(other);
    errors.retain(|error| is_near(&error.key));
    let value = key.split('.').try_fold(&document.value, |value, part| value.get(part));
    if errors.is_empty() { Ok(value.cloned()) } else { Err(errors) }
}

/// The keys that every configuration needs and these sources do not set, each with the environment variables for it.
pub fn missing(source: &Source) -> Vec<(&'static str, &'static str)> {
    let (document, _, _) = merged(source);
    let is_set = |(key, _): &(&str, &str)| {
        let value = key.split('.').try_fold(&document.value, |value, part| value.get(part));
        value.is_some_and(|value| !value.is_null())
    };
    REQUIRED.into_iter().filter(|required| !is_set(required)).collect()
}

/// What has no default: the keys, each with the environment variables for it.
pub const REQUIRED: [(&str, &str); 3] = [
    ("dsn", "DSN"),
    ("identity.schemas", "IDENTITY_SCHEMAS_0_ID and IDENTITY_SCHEMAS_0_URL"),
    ("selfservice.default_browser_return_url", "SELFSERVICE_DEFAULT_BROWSER_RETURN_URL"),
];

/// All sources laid over each other, what is odd about them, and what is wrong with them.
pub(super) fn merged(source: &Source) -> (Document, Vec<ConfigError>, Vec<ConfigError>) {
    let mut document = Document::new();
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    if let Some(built_in) = &source.built_in {
        document.merge(built_in.clone(), &Origin::BuiltIn);
    }
    for path in &source.files {
        let origin = Origin::File(path.clone());
        match read(path) {
            Ok(mut value) => {
                let wrong = if source.expand_env { expand(&mut value, &source.environment) } else { Vec::new() };
                errors.extend(wrong.into_iter().map(|(key, reason)| ConfigError {
                    origin: Some(origin.clone()),
                    key,
                    reason,
                }));
                document.merge(value, &origin);
            }
            Err(reason) => errors.push(ConfigError::whole(origin, reason)),
        }
    }
    warnings.extend(lay_flags(&mut document, &source.flags));
    for (name, text) in &source.environment {
        let origin = Origin::Environment(name.clone());
        match assignment(name, text) {
            None => {}
            Some(Ok(Assignment { path, value, warning })) => {
                let key = path.join(".");
                warnings.extend(warning.map(|reason| ConfigError { origin: Some(origin.clone()), key, reason }));
                document.overlay(&path, value, &origin);
            }
            Some(Err((key, reason))) => errors.push(ConfigError { origin: Some(origin), key, reason }),
        }
    }
    preset::apply(&mut document);
    (document, warnings, errors)
}

impl Config {
    /// Makes a configuration from one document, checked like files are. `dev` counts here.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_document(value: Value) -> Result<Self, Vec<ConfigError>> {
        let mut document = Document::new();
        document.merge(value, &Origin::BuiltIn);
        preset::apply(&mut document);
        let finished = finish(&mut document).map_err(|mut errors| {
            attribute(&mut errors, &document, &Source::default());
            errors
        });
        finished.map(|(config, _)| config)
    }
}

/// The checks and the types, and what had to be replaced by a value that makes sense. Origins are added by the caller.
fn finish(document: &mut Document) -> Result<(Config, Vec<ConfigError>), Vec<ConfigError>> {
    let mut warnings = lenient::settle(&mut document.value);
    let errors = check(&mut document.value);
    if !errors.is_empty() {
        return Err(errors);
    }
    complete_references(&mut document.value);
    let mut config: Config = serde_path_to_error::deserialize(&document.value).map_err(|error| {
        let key = error.path().to_string().replace('[', ".").replace(']', "");
        vec![ConfigError::new(key.trim_matches('.'), one_line(&error.inner().to_string()))]
    })?;
    warnings.extend(rules::settle(&mut config));
    let errors = rules::errors(&config);
    if errors.is_empty() { Ok((config, warnings)) } else { Err(errors) }
}

/// Gives URLs without scheme and host those of the public server, as a browser would; empty ones count as unset.
fn complete_references(document: &mut Value) {
    let Ok(serve) = document.get("serve").map_or_else(
        || Ok(Serve::default()),
        |serve| {
            let mut serve = serve.clone();
            if serve.pointer("/public/base_url").is_some_and(|url| url == "") {
                serve["public"]["base_url"] = Value::Null;
            }
            serde_json::from_value::<Serve>(serve)
        },
    ) else {
        return;
    };
    let dev = document.get("dev") == Some(&Value::Bool(true));
    let public = &serve.public;
    let base = base_url(public.base_url.as_ref(), &public.host, public.port, public.tls.enabled(), dev);
    walk(document, &mut |schema, value, _| {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        if matches!(format, "uri-reference" | "base-url") {
            if value == "" {
                *value = Value::Null;
            } else if let Some(path) = value.as_str().filter(|text| text.starts_with('/'))
                && let Ok(url) = base.join(path)
            {
                *value = Value::String(url.into());
            }
        }
    });
}

/// Lays the flags over the files.
///
/// Quirk: the flags' defaults win over a file too, so `dev: true` in a file does nothing (oryx/configx/pflag.go).
fn lay_flags(document: &mut Document, flags: &Flags) -> Vec<ConfigError> {
    let mut warnings = Vec::new();
    for (key, value) in [("dev", flags.dev), ("watch-courier", flags.watch_courier)] {
        // Every server delivers, whether or not it is told to watch the courier.
        if key == "dev" && !value && document.value.get(key) == Some(&Value::Bool(true)) {
            let reason = format!("has no effect in a file; use the flag --{key}");
            warnings.push(ConfigError { origin: document.origin(key).cloned(), key: key.to_owned(), reason });
        }
        document.merge(json!({ key: value }), &Origin::Flag(key.to_owned()));
    }
    for (key, value) in &flags.other {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        document.overlay(&path, value.clone(), &Origin::Flag(key.clone()));
    }
    warnings
}

/// Says of every complaint who caused it. What nobody set is the last file's omission.
fn attribute(errors: &mut [ConfigError], document: &Document, source: &Source) {
    for error in errors {
        let last = source.files.last().map(|path| Origin::File(path.clone()));
        error.origin = document.origin(&error.key).cloned().or(last);
    }
}

fn with_origin(mut warning: ConfigError, document: &Document) -> ConfigError {
    warning.origin = document.origin(&warning.key).cloned();
    warning
}

/// One file as a document. An empty one says nothing.
fn read(path: &Path) -> Result<Value, String> {
    let text = || file::read_text(path).map_err(|error| format!("cannot be read: {error}"));
    let value = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => parse_yaml(&text()?)?,
        Some("json") => serde_json::from_str(&text()?).map_err(|error| one_line(&error.to_string()))?,
        Some("toml") => parse_toml(&text()?)?,
        _ => return Err("the name must end in .yaml, .yml, .json or .toml".to_owned()),
    };
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Ok(json!({})),
        _ => Err("expected a map at the top".to_owned()),
    }
}

/// YAML as Go's library reads it: `yes` and `on` are texts, `0755` is octal.
fn parse_yaml(text: &str) -> Result<Value, String> {
    if text.lines().all(|line| matches!(line.trim(), "" | "---") || line.trim().starts_with('#')) {
        return Ok(Value::Null);
    }
    let options = serde_saphyr::options! { strict_booleans: true, legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let text = one_line(&error.to_string());
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // What follows is advice to programmers.
        text.split_once(", set ").map_or(text, |(fault, _)| fault).to_owned()
    })
}

fn parse_toml(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, one_line(error.message()))
    })
}

/// The first line of an error: the rest quotes the file, which holds secrets.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}
