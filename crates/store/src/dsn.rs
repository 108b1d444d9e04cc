//! The DSN: one text that says which database, where, and how to reach it, in the forms that operators of Kratos have
//! in their configuration.
//!
//! They come from three worlds (SQLite URLs, libpq's URLs, Go's MySQL form with `tcp(…)`), so each is read by its own
//! function here, and the drivers get finished options. A DSN holds a password: no error quotes any part of it but the
//! scheme and the names of parameters.

use crate::{db::PoolOptions, error::Error};
use std::{path::PathBuf, time::Duration};
use url::Url;

/// What a DSN leads to. The passwords inside are why this has no `Debug`.
pub(crate) enum Target {
    /// A database that lives as long as the process.
    Memory,
    Sqlite(SqliteFile),
    Postgres(Box<tokio_postgres::Config>, PostgresTls),
    MySql(Box<mysql_async::OptsBuilder>),
}

/// An SQLite database file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// Whether a missing file is made.
    pub(crate) create: bool,
    /// How long to wait for another process's write.
    pub(crate) busy_timeout: Duration,
    /// Value of `PRAGMA synchronous`, one of SQLite's words.
    pub(crate) synchronous: &'static str,
}

/// How much of the server's certificate is checked; PostgreSQL's driver itself knows only whether to use TLS.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct PostgresTls {
    pub(crate) verify: Verify,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verify {
    /// Encrypted, but anyone may answer (`prefer`, `require`, as in libpq).
    #[default]
    Nothing,
    /// Issued by a known authority (`verify-ca`).
    Authority,
    /// And for this host (`verify-full`).
    Full,
}

/// Reads a DSN. What it says about the pool goes into `pool`.
pub(crate) fn parse(dsn: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    if dsn == "memory" {
        return Ok(Target::Memory);
    }
    let (scheme, rest) = dsn.split_once("://").ok_or_else(|| Error::Dsn("it has no scheme".into()))?;
    match scheme {
        "sqlite" | "sqlite3" => sqlite(rest, pool),
        "postgres" | "postgresql" | "pg" | "pgx" | "cockroach" | "cockroachdb" | "crdb" => postgres(rest, pool),
        "mysql" | "mariadb" => mysql(rest, pool),
        _ => {
            Err(Error::Dsn(format!("unknown scheme `{scheme}`, expected sqlite, postgres, mysql, cockroach or memory")))
        }
    }
}

/// The parameters of a DSN after those of the pool, which every database has, were taken out.
fn parameters(query: &str, pool: &mut PoolOptions) -> Result<Vec<(String, String)>, Error> {
    let mut rest = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        match name.as_str() {
            "max_conns" => pool.max_connections = Some(number(&name, &value)?),
            "max_idle_conns" => pool.max_idle = Some(number(&name, &value)?),
            "max_conn_lifetime" => pool.max_lifetime = Some(duration(&name, &value)?),
            "max_conn_idle_time" => pool.idle_timeout = Some(duration(&name, &value)?),
            "pool_min_conns" => return Err(Error::Dsn("parameter `pool_min_conns` is not supported".into())),
            _ => rest.push((name, value)),
        }
    }
    Ok(rest)
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::Dsn(format!("parameter `{name}` is not a number")))
}

/// Go's durations: `1h30m`, `300ms`; a bare `0` is none.
fn duration(name: &str, value: &str) -> Result<Duration, Error> {
    let bad = || Error::Dsn(format!("parameter `{name}` is not a duration such as `30s`"));
    let mut rest = value;
    let mut total = 0.0_f64;
    if value.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let amount: f64 = amount.parse().map_err(|_| bad())?;
        total += amount
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "" if amount == 0.0 => 0.0,
                _ => return Err(bad()),
            };
        rest = after;
    }
    Duration::try_from_secs_f64(total).map_err(|_| bad())
}

/// `path?…`, `/path?…`, `file:path?…`, `:memory:`. SQLite's own URI forms and the parameters of Go's drivers.
fn sqlite(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("file:").unwrap_or(path);
    let mut file = SqliteFile {
        path: percent_decode(path).into(),
        create: true,
        busy_timeout: Duration::from_secs(5),
        synchronous: "FULL",
    };
    let mut memory = path == ":memory:";
    for (name, value) in parameters(query, pool)? {
        match (name.as_str(), value.as_str()) {
            ("mode", "memory") => memory = true,
            ("mode", "rw") => file.create = false,
            ("mode", "rwc") => {}
            ("mode", _) => return Err(Error::Dsn("parameter `mode` is none of rwc, rw, memory".into())),
            ("_busy_timeout" | "_timeout", _) => file.busy_timeout = Duration::from_millis(number(&name, &value)?),
            ("_sync" | "_synchronous", _) => {
                file.synchronous = match value.to_ascii_uppercase().as_str() {
                    "0" | "OFF" => "OFF",
                    "1" | "NORMAL" => "NORMAL",
                    "2" | "FULL" => "FULL",
                    "3" | "EXTRA" => "EXTRA",
                    _ => return Err(Error::Dsn(format!("parameter `{name}` is none of OFF, NORMAL, FULL, EXTRA"))),
                };
            }
            // Foreign keys are always on, the journal is always a WAL, and the rest is about Go's drivers.
            _ => {}
        }
    }
    if memory {
        return Ok(Target::Memory);
    }
    if file.path.as_os_str().is_empty() {
        return Err(Error::Dsn("it names no SQLite file".into()));
    }
    Ok(Target::Sqlite(file))
}

/// libpq's URL. What the driver does not know (`sslmode=verify-full`, server settings) is taken out and translated.
fn postgres(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut tls = PostgresTls::default();
    let mut known = url::form_urlencoded::Serializer::new(String::new());
    let mut settings = String::new();
    let mut certificate = (None, None);
    for (name, value) in parameters(query, pool)? {
        match name.as_str() {
            "sslmode" => {
                let (mode, verify) = match value.as_str() {
                    "disable" => ("disable", Verify::Nothing),
                    "allow" | "prefer" => ("prefer", Verify::Nothing),
                    "require" => ("require", Verify::Nothing),
                    "verify-ca" => ("require", Verify::Authority),
                    "verify-full" => ("require", Verify::Full),
                    _ => return Err(Error::Dsn("parameter `sslmode` has an unknown value".into())),
                };
                tls.verify = verify;
                known.append_pair("sslmode", mode);
            }
            "sslrootcert" if value != "system" => tls.root_certificate = Some(value.into()),
            "sslcert" => certificate.0 = Some(value.into()),
            "sslkey" => certificate.1 = Some(value.into()),
            "user"
            | "password"
            | "dbname"
            | "options"
            | "application_name"
            | "host"
            | "hostaddr"
            | "port"
            | "connect_timeout"
            | "target_session_attrs"
            | "channel_binding"
            | "load_balance_hosts"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_retries"
            | "tcp_user_timeout"
            | "sslnegotiation" => {
                known.append_pair(&name, &value);
            }
            // Go's driver sends what it does not know to the server as a setting, and keeps these for itself.
            _ if name.starts_with("pool_") || name.starts_with("ssl") => {}
            "default_query_exec_mode" | "statement_cache_capacity" | "description_cache_capacity" => {}
            _ => {
                let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
                settings.extend([" -c ", name.as_str(), "=", value.as_str()]);
            }
        }
    }
    tls.client_certificate = certificate.0.zip(certificate.1);
    // libpq: `require` with a root certificate at hand means `verify-ca`.
    if tls.verify == Verify::Nothing && tls.root_certificate.is_some() {
        tls.verify = Verify::Authority;
    }
    let query = known.finish().replace('+', "%20");
    let mut config: tokio_postgres::Config = format!("postgres://{address}?{query}")
        .parse()
        .map_err(|error: tokio_postgres::Error| Error::Dsn(postgres_reason(&error)))?;
    if !settings.is_empty() {
        let options = format!("{}{settings}", config.get_options().unwrap_or_default());
        config.options(options.trim_start().to_owned());
    }
    if config.get_application_name().is_none() {
        config.application_name("zelos");
    }
    Ok(Target::Postgres(Box::new(config), tls))
}

/// The driver's reason names a parameter, never its value.
fn postgres_reason(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => "it is not a PostgreSQL URL".into(),
    }
}

/// Go's `user:password@tcp(host:port)/database?…`, in which nothing but the database is percent-encoded; a plain URL,
/// in which everything is, is understood as well.
fn mysql(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let (address, query) = match rest.rfind('/').and_then(|slash| rest[slash..].find('?').map(|mark| slash + mark)) {
        Some(mark) => (&rest[..mark], &rest[mark + 1..]),
        None => (rest, ""),
    };
    let (server, database) = address.rsplit_once('/').ok_or_else(|| Error::Dsn("it names no MySQL database".into()))?;
    if database.is_empty() {
        return Err(Error::Dsn("it names no MySQL database".into()));
    }
    let mut options = mysql_async::OptsBuilder::default().db_name(Some(percent_decode(database)));
    let (login, server) = server.rsplit_once('@').map_or((None, server), |(login, server)| (Some(login), server));
    if let Some((network, place)) = server.strip_suffix(')').and_then(|server| server.split_once('(')) {
        if let Some(login) = login {
            let (user, password) = login.split_once(':').map_or((login, None), |(user, pw)| (user, Some(pw)));
            options = options.user(Some(user)).pass(password);
        }
        options = match network {
            "tcp" | "tcp4" | "tcp6" => mysql_host(options, place)?,
            "unix" => options.socket(Some(place)),
            _ => return Err(Error::Dsn("its network is neither tcp nor unix".into())),
        };
    } else {
        let url = Url::parse(&format!("mysql://{}{server}", login.map(|l| format!("{l}@")).unwrap_or_default()))
            .map_err(|_| Error::Dsn("it is not of the form mysql://user:password@tcp(host:port)/database".into()))?;
        let host = url.host_str().ok_or_else(|| Error::Dsn("it names no MySQL host".into()))?;
        options = options.ip_or_hostname(host).tcp_port(url.port().unwrap_or(3306));
        options = options.user(Some(percent_decode(url.username()))).pass(url.password().map(percent_decode));
    }
    Ok(Target::MySql(Box::new(mysql_parameters(options, parameters(query, pool)?)?)))
}

fn mysql_host(options: mysql_async::OptsBuilder, place: &str) -> Result<mysql_async::OptsBuilder, Error> {
    // An IPv6 address stands in brackets when a port follows.
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, number("port", port)?),
        _ => (place, 3306),
    };
    Ok(options.ip_or_hostname(host.trim_start_matches('[').trim_end_matches(']')).tcp_port(port).prefer_socket(false))
}

fn mysql_parameters(
    mut options: mysql_async::OptsBuilder,
    parameters: Vec<(String, String)>,
) -> Result<mysql_async::OptsBuilder, Error> {
    use mysql_async::SslOpts;
    for (name, value) in parameters {
        match (name.as_str(), value.as_str()) {
            ("tls", "true") => options = options.ssl_opts(Some(SslOpts::default())),
            ("tls", "skip-verify") => {
                let any =
                    SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
                options = options.ssl_opts(Some(any));
            }
            ("tls", "false") => {}
            ("tls", _) => return Err(Error::Dsn("parameter `tls` is none of true, false, skip-verify".into())),
            ("maxAllowedPacket", _) => {
                options = options.max_allowed_packet(Some(number(&name, &value)?).filter(|bytes| *bytes > 0));
            }
            ("allowCleartextPasswords", "true") => options = options.enable_cleartext_plugin(true),
            // The rest is about Go's driver: parseTime, multiStatements, collation, loc, …
            _ => {}
        }
    }
    Ok(options)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped =
            escaped.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dsn: &str) -> (Target, PoolOptions) {
        let mut pool = PoolOptions::default();
        let target = parse(dsn, &mut pool).unwrap_or_else(|error| panic!("{dsn}: {error}"));
        (target, pool)
    }

    fn refused(dsn: &str) -> String {
        match parse(dsn, &mut PoolOptions::default()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{dsn} was accepted"),
        }
    }

    #[test]
    fn sqlite_forms() {
        let path = |dsn| match read(dsn).0 {
            Target::Sqlite(file) => file.path.to_string_lossy().into_owned(),
            _ => panic!("{dsn}"),
        };
        assert_eq!(path("sqlite:///var/lib/z.db?_fk=true&mode=rwc"), "/var/lib/z.db");
        assert_eq!(path("sqlite3://rel/z.db"), "rel/z.db");
        assert_eq!(path("sqlite://file:/tmp/a%20b.db?cache=shared"), "/tmp/a b.db");
        for dsn in ["memory", "sqlite://:memory:", "sqlite://file::memory:?_fk=true", "sqlite://x?mode=memory"] {
            assert!(matches!(read(dsn).0, Target::Memory), "{dsn}");
        }
        let Target::Sqlite(file) = read("sqlite://z.db?_busy_timeout=50&_sync=1&mode=rw").0 else { panic!() };
        let expected = SqliteFile {
            path: "z.db".into(),
            create: false,
            busy_timeout: Duration::from_millis(50),
            synchronous: "NORMAL",
        };
        assert_eq!(file, expected);
    }

    #[test]
    fn postgres_forms() {
        let dsn = "postgres://me:p%40ss@db.example.com:5433/zelos?sslmode=verify-full&sslrootcert=/ca.pem&max_conns=7\
                   &max_conn_lifetime=1h30m&search_path=a%20b";
        let (Target::Postgres(config, tls), pool) = read(dsn) else { panic!() };
        assert_eq!(config.get_user(), Some("me"));
        assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(config.get_dbname(), Some("zelos"));
        assert_eq!(config.get_ports(), [5433]);
        assert_eq!(config.get_ssl_mode(), tokio_postgres::config::SslMode::Require);
        assert_eq!(config.get_options(), Some("-c search_path=a\\ b"));
        assert_eq!(tls.verify, Verify::Full);
        assert_eq!(tls.root_certificate, Some("/ca.pem".into()));
        assert_eq!(pool.max_connections, Some(7));
        assert_eq!(pool.max_lifetime, Some(Duration::from_mins(90)));
        for scheme in ["postgresql", "pg", "pgx", "cockroach", "cockroachdb", "crdb"] {
            assert!(matches!(
                read(&format!("{scheme}://root@localhost:26257/z?sslmode=disable")).0,
                Target::Postgres(..)
            ));
        }
    }

    #[test]
    fn mysql_forms() {
        let options = |dsn| match read(dsn) {
            (Target::MySql(options), _) => mysql_async::Opts::from(*options),
            _ => panic!("{dsn}"),
        };
        let go = options("mysql://root:p:w@x/y@tcp(127.0.0.1:3307)/zelos?parseTime=true&max_idle_conns=3");
        assert_eq!((go.user(), go.pass()), (Some("root"), Some("p:w@x/y")));
        assert_eq!((go.ip_or_hostname(), go.tcp_port(), go.db_name()), ("127.0.0.1", 3307, Some("zelos")));
        let six = options("mysql://root@tcp([::1]:3307)/zelos");
        assert_eq!((six.ip_or_hostname(), six.tcp_port(), six.pass()), ("::1", 3307, None));
        let socket = options("mysql://root@unix(/run/mysqld.sock)/zelos?tls=false");
        assert_eq!(socket.socket(), Some("/run/mysqld.sock"));
        let url = options("mysql://root:p%40@localhost/zelos?tls=skip-verify");
        assert_eq!((url.pass(), url.tcp_port()), (Some("p@"), 3306));
        assert!(url.ssl_opts().is_some_and(mysql_async::SslOpts::accept_invalid_certs));
    }

    #[test]
    fn refusals_say_why_and_quote_nothing() {
        let cases = [
            ("oracle://me:hunter2@x/y", "unknown scheme `oracle`"),
            ("me:hunter2", "no scheme"),
            ("postgres://me:hunter2@x:nine/y", ""),
            ("postgres://me:hunter2@x/y?pool_min_conns=1", "pool_min_conns"),
            ("postgres://me:hunter2@x/y?sslmode=hunter2", "sslmode"),
            ("postgres://me:hunter2@x/y?max_conns=hunter2", "max_conns"),
            ("postgres://me:hunter2@x/y?connect_timeout=hunter2", "connect_timeout"),
            ("mysql://me:hunter2@tcp(x:3306)", "database"),
            ("mysql://me:hunter2@pigeon(x)/y", "network"),
            ("sqlite://", "file"),
        ];
        for (dsn, reason) in cases {
            let text = refused(dsn);
            assert!(text.contains(reason), "{dsn}: {text}");
            assert!(!text.contains("hunter2"), "{dsn}: {text}");
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [("5s", 5000), ("1h30m", 5_400_000), ("1.5s", 1500), ("300ms", 300), ("0", 0)] {
            assert_eq!(duration("d", text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "5", "s", "5d"] {
            assert!(duration("d", text).is_err(), "{text}");
        }
    }
}
