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
    reload::{self, Watched},
    settings::{self, Settings},
    telemetry, wiring,
};
use clap::Args;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};
use zelos_core::{
    clock::SystemClock,
    config::{Config, Loaded, admin_auth},
    flow::Kind,
    outbound::Outbound,
    rng::SystemRng,
    snapshot::Snapshot,
};
use zelos_flow::Engine;
use zelos_store::{PoolOptions, Store};
use zelos_web::{App, Phase, Readiness, pages::Pages};

/// How the server runs.
#[derive(Debug, Clone, Copy, Args)]
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
}

/// Runs the server until it is told to stop.
pub(super) async fn run(files: Vec<PathBuf>, flags: Flags) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let watched = (!files.is_empty()).then(|| Watched::new(&files));
    let own = (flags.dev && files.is_empty()).then(|| development::data(&*rng)).transpose()?;
    let (dev, watch_courier) = (flags.dev, flags.watch_courier);
    let given = settings::Given { files, dev, watch_courier, own: own.as_ref(), ..settings::Given::default() };
    let (settings, Loaded { config, warnings }) = Settings::load(given, &*rng)?;
    let traces = telemetry::start(&config)?;
    settings::warn(&warnings);
    settings::judge_unbuilt(&config)?;

    let public = Address::public(&config.serve.public).bind().await?;
    let admin = Address::admin(&config.serve.admin).bind().await?;
    admin_auth::judge(&config, admin.is_private()).map_err(|error| Failure::new(error.to_string()))?;
    tracing::info!(%public, %admin, version = VERSION, "listening");

    let readiness = Arc::new(Readiness::new());
    let (engine, fetched) = Box::pin(engine_with_documents(config, rng)).await?;
    let snapshot = engine.snapshot();
    let (end, ending) = watch::channel(false);
    let servers = servers(&engine, &snapshot, &readiness, [public, admin], &ending)?;
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
        tokio::spawn(reload::watch(watched, settings, Arc::clone(&engine), ending.clone()));
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

/// The engine on its database, with its configuration compiled.
pub(super) async fn engine(config: Config, rng: Arc<SystemRng>) -> Result<Arc<Engine>, Failure> {
    Box::pin(engine_with_documents(config, rng)).await.map(|(engine, _)| engine)
}

/// The same, and what was fetched for it: to be stored once the database is ready.
async fn engine_with_documents(
    config: Config,
    rng: Arc<SystemRng>,
) -> Result<(Arc<Engine>, FetchedDocuments), Failure> {
    let outbound: Arc<dyn Outbound> = Arc::new(HttpClient::new(&config.clients.http));
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
    Ok((engine, fetched))
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

/// Our own pages; their forms may end wherever a browser may be sent.
fn pages(snapshot: &Snapshot) -> anyhow::Result<Pages> {
    let service = &snapshot.selfservice;
    let returns = std::iter::once(&service.default_browser_return_url).chain(&service.allowed_return_urls);
    // The page of a link leads to the pages of flows, wherever these are.
    let pages = Kind::ALL.into_iter().filter_map(|kind| service.flows.ui_url(kind));
    let pages = pages.chain(&service.flows.error.ui_url);
    let origins: BTreeSet<String> = returns.chain(pages).map(|url| url.origin().ascii_serialization()).collect();
    let origins: Vec<String> = origins.into_iter().filter(|origin| origin != "null").collect();
    Ok(Pages::new(service.ui.template_path.as_deref().map(Path::new))?.with_form_targets(&origins))
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
