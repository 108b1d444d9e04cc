//! `database` and `preview`: what concerns storage beside the `dsn`.

use super::value::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Storage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// The command `cleanup sql`.
    pub cleanup: Cleanup,
    pub pool: DatabasePool,
}

/// How old rows are deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cleanup {
    /// Rows of a table at a time.
    #[schemars(range(min = 1))]
    pub batch_size: u32,
    pub sleep: CleanupSleep,
    /// Keep what ended within this time.
    pub older_than: GoDuration,
}

/// Pauses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CleanupSleep {
    /// Between two tables.
    pub tables: GoDuration,
}

/// Connections. Ours beside the original's keys; options in the DSN win.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabasePool {
    /// 0 stands for twice the number of cores.
    pub max_connections: u32,
    /// How long a request waits for a connection, connecting included.
    pub acquire_timeout: GoDuration,
    /// How long the answer to one statement may take. With `acquire_timeout` it bounds how long a request waits for a
    /// database that does not answer; then it is answered with 503.
    pub statement_timeout: GoDuration,
    /// The same for statements that may take longer: lists, counts, cleaning up.
    pub scan_timeout: GoDuration,
}

/// Settings the original calls previews.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Preview {
    /// Of reads in CockroachDB.
    pub default_read_consistency_level: Consistency,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    #[default]
    Strong,
    Eventual,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { batch_size: 100, sleep: CleanupSleep::default(), older_than: GoDuration::from_secs(0) }
    }
}

impl Default for CleanupSleep {
    fn default() -> Self {
        Self { tables: GoDuration::from_secs(60) }
    }
}

impl Default for DatabasePool {
    fn default() -> Self {
        Self {
            max_connections: 0,
            acquire_timeout: GoDuration::from_secs(2),
            statement_timeout: GoDuration::from_secs(3),
            scan_timeout: GoDuration::from_secs(30),
        }
    }
}
