//! Starts and stops the servers under measure.
//!
//! Each start has a home: a folder, two free ports, a configuration and a database of its own. A server leads its
//! own process group, so that ending the group ends whatever it started; dropping a [`Running`] does that too.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::config::{Hasher, Places, render};
use crate::http::{Connection, Request};
use crate::options::{Named, Options};
use crate::words::words;

/// How often a start is looked at: finer than any figure that is told apart, and cheap while the port is closed.
const GLANCE: Duration = Duration::from_micros(500);
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A server and where it keeps its data: what homes are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launcher<'a> {
    pub(crate) options: &'a Options,
    pub(crate) server: &'a Named,
    pub(crate) dsn: &'a str,
}

impl Launcher<'_> {
    /// A new home with an empty database. Nothing runs yet.
    pub(crate) fn home(&self, hasher: Hasher) -> Result<Home> {
        self.home_with(hasher, None)
    }

    fn home_with(&self, hasher: Hasher, mail: Option<SocketAddr>) -> Result<Home> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::Builder::new()
            .prefix(&format!("zelos-bench-{}-", self.server.name))
            .disable_cleanup(self.options.keep)
            .tempdir()?;
        let dir = folder.path().to_str().context("the folder for temporary files is not text")?.to_owned();
        let database = format!("bench_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (public, admin) = free_addresses()?;
        let config = format!("{dir}/kratos.yml");
        let dsn = self.dsn.replace("{dir}", &dir).replace("{database}", &database);
        let log_level = &self.options.log_level;
        fs::write(&config, render(&Places { public, admin, dsn: &dsn, hasher, log_level, mail }))?;
        let fill = |command: &str| -> Result<Vec<String>> {
            let places = [
                ("{config}", config.clone()),
                ("{dir}", dir.clone()),
                ("{public_port}", public.port().to_string()),
                ("{admin_port}", admin.port().to_string()),
                ("{dsn}", dsn.clone()),
                ("{database}", database.clone()),
            ];
            let filled = |word: String| places.iter().fold(word, |w, (place, value)| w.replace(place, value));
            Ok(words(command)?.into_iter().map(filled).collect())
        };
        let mut serve = fill(&self.server.command)?;
        if let Some(cpus) = &self.options.cpus {
            serve.splice(0..0, ["taskset", "-c", cpus].map(str::to_owned));
        }
        let migrate = self.options.migration_of(&self.server.name).map(&fill).transpose()?;
        let named = self.dsn.contains("{database}");
        let create = self.options.database_create.as_deref().filter(|_| named).map(&fill).transpose()?;
        let drop = self.options.database_drop.as_deref().filter(|_| named).map(&fill).transpose()?;
        let home = Home { folder, serve, migrate, drop, public, admin };
        if let Some(create) = create {
            let status = home.spawn(&create)?.wait()?;
            home.succeeded(&create, status)?;
        }
        Ok(home)
    }

    /// A server that is ready, on a fresh database.
    pub(crate) async fn start(&self, hasher: Hasher) -> Result<(Home, Running)> {
        self.start_with(hasher, None).await
    }

    /// The same, with people who recover their accounts and a mail server.
    pub(crate) async fn start_with(&self, hasher: Hasher, mail: Option<SocketAddr>) -> Result<(Home, Running)> {
        let home = self.home_with(hasher, mail)?;
        home.migrate().await?;
        let running = home.start().await?;
        Ok((home, running))
    }
}

/// A folder, two ports, a configuration, a database. Dropping it removes folder and database.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    serve: Vec<String>,
    migrate: Option<Vec<String>>,
    drop: Option<Vec<String>>,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Home {
    /// Runs the server's migration command, if it has one.
    pub(crate) async fn migrate(&self) -> Result<()> {
        let Some(command) = &self.migrate else { return Ok(()) };
        let mut running = self.running(command)?;
        let status = running.ended(START_LIMIT).await?.context("the migration took too long")?;
        self.succeeded(command, status)
    }

    /// Starts the server and returns once `/health/ready` says so on both ports.
    pub(crate) async fn start(&self) -> Result<Running> {
        let mut running = self.running(&self.serve)?;
        let end = Instant::now() + START_LIMIT;
        for address in [running.public, running.admin] {
            while let Err(reason) = readiness(address).await {
                if let Some(status) = running.child.try_wait()? {
                    bail!("the server ended with {status}; end of its log:\n{}", self.log());
                }
                ensure!(Instant::now() < end, "not ready in time: {reason:#}; end of the log:\n{}", self.log());
                sleep(GLANCE).await;
            }
        }
        Ok(running)
    }

    fn running(&self, command: &[String]) -> Result<Running> {
        Ok(Running { child: self.spawn(command)?, public: self.public, admin: self.admin })
    }

    fn spawn(&self, command: &[String]) -> Result<Child> {
        let [program, arguments @ ..] = command else { bail!("the command is empty") };
        let log = File::options().create(true).append(true).open(self.log_path())?;
        Command::new(located(program))
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {program}"))
    }

    fn succeeded(&self, command: &[String], status: ExitStatus) -> Result<()> {
        ensure!(status.success(), "{} ended with {status}; end of the log:\n{}", command.join(" "), self.log());
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn log(&self) -> String {
        let text = String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(command) = &self.drop {
            let failed = self.spawn(command).and_then(|mut child| self.succeeded(command, child.wait()?)).err();
            if let Some(error) = failed {
                crate::out::note(&format!("the database was not removed: {error:#}"));
            }
        }
    }
}

/// A process that leads its own group.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Running {
    /// The process id, which is that of the group as well.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Asks the server to end and waits for it; what is left after ten seconds is killed.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM);
        self.ended(STOP_LIMIT).await?;
        Ok(())
    }

    async fn ended(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            sleep(GLANCE).await;
        }
    }

    fn signal(&self, signal: Signal) {
        // The group may be gone already, which is what is wanted.
        if let Some(group) = Pid::from_raw(self.pid()) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The servers run in their own folders, so a program named by a relative path is looked up from ours.
fn located(program: &str) -> PathBuf {
    let path = Path::new(program);
    if program.contains('/') { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

async fn readiness(address: SocketAddr) -> Result<()> {
    let request = Request::get("/health/ready").header("Connection", "close");
    Connection::new(address).send(&request).await?.expect(200).map(|_| ())
}

fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    // Both are held until both are known, so that they differ.
    let (one, two) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?, two.local_addr()?))
}
