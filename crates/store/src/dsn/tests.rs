//! The forms of DSNs that are in use, and what each leads to.

use super::*;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

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
    for (dsn, expected) in [
        ("sqlite:///var/lib/z.db?_fk=true&mode=rwc", "/var/lib/z.db"),
        ("sqlite3://rel/z.db", "rel/z.db"),
        ("sqlite://file:/tmp/a%20b.db?cache=shared", "/tmp/a b.db"),
        ("sqlite:////var/lib/z.db?_fk=true", "//var/lib/z.db"),
        ("sqlite://z@home.db", "z@home.db"),
    ] {
        assert_eq!(path(dsn), expected, "{dsn}");
    }
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

/// A PostgreSQL DSN in short: `user|password|hosts with ports|database|TLS`.
fn postgres_in_short(dsn: &str) -> String {
    let (Target::Postgres(config, _), _) = read(dsn) else { panic!("{dsn}") };
    let hosts = config.get_hosts().iter().zip(config.get_ports()).map(|(host, port)| match host {
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(path) => format!("{}:{port}", path.display()),
    });
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let tls = match config.get_ssl_mode() {
        SslMode::Disable => "off",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        _ => "?",
    };
    let hosts: Vec<_> = hosts.collect();
    let (user, database) = (config.get_user().unwrap_or_default(), config.get_dbname().unwrap_or_default());
    format!("{user}|{password}|{}|{database}|{tls}", hosts.join(","))
}

#[test]
fn postgres_forms() {
    for (dsn, expected) in [
        ("postgres://u:p@h:5433/db", "u|p|h:5433|db|prefer"),
        ("postgres://u:p@h/db?sslmode=disable", "u|p|h:5432|db|off"),
        ("postgresql://u@h", "u||h:5432||prefer"),
        ("pgx://root@h:26257/z?sslmode=disable", "root||h:26257|z|off"),
        ("cockroach://root@h:26257/z?sslmode=disable", "root||h:26257|z|off"),
        ("crdb://root@h:26257/z?sslmode=disable", "root||h:26257|z|off"),
        ("pg://root@h/z?sslmode=allow", "root||h:5432|z|prefer"),
        // The last `@` ends the user part; all else in it may be encoded or not.
        ("postgres://u:p@ss@127.0.0.1:5432/db?sslmode=disable", "u|p@ss|127.0.0.1:5432|db|off"),
        ("postgres://a@b:p@s@s@h/db", "a@b|p@s@s|h:5432|db|prefer"),
        ("postgres://u:p%40ss%2Fw%3F%23@h/db", "u|p@ss/w?#|h:5432|db|prefer"),
        ("postgres://u:a:b@h/db", "u|a:b|h:5432|db|prefer"),
        ("postgres://u:50%@h/db", "u|50%|h:5432|db|prefer"),
        ("postgres://u:a+b@h/db", "u|a+b|h:5432|db|prefer"),
        ("postgres://u:@h/db", "u||h:5432|db|prefer"),
        ("postgres://us%20er@h/d%20b", "us er||h:5432|d b|prefer"),
        ("postgres://u@h/db?application_name=a@b", "u||h:5432|db|prefer"),
        ("postgres://u:p@h/d@b", "u|p|h:5432|d@b|prefer"),
        ("postgres://u:p@h/db?sslmode=disable#note", "u|p|h:5432|db|off"),
        // Parameters say it over the URL, and the first of a name counts.
        ("postgres://u@/db?host=/var/run/postgresql&sslmode=disable", "u||/var/run/postgresql:5432|db|off"),
        ("postgres://u@/db?host=/cloudsql/p:eu:i", "u||/cloudsql/p:eu:i:5432|db|off"),
        ("postgres://u@/db?host=/run/pg&sslmode=require&port=6432", "u||/run/pg:6432|db|off"),
        ("postgres:///db?host=h&port=6432&user=u&password=p%2Fw", "u|p/w|h:6432|db|prefer"),
        ("postgres://h1:1/db?host=h2", "||h2:1|db|prefer"),
        ("postgres://h/a?dbname=b", "||h:5432|b|prefer"),
        ("postgres://u@h/db?user=v&user=w", "v||h:5432|db|prefer"),
        ("postgres://u@%2Frun%2Fpg/db", "u||/run/pg:5432|db|off"),
        // Several hosts, each with its port, or all with the first one.
        ("postgres://u@h1:1,h2:2/db", "u||h1:1,h2:2|db|prefer"),
        ("postgres://u@h1:1,h2/db", "u||h1:1,h2:1|db|prefer"),
        ("postgres://u@h1,h2/db", "u||h1:5432,h2:5432|db|prefer"),
        ("postgres:///db?host=h1,h2&port=1,2", "||h1:1,h2:2|db|prefer"),
        // Addresses.
        ("postgres://u@[::1]:5433/db", "u||::1:5433|db|prefer"),
        ("postgres://u@[::1]/db", "u||::1:5432|db|prefer"),
        ("postgres://u@127.0.0.1/db", "u||127.0.0.1:5432|db|prefer"),
    ] {
        assert_eq!(postgres_in_short(dsn), expected, "{dsn}");
    }
}

#[test]
fn postgres_parameters() {
    let dsn = "postgres://me:p%40ss@db.example.com:5433/zelos?sslmode=verify-full&sslrootcert=/ca.pem&max_conns=7\
               &max_conn_lifetime=1h30m&search_path=a%20b&options=-c%20geqo%3Doff&pool_max_conns=3";
    let (Target::Postgres(config, tls), pool) = read(dsn) else { panic!() };
    assert_eq!(config.get_ssl_mode(), SslMode::Require);
    assert_eq!(config.get_options(), Some("-c geqo=off -c search_path=a\\ b"));
    assert_eq!(config.get_application_name(), Some("zelos"));
    assert_eq!((tls.verify, tls.root_certificate), (Verify::Full, Some("/ca.pem".into())));
    assert_eq!(pool.max_connections, Some(7));
    assert_eq!(pool.max_lifetime, Some(Duration::from_mins(90)));

    let dsn = "postgres://u@h/z?connect_timeout=3&target_session_attrs=primary&application_name=a&sslmode=require\
               &sslrootcert=/ca.pem&tcp_user_timeout=4000&keepalives_idle=5";
    let (Target::Postgres(config, tls), _) = read(dsn) else { panic!() };
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    assert_eq!(config.get_application_name(), Some("a"));
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(4)));
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(5));
    assert_eq!(tls.verify, Verify::Authority, "`require` with a root certificate");
}

/// A MySQL DSN in short: `user|password|place|database|TLS`.
fn mysql_in_short(dsn: &str) -> String {
    let (Target::MySql(options, tls), _) = read(dsn) else { panic!("{dsn}") };
    let options = mysql_async::Opts::from(*options);
    let place = match options.socket() {
        Some(socket) => socket.to_owned(),
        None => format!("{}:{}", options.ip_or_hostname(), options.tcp_port()),
    };
    let tls = match tls {
        MySqlTls::Off => "off".to_owned(),
        MySqlTls::Preferred(address) => format!("preferred {}:{}", address.host, address.port),
        MySqlTls::Required(address, verify) => format!("{verify:?} {}:{}", address.host, address.port),
    };
    let (user, password) = (options.user().unwrap_or_default(), options.pass().unwrap_or_default());
    format!("{user}|{password}|{place}|{}|{tls}", options.db_name().unwrap_or_default())
}

#[test]
fn mysql_forms() {
    for (dsn, expected) in [
        ("mysql://u:p@tcp(h:3307)/db?parseTime=true&multiStatements=true", "u|p|h:3307|db|off"),
        ("mysql://u:p@tcp(h)/db", "u|p|h:3306|db|off"),
        ("mysql://u@tcp([::1]:3307)/db", "u||::1:3307|db|off"),
        ("mysql://u@tcp(::1)/db", "u||::1:3306|db|off"),
        ("mariadb://u@tcp(h)/db", "u||h:3306|db|off"),
        // Nothing in user and password is encoded, and all may stand there.
        ("mysql://root:p:w@x/y@tcp(127.0.0.1:3307)/zelos", "root|p:w@x/y|127.0.0.1:3307|zelos|off"),
        ("mysql://u:a?b#c%d(e)f@tcp(h)/db?parseTime=true", "u|a?b#c%d(e)f|h:3306|db|off"),
        ("mysql://u:a/b?c@tcp(h)/db", "u|a/b?c|h:3306|db|off"),
        ("mysql://u@x:p@tcp(h)/db", "u@x|p|h:3306|db|off"),
        ("mysql://u:p%40@tcp(h)/db", "u|p%40|h:3306|db|off"),
        ("mysql://u@tcp(h)/d%2Fb", "u||h:3306|d/b|off"),
        // A slash in a parameter.
        ("mysql://u@tcp(h)/db?loc=Europe/Berlin", "u||h:3306|db|off"),
        ("mysql://u:p@h/db?loc=Europe/Berlin", "u|p|h:3306|db|off"),
        // Without an address, without a network, without a user.
        ("mysql://u:p@/db", "u|p|127.0.0.1:3306|db|off"),
        ("mysql://u:p@tcp/db", "u|p|127.0.0.1:3306|db|off"),
        ("mysql://tcp(h:1)/db", "||h:1|db|off"),
        ("mysql://u@unix(/run/mysqld.sock)/db?tls=false", "u||/run/mysqld.sock|db|off"),
        ("mysql://u@unix(/run/mysqld.sock)/db?tls=true", "u||/run/mysqld.sock|db|off"),
        // A plain URL.
        ("mysql://u:p%40@h/db", "u|p@|h:3306|db|off"),
        ("mysql://u:p@ss@h:3307/db", "u|p@ss|h:3307|db|off"),
        ("mysql://u@[::1]:3307/db", "u||::1:3307|db|off"),
        // TLS.
        ("mysql://u@tcp(h:3307)/db?tls=true", "u||h:3307|db|Full h:3307"),
        ("mysql://u@tcp(h)/db?tls=skip-verify", "u||h:3306|db|Nothing h:3306"),
        ("mysql://u@tcp(h)/db?tls=preferred", "u||h:3306|db|preferred h:3306"),
        ("mysql://u@h/db?tls=False", "u||h:3306|db|off"),
    ] {
        assert_eq!(mysql_in_short(dsn), expected, "{dsn}");
    }
    let (_, pool) = read("mysql://u@tcp(h)/db?max_idle_conns=3&max_conns=9");
    assert_eq!((pool.max_idle, pool.max_connections), (Some(3), Some(9)));
}

#[test]
fn refusals_say_why_and_quote_nothing() {
    let cases = [
        ("oracle://me:hunter2@x/y", "unknown scheme `oracle`"),
        ("me:hunter2", "no scheme"),
        ("host=x user=me password=hunter2", "postgres://user:password@host:port/database"),
        ("postgres://me:hunter2@x:nine/y", "not a port"),
        ("postgres://me:hun/ter2@x:5432/y", "write `/` as `%2F`"),
        ("postgres://me:1/hunter2@x:5432/y", "write `/` as `%2F`"),
        ("postgres://me:hun?ter2@x:5432/y", "write `?` as `%3F`"),
        ("postgres://me:hun#ter2@x:5432/y?sslmode=disable", "write `#` as `%23`"),
        ("postgres://me:hunt@er2/x@y:5432/z", "write `/` as `%2F`"),
        ("postgres://me:hunt@er2?x@y:5432/z", "write `?` as `%3F`"),
        ("postgres://me:hun/ter2", "not a port"),
        ("postgres://x:1:2/y", "not a port"),
        ("postgres://x,y/z?port=1,2,3", "more ports than hosts"),
        ("postgres://me:hunter2@x/y?pool_min_conns=1", "pool_min_conns"),
        ("postgres://me:hunter2@x/y?sslmode=hunter2", "sslmode"),
        ("postgres://me:hunter2@x/y?max_conns=hunter2", "max_conns"),
        ("postgres://me:hunter2@x/y?connect_timeout=hunter2", "connect_timeout"),
        ("postgres://me:hunter2@x/y?port=hunter2", "port"),
        ("postgres://me:hunter2@x/y?target_session_attrs=hunter2", "target_session_attrs"),
        ("mysql://me:hunter2@tcp(x:3306)", "database"),
        ("mysql://me:hunter2@tcp(x:3306)/", "database"),
        ("mysql://me:hunter2@tcp(x:nine)/y", "not a port"),
        ("mysql://me:hunter2@pigeon(x)/y", "network"),
        ("mysql://me:hunter2@tcp(x/y", "of the form"),
        ("mysql://me:hunter2@tcp(x)/y?tls=hunter2", "tls"),
        ("sqlite://", "file"),
    ];
    for (dsn, reason) in cases {
        let text = refused(dsn);
        assert!(text.contains(reason), "{dsn}: {text}");
        assert!(!text.contains("hunter2") && !text.contains("ter2"), "{dsn}: {text}");
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
