//! A folder with a configuration, two free ports, and the processes that are started there.

use super::client;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use zelos_testkit::Database;

/// So long something may take that happens by itself: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(45);

/// Looks until there is something to see.
pub(super) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Stopwatch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(clock.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Real time: a process of its own knows no other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a process of its own runs in real time")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A port that nobody listens on, below those that outgoing connections take.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 97).unwrap_or_default() * 100;
    loop {
        let port = 12_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Where processes run.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    pub(super) public: u16,
    pub(super) admin: u16,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), public: free_port(), admin: free_port() }
    }

    /// A file of the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// A database in the folder.
    pub(super) fn sqlite(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.path("zelos.sqlite").display())
    }

    /// What a server here needs to know, whatever its database.
    pub(super) fn config(&self, dsn: &str) -> Value {
        let (public, admin) = (self.public, self.admin);
        let page = |name: &str| json!({ "ui_url": format!("http://127.0.0.1:{public}/ui/{name}") });
        let schema = self.path("person.schema.json");
        fs::write(&schema, person().to_string()).unwrap();
        json!({
            "dsn": dsn,
            "log": { "level": "info" },
            "serve": {
                "public": { "host": "127.0.0.1", "port": public, "base_url": format!("http://127.0.0.1:{public}/") },
                "admin": { "host": "127.0.0.1", "port": admin, "base_url": format!("http://127.0.0.1:{admin}/") },
            },
            "secrets": { "cookie": ["a-cookie-secret-for-tests"], "cipher": ["a-cipher-secret-for-tests-32-lon"] },
            "hashers": { "algorithm": "bcrypt", "bcrypt": { "cost": 4 } },
            "identity": {
                "default_schema_id": "default",
                "schemas": [{ "id": "default", "url": format!("file://{}", schema.display()) }],
            },
            "selfservice": {
                "default_browser_return_url": format!("http://127.0.0.1:{public}/"),
                "methods": { "password": { "enabled": true, "config": { "haveibeenpwned_enabled": false } } },
                "flows": {
                    "login": page("login"),
                    "registration": {
                        "ui_url": format!("http://127.0.0.1:{public}/ui/registration"),
                        "after": { "password": { "hooks": [{ "hook": "session" }] } },
                    },
                },
            },
        })
    }

    /// Puts a configuration in place, as a whole.
    pub(super) fn write(&self, config: &Value) {
        self.write_text(&config.to_string());
    }

    /// Puts any text in the place of the configuration, as a whole.
    pub(super) fn write_text(&self, text: &str) {
        let new = self.path("kratos.yml.new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path("kratos.yml")).unwrap();
    }

    /// Starts the binary here with a command line as one would type it.
    pub(super) fn zelos(&self, line: &str, environment: &[(&str, &str)]) -> Process {
        self.start(binary(line), environment, Stdio::null())
    }

    /// Starts a server with a database that lies on a small disk of its own, beside a file of that size.
    pub(super) fn serve_on_small_disk(&self, (size, ballast): (usize, usize)) -> Process {
        let disk = self.path("disk");
        fs::create_dir(&disk).unwrap();
        self.write(&self.config(&format!("sqlite://{}/zelos.sqlite?mode=rwc", disk.display())));
        let script = format!(
            "mount -t tmpfs -o size={size} tmpfs disk && head -c {ballast} /dev/zero >disk/ballast && \
             {zelos} migrate sql up -e -y -c kratos.yml && exec {zelos} serve -c kratos.yml --dev",
            zelos = env!("CARGO_BIN_EXE_zelos")
        );
        let mut command = Command::new("unshare");
        // A name space of its own for mounts: whoever is not root may mount there, and it ends with the process.
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        let mut server = self.start(command, &[("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")], Stdio::null());
        self.wait_until_ready(&mut server);
        server
    }

    /// Runs the binary to its end, with something on its standard input.
    pub(super) fn run_fed(&self, line: &str, environment: &[(&str, &str)], input: &str) -> Ended {
        let file = self.path("input");
        fs::write(&file, input).unwrap();
        self.start(binary(line), environment, File::open(file).unwrap().into()).end()
    }

    fn start(&self, mut command: Command, environment: &[(&str, &str)], input: Stdio) -> Process {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (out, log) = (self.path(&format!("{number}.out")), self.path(&format!("{number}.log")));
        let child = command
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir(self.folder.path())
            .stdin(input)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Process { child, out, log }
    }

    /// Runs the binary to its end.
    pub(super) fn run(&self, line: &str, environment: &[(&str, &str)]) -> Ended {
        self.zelos(line, environment).end()
    }

    /// Writes the usual configuration for that database, migrates it, and starts a server.
    pub(super) fn serve(&self, dsn: &str) -> Process {
        self.serve_with(&self.config(dsn))
    }

    /// Writes a configuration, migrates its database, and starts a server that is ready.
    pub(super) fn serve_with(&self, config: &Value) -> Process {
        self.write(config);
        let migrated = self.run("migrate sql up -e -y -c kratos.yml", &[]);
        assert_eq!(migrated.code, Some(0), "{}", migrated.log);
        self.serve_again()
    }

    /// Starts a server on what is there already, and waits until it is ready.
    pub(super) fn serve_again(&self) -> Process {
        let mut server = self.zelos("serve -c kratos.yml --dev", &[]);
        self.wait_until_ready(&mut server);
        server
    }

    /// Waits until the server says that it is ready.
    pub(super) fn wait_until_ready(&self, server: &mut Process) {
        eventually("ready", || {
            assert!(server.runs(), "the server has ended: {}", server.log());
            (client::status(self.admin, "/admin/health/ready") == 200).then_some(())
        });
    }
}

/// The binary with a command line.
fn binary(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zelos"));
    command.args(line.split_whitespace());
    command
}

/// A process, which does not outlive its test.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    out: PathBuf,
    log: PathBuf,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    /// Nothing for a process that was killed.
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) log: String,
}

impl Process {
    /// What was written to standard output so far.
    pub(super) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// What was written to standard error so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log says so.
    pub(super) fn wait_for_log(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end.
    pub(super) fn end(&mut self) -> Ended {
        let ended: ExitStatus = eventually("the process ends", || self.child.try_wait().unwrap());
        Ended { code: ended.code(), out: self.out(), log: self.log() }
    }

    /// A file as the process sees it, which may have a disk of its own.
    pub(super) fn file(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`, as an orchestrator does first.
    pub(super) fn terminate(&self) {
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.runs() {
            self.kill();
        }
        if std::thread::panicking() {
            // The folder may be gone by now; a panic here would end all tests.
            tell(&fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// Tells whoever reads of a failed test what the process had to say.
#[expect(clippy::print_stderr, clippy::disallowed_macros, reason = "the test harness shows it of failed tests only")]
fn tell(log: &str) {
    eprintln!("{log}");
}

/// A database of its own on a server, given back at the end.
#[derive(Debug)]
pub(super) struct Fresh(Option<Database>);

impl Fresh {
    /// One on each server at hand.
    pub(super) fn on_each_server() -> impl Iterator<Item = Self> {
        Database::servers().into_iter().map(|server| Self(Some(wait(Database::on(&server)).unwrap())))
    }

    /// One in a file.
    pub(super) fn sqlite() -> Self {
        Self(Some(Database::sqlite().unwrap()))
    }

    pub(super) fn database(&self) -> &Database {
        self.0.as_ref().unwrap()
    }

    pub(super) fn dsn(&self) -> &str {
        self.0.as_ref().map_or("", |database| &database.dsn)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(database) = self.0.take() {
            let removed = wait(database.remove());
            assert!(std::thread::panicking() || removed.is_ok(), "{removed:?}");
        }
    }
}

/// Does something that waits.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// An address to sign in with, to verify and to recover by.
fn person() -> Value {
    json!({
        "$id": "https://id.example.org/person.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": {
            "type": "object",
            "properties": { "email": {
                "type": "string",
                "format": "email",
                "ory.sh/kratos": {
                    "credentials": { "password": { "identifier": true } },
                    "verification": { "via": "email" },
                    "recovery": { "via": "email" },
                },
            } },
            "required": ["email"],
            "additionalProperties": false,
        } },
    })
}
