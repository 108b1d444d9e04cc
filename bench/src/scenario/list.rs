//! The names of the scenarios, what they are about, and on which server they run.

use clap::ValueEnum;

use crate::config::Hasher;

/// Something that is measured. The order is that of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    Hello,
    Whoami,
    #[value(name = "whoami-401")]
    WhoamiRefused,
    Flow,
    LoginApi,
    #[value(name = "logins-2")]
    Logins2,
    #[value(name = "logins-8")]
    Logins8,
    #[value(name = "logins-32")]
    Logins32,
    LoginBrowser,
    Registration,
    AdminIdentity,
    Hash,
    WhoamiBcrypt12,
    WhoamiArgon2,
    #[value(name = "argon2-50")]
    Argon2Fifty,
    StartExisting,
    StartEmpty,
    Idle,
    #[value(name = "mix-10000")]
    Mix,
    #[value(name = "mail-1000")]
    Mail,
    RecoveryStart,
    VerificationStart,
    DistantLogin,
    DistantRegistration,
    #[value(name = "import-1000")]
    Import,
    ListFirst,
    ListDeep,
    FindIdentifier,
    FindPrefix,
    DeleteIdentity,
}

/// Where a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a server with people, which scenarios of the same hasher share.
    Shared(Hasher),
    /// On a server with a million people.
    Crowded,
    /// On servers that it starts itself.
    Alone,
}

impl Scenario {
    /// The servers that scenarios share, one after the other.
    pub(crate) const HASHERS: [Hasher; 4] = [Hasher::Bcrypt(4), Hasher::Bcrypt(10), Hasher::Bcrypt(12), Hasher::Argon2];

    pub(crate) fn place(self) -> Place {
        match self {
            Scenario::Hash => Place::Shared(Hasher::Bcrypt(10)),
            Scenario::WhoamiBcrypt12 => Place::Shared(Hasher::Bcrypt(12)),
            Scenario::WhoamiArgon2 => Place::Shared(Hasher::Argon2),
            Scenario::Import
            | Scenario::ListFirst
            | Scenario::ListDeep
            | Scenario::FindIdentifier
            | Scenario::FindPrefix
            | Scenario::DeleteIdentity => Place::Crowded,
            Scenario::Argon2Fifty
            | Scenario::StartExisting
            | Scenario::StartEmpty
            | Scenario::Idle
            | Scenario::Mix
            | Scenario::Mail
            | Scenario::RecoveryStart
            | Scenario::VerificationStart
            | Scenario::DistantLogin
            | Scenario::DistantRegistration => Place::Alone,
            _ => Place::Shared(Hasher::Bcrypt(4)),
        }
    }

    /// Whether a unit hashes one password with bcrypt at cost 4.
    pub(crate) fn hashes_once(self) -> bool {
        matches!(
            self,
            Scenario::LoginApi
                | Scenario::Logins2
                | Scenario::Logins8
                | Scenario::Logins32
                | Scenario::LoginBrowser
                | Scenario::Registration
        )
    }

    /// The name on the command line and in the tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What one unit is.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Scenario::Hello => "GET /health/alive: what any request costs this server",
            Scenario::Whoami => "GET /sessions/whoami with a session token",
            Scenario::WhoamiRefused => "GET /sessions/whoami with an unknown token (401)",
            Scenario::Flow => "an API login flow started and fetched",
            Scenario::LoginApi => "an API login flow started and submitted, bcrypt cost 4, one at a time",
            Scenario::Logins2 => "the same, two at a time",
            Scenario::Logins8 => "the same, eight at a time",
            Scenario::Logins32 => "the same, 32 at a time",
            Scenario::LoginBrowser => "a browser's login: redirect, flow, HTML form post; cookies and CSRF token",
            Scenario::Registration => "an API registration flow started and submitted, bcrypt cost 4",
            Scenario::AdminIdentity => "GET /admin/identities/{id}",
            Scenario::Hash => "login-api at bcrypt cost 10: tells what a hash costs by itself",
            Scenario::WhoamiBcrypt12 => "whoami while 32 logins at bcrypt cost 12 wait; a round is until they are done",
            Scenario::WhoamiArgon2 => "whoami while 32 logins at argon2id 128 MiB wait; a round is until they are done",
            Scenario::Argon2Fifty => "50 logins at once, argon2id 128 MiB, on a fresh server",
            Scenario::StartExisting => "process start until ready on both ports, database in place",
            Scenario::StartEmpty => "the same on an empty database, migrations included",
            Scenario::Idle => "memory two seconds after the start; size of the program",
            Scenario::Mail => "1,000 mails that wait, delivered to a mail server that takes all of them at once",
            Scenario::RecoveryStart => {
                "asking for a code to recover an account, for known and unknown addresses in turn"
            }
            Scenario::VerificationStart => "the same to verify an address",
            Scenario::DistantLogin => "a login submitted, with a database server 50 ms away (each way)",
            Scenario::DistantRegistration => "a registration submitted, the same",
            Scenario::Import => "1,000 people with hashed passwords taken in by one request, until there are a million",
            Scenario::ListFirst => "the first 250 of a million people",
            Scenario::ListDeep => "250 of them near the end of the list",
            Scenario::FindIdentifier => "one of them by an identifier",
            Scenario::FindPrefix => "one of them by the first nine characters of an identifier",
            Scenario::DeleteIdentity => "one of them deleted",
            Scenario::Mix => "10,000 requests of all kinds over eight connections, then memory",
        }
    }
}

/// A line for each scenario.
pub(crate) fn list() -> String {
    let line = |scenario: &Scenario| format!("{:<18} {}\n", scenario.name(), scenario.about());
    Scenario::value_variants().iter().map(line).collect::<Vec<_>>().concat()
}
