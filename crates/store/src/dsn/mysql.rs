//! MySQL's DSN as Go's driver reads it: `user:password@tcp(host:port)/database?…`, in which nothing but the database and
//! the parameters is percent-encoded. A plain URL, in which everything is, is understood as well.

use super::{MySqlTls, Target, TcpAddress, Verify, go_url::host_and_port, number, parameters, percent_decode};
use crate::{db::PoolOptions, error::Error};
use mysql_async::OptsBuilder;

const PORT: u16 = 3306;

/// Where the server listens.
enum Place {
    Tcp(TcpAddress),
    Unix(String),
}

/// Reads what follows `mysql://`.
pub(super) fn mysql(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let (server, database, query) = cut(rest).ok_or_else(|| Error::Dsn("it names no MySQL database".into()))?;
    let (login, server) = match server.rsplit_once('@') {
        Some((login, server)) => (Some(login), server),
        None => (None, server),
    };
    let (user, password) = match login {
        Some(login) => {
            login.split_once(':').map_or((Some(login), None), |(user, password)| (Some(user), Some(password)))
        }
        None => (None, None),
    };
    let (place, is_url) = place(server)?;
    let text = |text: &str| if is_url { percent_decode(text) } else { text.to_owned() };
    let options =
        OptsBuilder::default().db_name(Some(percent_decode(database))).user(user.map(text)).pass(password.map(text));
    let options = match &place {
        Place::Tcp(address) => options.ip_or_hostname(&*address.host).tcp_port(address.port).prefer_socket(false),
        Place::Unix(path) => options.socket(Some(path)),
    };
    let (options, tls) = with_parameters(options, place, parameters(query, pool)?)?;
    Ok(Target::MySql(Box::new(options), tls))
}

/// Server, database, parameters. The database begins at the last slash before the parameters; with an address in
/// parentheses that is told even when a password or a parameter holds one, too.
fn cut(rest: &str) -> Option<(&str, &str, &str)> {
    let slash = rest.rfind(")/").map(|at| at + 1).or_else(|| {
        // A slash in a parameter is not it: what comes before it then holds a slash and a question mark.
        let last = rest.rfind('/')?;
        let earlier = rest[..last].rfind('?').and_then(|mark| rest[..mark].rfind('/'));
        earlier.filter(|_| !rest[last..].contains('?') && !rest[last..].contains('@')).or(Some(last))
    })?;
    let (database, query) = rest[slash + 1..].split_once('?').unwrap_or((&rest[slash + 1..], ""));
    (!database.is_empty()).then_some((&rest[..slash], database, query))
}

/// Where the server listens, and whether it is written as in a URL.
fn place(server: &str) -> Result<(Place, bool), Error> {
    let tcp = |text: &str| -> Result<Place, Error> {
        let (host, port) = host_and_port(text)?;
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        Ok(Place::Tcp(TcpAddress { host: host.to_owned(), port: port.unwrap_or(PORT) }))
    };
    if let Some((network, address)) = server.strip_suffix(')').and_then(|server| server.split_once('(')) {
        return match network {
            "tcp" | "tcp4" | "tcp6" | "" => Ok((tcp(address)?, false)),
            "unix" => Ok((Place::Unix(address.to_owned()), false)),
            _ => Err(Error::Dsn("its network is neither tcp nor unix".into())),
        };
    }
    match server {
        "" | "tcp" | "tcp4" | "tcp6" => Ok((tcp("")?, false)),
        "unix" => Ok((Place::Unix("/tmp/mysql.sock".to_owned()), false)),
        _ if server.contains(['(', ')', '/', '?', '#']) => {
            Err(Error::Dsn("it is not of the form mysql://user:password@tcp(host:port)/database".into()))
        }
        _ => Ok((tcp(server)?, true)),
    }
}

fn with_parameters(
    mut options: OptsBuilder,
    place: Place,
    parameters: Vec<(String, String)>,
) -> Result<(OptsBuilder, MySqlTls), Error> {
    let mut tls = "false".to_owned();
    for (name, value) in parameters {
        match (name.as_str(), value.as_str()) {
            ("tls", _) => tls = value.to_ascii_lowercase(),
            ("maxAllowedPacket", _) => {
                options = options.max_allowed_packet(Some(number(&name, &value)?).filter(|bytes| *bytes > 0));
            }
            ("allowCleartextPasswords", "true") => options = options.enable_cleartext_plugin(true),
            // The rest is about Go's driver: parseTime, multiStatements, collation, loc, …
            _ => {}
        }
    }
    let is_known = matches!(&*tls, "true" | "1" | "false" | "0" | "skip-verify" | "preferred");
    let tls = match (&*tls, place) {
        _ if !is_known => {
            return Err(Error::Dsn("parameter `tls` is none of true, false, skip-verify, preferred".into()));
        }
        ("true" | "1", Place::Tcp(address)) => MySqlTls::Required(address, Verify::Full),
        ("skip-verify", Place::Tcp(address)) => MySqlTls::Required(address, Verify::Nothing),
        ("preferred", Place::Tcp(address)) => MySqlTls::Preferred(address),
        _ => MySqlTls::Off,
    };
    Ok((options, tls))
}
