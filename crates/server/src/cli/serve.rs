//! `zelos serve`: the life of a server, from its configuration to its last request.
//!
//! It listens before anything else that can take time, so that whoever watches it sees it alive; it is ready once the
//! database is. On SIGTERM or SIGINT it says that it is not ready any more, takes no new connections, lets the running
//! requests finish, and ends well.

use super::Failure;
use crate::{
    VERSION,
    contents::{Documents, FetchedDocuments},
    development, jobs,
    listen::{self, Address, Ending, Limits, Listener, RequestLine},
    outbound::HttpClient,
    readiness,
    reload::{self, Running, Watched},
    settings::{self, ConfigFiles, Settings},
    telemetry::{self, Telemetry},
    wiring,
};
use clap::Args;
use std::{path::Path, sync::Arc};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};
use zelos_core::{
    clock::SystemClock,
    config::{Config, Loaded, admin_auth},
    outbound::Outbound,
    rng::SystemRng,
    snapshot::Snapshot,
};
use zelos_flow::Engine;
use zelos_store::{PoolOptions, Store};
use zelos_web::{App, Phase, Readiness, pages::Pages};

/// How the server runs.
#[derive(Debug, Clone, Args)]
pub(super) struct Flags {
    /// Development mode: cookies over plain HTTP, cheap hashes. Without a file: a server with a folder of its own.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub(super) dev: bool,
    /// Accepted for compatibility: every server delivers mail and SMS.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub(super) watch_courier: bool,
    /// Accepted for compatibility: Zelos sends no telemetry.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub(super) sqa_opt_out: bool,
    /// Accepted for compatibility.
    #[arg(hide = true, value_name = "WORD")]
    pub(super) words: Vec<String>,
}

/// Runs the server until it is told to stop.
pub(super) async fn run(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let watched = (!files.is_empty()).then(|| Watched::new(&files.paths));
    let own = files.want_built_in(flags.dev).then(|| development::data(&*rng)).transpose()?;
    let (dev, watch_courier) = (flags.dev, flags.watch_courier);
    let given = settings::Given { files, dev, watch_courier, own: own.as_ref(), ..settings::Given::default() };
    let (settings, Loaded { config, warnings }) = Settings::load(given, &*rng)?;
    let Telemetry { traces, level } = telemetry::start(&config)?;
    warn_of_words(&flags.words);
    settings::warn(&warnings);
    settings::judge_unbuilt(&config)?;

    let public = Address::public(&config.serve.public).bind().await?;
    let admin = Address::admin(&config.serve.admin).bind().await?;
    admin_auth::judge(&config, admin.is_private()).map_err(|error| Failure::new(error.to_string()))?;
    let addresses = [public.to_string(), admin.to_string()];

    let readiness = Arc::new(Readiness::new());
    let Built { engine, outbound, fetched } = Box::pin(build(config, rng)).await?;
    let snapshot = engine.snapshot();
    let (end, ending) = watch::channel(false);
    let servers = servers(&engine, &snapshot, &readiness, [public, admin], &ending)?;
    // Last: nothing in the configuration can end the server any more.
    let [public, admin] = addresses;
    tracing::info!(public, admin, version = VERSION, "listening");
    let migrates = own.is_some() || snapshot.dsn.expose() == "memory";
    let getting_ready = readiness::watch(Arc::clone(&engine), Arc::clone(&readiness), migrates);
    tokio::spawn(jobs::sweep(Arc::clone(&engine), ending.clone()));
    tokio::spawn(jobs::index(Arc::clone(&engine), ending.clone()));
    tokio::spawn(jobs::fetch(Arc::clone(&engine), ending.clone()));
    // Always: by its leases it gets along with any other courier on the same database.
    let (begin, permission) = oneshot::channel();
    let work = wiring::courier(&engine).run(ending.clone());
    let courier = tokio::spawn(async {
        if permission.await.is_ok() {
            work.await;
        }
    });
    if let Some(watched) = watched {
        let running = Running { settings, engine: Arc::clone(&engine), outbound, level };
        tokio::spawn(reload::watch(watched, running, ending.clone()));
    }

    let greeting = async {
        getting_ready.await?;
        // It waits for the database as well. That nobody listens to it means that we are stopping.
        let _ = begin.send(());
        fetched.store(&engine.store, engine.clock.now()).await;
        if let Some(own) = &own {
            development::greet(&snapshot, &own.folder);
        }
        std::future::pending::<Result<(), Failure>>().await
    };
    let done = tokio::select! {
        stopped = told_to_stop() => stopped.map_err(Failure::from),
        failed = greeting => failed,
    };
    readiness.set(Phase::Stopping);
    let _ = end.send(true);
    tokio::select! {
        _ = async { tokio::join!(servers, courier) } => {}
        // Whoever asks twice does not want to wait.
        _ = told_to_stop() => {}
    }
    // What still runs in the background finds it closed; nobody is answered any more.
    engine.store.close().await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    done
}

/// Kratos' `serve` ignores words: `all` was a subcommand once.
pub(super) fn warn_of_words(words: &[String]) {
    if !words.is_empty() {
        tracing::warn!(words = words.join(" "), "further words after the command are ignored");
    }
}

/// The engine on its database, with its configuration compiled.
pub(super) async fn engine(config: Config, rng: Arc<SystemRng>) -> Result<Arc<Engine>, Failure> {
    Box::pin(build(config, rng)).await.map(|built| built.engine)
}

/// An engine and what belongs to it.
pub(super) struct Built {
    pub(super) engine: Arc<Engine>,
    /// The client of `engine.outbound`.
    pub(super) outbound: Arc<HttpClient>,
    /// To be stored once the database is ready.
    fetched: FetchedDocuments,
}

/// Makes an engine, and everything that can fail for the configuration's sake.
pub(super) async fn build(config: Config, rng: Arc<SystemRng>) -> Result<Built, Failure> {
    let client = Arc::new(HttpClient::new(&config.clients.http));
    let outbound: Arc<dyn Outbound> = client.clone();
    let pool = &config.database.pool;
    let options = PoolOptions {
        max_connections: usize::try_from(pool.max_connections).ok().filter(|most| *most > 0),
        acquire_timeout: *pool.acquire_timeout,
        statement_timeout: *pool.statement_timeout,
        scan_timeout: *pool.scan_timeout,
        ..PoolOptions::default()
    };
    let store =
        Store::connect(config.dsn.expose(), options).await.map_err(|error| Failure::new(format!("dsn: {error}")))?;
    let documents = Documents::new(&*outbound, Some(&store));
    let snapshot = Box::pin(settings::compile(config, &documents, Arc::default())).await?;
    let fetched = documents.into_fetched();
    let pages = pages(&snapshot).map_err(|error| Failure::new(format!("selfservice.ui.template_path: {error:#}")))?;
    let script_integrity = wiring::script_integrity(&pages);
    let surroundings = wiring::Surroundings { store, clock: Arc::new(SystemClock), rng, outbound, script_integrity };
    let engine = wiring::engine(snapshot, surroundings);
    let engine = engine.map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    Ok(Built { engine, outbound: client, fetched })
}

/// Both servers, begun; what comes back is their end.
fn servers(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    readiness: &Arc<Readiness>,
    [public, admin]: [Listener; 2],
    ending: &Ending,
) -> Result<impl Future<Output = ()>, Failure> {
    let pages = pages(snapshot).map_err(|error| Failure::new(format!("selfservice.ui.template_path: {error:#}")))?;
    let app = App::new(Arc::clone(engine), pages, Arc::clone(readiness), VERSION);
    let leaks = snapshot.log.leak_sensitive_values;
    let line = |server, silent_health| RequestLine { server, silent_health, leaks };
    let serve = &snapshot.serve;
    let public = tokio::spawn(listen::serve(
        public,
        zelos_web::public_router(app.clone()),
        (Limits::PUBLIC.with(&serve.public.limits), serve.public.trusted_proxies.clone()),
        line("public", serve.public.request_log.disable_for_health),
        ending.clone(),
    ));
    let admin = tokio::spawn(listen::serve(
        admin,
        zelos_web::admin_router(app),
        (Limits::ADMIN.with(&serve.admin.limits), serve.admin.trusted_proxies.clone()),
        line("admin", serve.admin.request_log.disable_for_health),
        ending.clone(),
    ));
    Ok(async {
        let _ = tokio::join!(public, admin);
    })
}

/// Our own pages.
fn pages(snapshot: &Snapshot) -> anyhow::Result<Pages> {
    Pages::new(snapshot.selfservice.ui.template_path.as_deref().map(Path::new))
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn told_to_stop() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}
