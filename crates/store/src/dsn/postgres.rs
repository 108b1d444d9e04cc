//! PostgreSQL's URL as pgx reads it: Go's `net/url`, then each parameter over what the URL says. What the driver does not
//! know (`sslmode=verify-full`, server settings) is translated.

use super::{
    PostgresTls, Target, Verify,
    go_url::{GoUrl, host_and_port},
    number, parameters,
};
use crate::{db::PoolOptions, error::Error};
use std::{path::Path, time::Duration};
use tokio_postgres::{
    Config,
    config::{ChannelBinding, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs},
};

/// What is read before it can be said where to connect to.
#[derive(Default)]
struct Parts {
    hosts: Vec<String>,
    ports: Vec<u16>,
    tls: PostgresTls,
    certificate: (Option<std::path::PathBuf>, Option<std::path::PathBuf>),
    options: String,
    /// Server settings, as further options.
    settings: String,
}

/// Reads what follows `postgres://`.
pub(super) fn postgres(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let url = GoUrl::cut(rest)?;
    let mut config = Config::new();
    let mut parts = Parts::default();
    for host in url.hosts.split(',').filter(|host| !host.is_empty()) {
        let (host, port) = host_and_port(host)?;
        // libpq's `%2Frun%2Fpostgresql`, which Go would refuse.
        let host = super::percent_decode(host);
        parts.hosts.extend(Some(host).filter(|host| !host.is_empty()));
        parts.ports.extend(port);
    }
    if let Some(user) = url.user {
        config.user(user);
    }
    if let Some(password) = url.password {
        config.password(password);
    }
    if !url.path.is_empty() {
        config.dbname(url.path);
    }
    for (name, value) in parameters(url.query, pool)? {
        parameter(&mut config, &mut parts, &name, value)?;
    }
    connect_to(&mut config, &parts)?;
    parts.tls.client_certificate = parts.certificate.0.zip(parts.certificate.1);
    // libpq: `require` with a root certificate at hand means `verify-ca`.
    if parts.tls.verify == Verify::Nothing && parts.tls.root_certificate.is_some() {
        parts.tls.verify = Verify::Authority;
    }
    let options = parts.options + &parts.settings;
    if !options.is_empty() {
        config.options(options.trim_start().to_owned());
    }
    if config.get_application_name().is_none() {
        config.application_name("zelos");
    }
    Ok(Target::Postgres(Box::new(config), parts.tls))
}

fn parameter(config: &mut Config, parts: &mut Parts, name: &str, value: String) -> Result<(), Error> {
    match name {
        "host" => parts.hosts = value.split(',').map(ToOwned::to_owned).collect(),
        "port" => parts.ports = value.split(',').map(|port| number(name, port)).collect::<Result<_, _>>()?,
        "hostaddr" => {
            for address in value.split(',') {
                config.hostaddr(number(name, address)?);
            }
        }
        "user" => _ = config.user(value),
        "password" => _ = config.password(value),
        "dbname" | "database" => _ = config.dbname(value),
        "options" => parts.options = value,
        "application_name" => _ = config.application_name(value),
        "sslmode" => {
            let (mode, verify) = match value.as_str() {
                "disable" => (SslMode::Disable, Verify::Nothing),
                "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
                "require" => (SslMode::Require, Verify::Nothing),
                "verify-ca" => (SslMode::Require, Verify::Authority),
                "verify-full" => (SslMode::Require, Verify::Full),
                _ => return Err(unknown("sslmode")),
            };
            parts.tls.verify = verify;
            config.ssl_mode(mode);
        }
        "sslrootcert" if value != "system" => parts.tls.root_certificate = Some(value.into()),
        "sslcert" => parts.certificate.0 = Some(value.into()),
        "sslkey" => parts.certificate.1 = Some(value.into()),
        "connect_timeout" => {
            if let Some(timeout) = seconds(name, &value)? {
                config.connect_timeout(timeout);
            }
        }
        "target_session_attrs" => {
            config.target_session_attrs(match value.as_str() {
                "any" | "prefer-standby" => TargetSessionAttrs::Any,
                "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
                "read-only" | "standby" => TargetSessionAttrs::ReadOnly,
                _ => return Err(unknown("target_session_attrs")),
            });
        }
        _ => return of_the_connection(config, parts, name, &value),
    }
    Ok(())
}

/// What only libpq knows, what only Go's driver knows, and settings of the server.
fn of_the_connection(config: &mut Config, parts: &mut Parts, name: &str, value: &str) -> Result<(), Error> {
    match name {
        "channel_binding" => {
            config.channel_binding(match value {
                "disable" => ChannelBinding::Disable,
                "prefer" => ChannelBinding::Prefer,
                "require" => ChannelBinding::Require,
                _ => return Err(unknown("channel_binding")),
            });
        }
        "load_balance_hosts" => {
            config.load_balance_hosts(match value {
                "disable" => LoadBalanceHosts::Disable,
                "random" => LoadBalanceHosts::Random,
                _ => return Err(unknown("load_balance_hosts")),
            });
        }
        "sslnegotiation" => {
            config.ssl_negotiation(match value {
                "postgres" => SslNegotiation::Postgres,
                "direct" => SslNegotiation::Direct,
                _ => return Err(unknown("sslnegotiation")),
            });
        }
        "keepalives" => _ = config.keepalives(number::<u64>(name, value)? != 0),
        "keepalives_idle" => {
            if let Some(idle) = seconds(name, value)? {
                config.keepalives_idle(idle);
            }
        }
        "keepalives_interval" => {
            if let Some(interval) = seconds(name, value)? {
                config.keepalives_interval(interval);
            }
        }
        "keepalives_retries" | "keepalives_count" => _ = config.keepalives_retries(number(name, value)?),
        // libpq's milliseconds.
        "tcp_user_timeout" => _ = config.tcp_user_timeout(Duration::from_millis(number(name, value)?)),
        // Go's driver keeps these for itself.
        _ if name.starts_with("pool_") || name.starts_with("ssl") => {}
        "default_query_exec_mode"
        | "statement_cache_capacity"
        | "description_cache_capacity"
        | "min_read_buffer_size"
        | "passfile"
        | "service"
        | "servicefile"
        | "krbsrvname"
        | "krbspn" => {}
        // It sends what it does not know to the server as a setting.
        _ => {
            let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
            parts.settings.extend([" -c ", name, "=", value.as_str()]);
        }
    }
    Ok(())
}

/// Hosts and ports as pgx pairs them: a host without a port takes the first one. A host that is a path is the folder of a
/// unix socket, to which there is no TLS.
fn connect_to(config: &mut Config, parts: &Parts) -> Result<(), Error> {
    let mut hosts = parts.hosts.clone();
    if hosts.is_empty() && config.get_hostaddrs().is_empty() {
        let folders = ["/var/run/postgresql", "/private/tmp", "/tmp"];
        hosts.push((*folders.iter().find(|folder| Path::new(folder).is_dir()).unwrap_or(&"localhost")).to_owned());
    }
    let addresses = hosts.len().max(config.get_hostaddrs().len());
    if parts.ports.len() > addresses {
        return Err(Error::Dsn("it names more ports than hosts".into()));
    }
    let sockets = hosts.iter().filter(|host| host.starts_with('/')).count();
    if sockets > 0 && sockets == hosts.len() {
        config.ssl_mode(SslMode::Disable);
    }
    for host in hosts {
        config.host(host);
    }
    for index in 0..addresses {
        config.port(parts.ports.get(index).or_else(|| parts.ports.first()).copied().unwrap_or(5432));
    }
    Ok(())
}

fn seconds(name: &str, value: &str) -> Result<Option<Duration>, Error> {
    Ok(u64::try_from(number::<i64>(name, value)?).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

fn unknown(name: &str) -> Error {
    Error::Dsn(format!("parameter `{name}` has an unknown value"))
}
