//! From the command line and the environment to a configuration in use: loaded once at start, and again when a file
//! changes.

use crate::{cli::Failure, contents::Documents, development};
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use std::{path::PathBuf, sync::Arc};
use url::Url;
use zelos_core::{
    config::{
        Config, ConfigError, Explained, Flags, Loaded, REQUIRED, Source, database::Cleanup, development_document,
        hashers::Argon2, keep_until_restart, load, look_up, missing, unbuilt,
    },
    fail_point,
    outbound::Outbound,
    rng::Rng,
    schema::Schemas,
    secret::Secret,
    snapshot::Snapshot,
};
use zelos_courier::{Channels, Letters, Remotes, call::Call};
use zelos_flow::Compiled;

/// The configuration files that the command line names, and how they are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigFiles {
    /// In order; later ones win.
    pub(crate) paths: Vec<PathBuf>,
    /// Whether `${NAME}` in their values stands for an environment variable.
    pub(crate) expand_env: bool,
}

impl ConfigFiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The files and the environment.
    fn source(&self) -> Source {
        let (files, expand_env) = (self.paths.clone(), self.expand_env);
        Source { files, expand_env, environment: environment(), ..Source::default() }
    }

    /// Whether a command runs on the built-in configuration of development: no file is named, and the environment alone is
    /// no configuration.
    pub(crate) fn want_built_in(&self, dev: bool) -> bool {
        dev && self.is_empty() && !missing(&self.source()).is_empty()
    }
}

/// What the command line said of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Given<'a> {
    pub(crate) files: ConfigFiles,
    pub(crate) dev: bool,
    pub(crate) watch_courier: bool,
    /// The database, whatever the environment and the files say.
    pub(crate) dsn: Option<String>,
    /// The port for the metrics of a courier by itself; 0 for none.
    pub(crate) metrics_port: Option<u16>,
    /// The development server's folder, when no file is given.
    pub(crate) own: Option<&'a development::Data>,
}

/// Where the configuration comes from, for as long as the server runs.
#[derive(Debug)]
pub(crate) struct Settings {
    source: Source,
    /// Cookie keys for this process alone, where none are configured.
    fallback: Secret,
}

impl Settings {
    /// Loads the configuration.
    pub(crate) fn load(given: Given<'_>, rng: &dyn Rng) -> Result<(Self, Loaded), Failure> {
        let built_in =
            given.own.map(|data| development_document(&data.folder, &data.secrets.cookie, &data.secrets.cipher));
        let port = given.metrics_port.map(|port| ("expose-metrics-port".to_owned(), port.into()));
        let other = port.into_iter().collect();
        let flags = Flags { dev: given.dev, watch_courier: given.watch_courier, other };
        let mut source = Source { built_in, flags, ..given.files.source() };
        if let Some(dsn) = given.dsn {
            source.environment.retain(|(name, _)| name != "DSN");
            source.environment.push(("DSN".to_owned(), dsn));
        }
        fail_point::name(&source.environment);
        if source.files.is_empty() && source.built_in.is_none() {
            check_environment(&source)?;
        }
        let settings = Self { source, fallback: Secret::new(rng.alphanumeric(32)) };
        let loaded = settings.read(None)?;
        Ok((settings, loaded))
    }

    /// Loads the configuration anew. What only a restart changes stays as it was, and is named in the log.
    pub(crate) fn again(&self, old: &Config) -> Result<Config, Failure> {
        let mut loaded = self.read(None)?;
        if loaded.config.public_url() != old.public_url() {
            // Relative URLs are completed by the base URL that stays.
            loaded = self.read(Some(&old.public_url()))?;
        }
        let Loaded { mut config, warnings } = loaded;
        judge_unbuilt(&config)?;
        warn(&warnings);
        for key in keep_until_restart(old, &mut config) {
            tracing::warn!(%key, "this key was changed and needs a restart; until then it stays as it was");
        }
        Ok(config)
    }

    /// `base`: the public base URL, whatever the sources say.
    fn read(&self, base: Option<&Url>) -> Result<Loaded, Failure> {
        let rebased = base.map(|base| {
            let mut source = self.source.clone();
            source.environment.retain(|(name, _)| !name.eq_ignore_ascii_case("SERVE_PUBLIC_BASE_URL"));
            source.environment.push(("SERVE_PUBLIC_BASE_URL".to_owned(), base.to_string()));
            source
        });
        let mut loaded = load(rebased.as_ref().unwrap_or(&self.source)).map_err(failure)?;
        let secrets = &mut loaded.config.secrets;
        if secrets.for_cookies().is_empty() {
            secrets.default = vec![self.fallback.clone()];
        }
        Ok(loaded)
    }
}

/// Says what the environment lacks to be the whole configuration.
fn check_environment(source: &Source) -> Result<(), Failure> {
    let missing = missing(source);
    if missing.len() == REQUIRED.len() {
        let variables: Vec<_> = missing.iter().map(|(_, variables)| *variables).collect();
        return Err(Failure::new(format!(
            "no configuration: name a file with -c, or set the environment variables {}, or try `zelos serve --dev`",
            variables.join(", ")
        )));
    }
    let lack = |(key, variables): &(&str, &str)| {
        format!("{key}: is required; no file was named with -c, so set the environment variable {variables}")
    };
    if missing.is_empty() { Ok(()) } else { Err(Failure(missing.iter().map(lack).collect())) }
}

/// Features that are not built yet are named; a server that would be less safe without one does not start.
pub(crate) fn judge_unbuilt(config: &Config) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for feature in unbuilt(config) {
        if feature.weakens_security && !config.dev {
            refused.push(format!("{}: {}", feature.key, feature.reason));
        } else {
            tracing::warn!(key = %feature.key, reason = %feature.reason, "not built yet");
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure(refused)) }
}

/// Logs what is odd.
pub(crate) fn warn(warnings: &[ConfigError]) {
    for warning in warnings {
        tracing::warn!(%warning, "configuration");
    }
}

/// The configuration compiled, where there is no database and nothing was compiled before.
pub async fn snapshot(config: Config, outbound: &dyn Outbound) -> Result<Compiled, Failure> {
    Box::pin(compile(config, &Documents::new(outbound, None), Arc::default())).await
}

/// The configuration with everything that it refers to, compiled: what has to be there is read, and what need not be, as
/// remote templates, is fetched later by `remotes`.
pub(crate) async fn compile(
    config: Config,
    documents: &Documents<'_>,
    remotes: Arc<Remotes>,
) -> Result<Compiled, Failure> {
    let may_refer = !config.security.disallow_ref_in_identity_schemas;
    let read = config.identity.schemas.iter().enumerate().map(async |(index, schema)| {
        let key = format!("identity.schemas.{index}.url");
        let compiled = documents.identity_schema(&key, schema, may_refer).await;
        compiled.map(|compiled| (compiled, schema.selfservice_selectable)).map_err(|reason| format!("{key}: {reason}"))
    });
    let (mut schemas, mut errors) = (Vec::new(), Vec::new());
    for read in join_all(read).await {
        match read {
            Ok(schema) => schemas.push(schema),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Failure(errors));
    }
    let schemas = Schemas::new(&config.identity.default_schema_id, schemas)
        .map_err(|error| Failure::new(format!("identity.schemas: {error}")))?;
    let snapshot = Snapshot::new(config, schemas);
    for url in snapshot.returns.ignored() {
        tracing::warn!(%url, "selfservice.allowed_return_urls: the wildcard is too wide, the entry allows nothing");
    }
    let channels = Channels::compile(&snapshot, &remotes);
    let letters = Letters::compile(&snapshot, &remotes);
    let migration = password_migration(&snapshot, &remotes);
    match (channels, letters, migration) {
        (Ok(channels), Ok(letters), Ok(migration)) => Ok(Compiled::new(snapshot, Arc::new(letters))
            .with_channels(Arc::new(channels))
            .with_password_migration(migration)
            .with_remotes(remotes)),
        (channels, letters, migration) => {
            let mut errors = channels.err().unwrap_or_default();
            errors.extend(letters.err().unwrap_or_default());
            errors.extend(migration.err());
            Err(Failure(errors))
        }
    }
}

/// The call that asks whether a password is right, where it is switched on.
fn password_migration(config: &Config, remotes: &Remotes) -> Result<Option<Call>, String> {
    const KEY: &str = "selfservice.methods.password.config.migrate_hook.config";
    let hook = &config.selfservice.methods.password.config.migrate_hook;
    let Some(url) = hook.config.url.as_ref().filter(|_| hook.enabled) else { return Ok(None) };
    let call = Call::compile(KEY, url, &hook.config.request(), remotes);
    call.map(Some).map_err(|(name, reason)| format!("{KEY}.{name}: {reason}"))
}

/// One variable of the process, if it is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    environment().into_iter().find(|(known, text)| known == name && !text.is_empty()).map(|(_, text)| text)
}

/// `database.cleanup` as files and environment have it, whatever the rest of them is worth.
pub(crate) fn cleanup(files: &ConfigFiles) -> Result<Cleanup, Failure> {
    section(files, "database.cleanup")
}

/// `hashers.argon2` as files and environment have it, whatever the rest of them is worth.
pub(crate) fn argon2(files: &ConfigFiles) -> Result<Argon2, Failure> {
    section(files, "hashers.argon2")
}

/// What there is to know of one key.
pub(crate) fn explain(files: &ConfigFiles, dev: bool, key: &str) -> Result<Explained, Failure> {
    let flags = Flags { dev, ..Flags::default() };
    let source = Source { flags, ..files.source() };
    zelos_core::config::explain(&source, key).map_err(failure)
}

fn section<T: DeserializeOwned + Default>(files: &ConfigFiles, key: &str) -> Result<T, Failure> {
    match look_up(&files.source(), key).map_err(failure)? {
        Some(value) => T::deserialize(value).map_err(|error| Failure::new(format!("{key}: {error}"))),
        None => Ok(T::default()),
    }
}

/// The database for commands that need nothing else: the variable `DSN`, else what the files say.
///
/// The rest of the configuration is not looked at: a migration may run where only the database is configured.
pub(crate) fn dsn(files: &ConfigFiles) -> Result<String, Failure> {
    if let Some(dsn) = variable("DSN") {
        return Ok(dsn);
    }
    let source = files.source();
    if source.files.is_empty() {
        return Err(Failure::new("the environment variable DSN is not set, and no file was given with -c"));
    }
    let dsn = look_up(&source, "dsn").map_err(failure)?;
    let dsn = dsn.as_ref().and_then(serde_json::Value::as_str).filter(|dsn| !dsn.is_empty());
    dsn.map(ToOwned::to_owned).ok_or_else(|| Failure::new("dsn: is set neither in the environment nor in a file"))
}

#[expect(clippy::needless_pass_by_value, reason = "what an error is made of is used up")]
fn failure(errors: Vec<ConfigError>) -> Failure {
    Failure(errors.iter().map(ToString::to_string).collect())
}

/// The variables of the process; those that are not text mean nothing to us.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?))).collect()
}
