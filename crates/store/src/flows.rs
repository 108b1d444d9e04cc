//! Flows: a document each, found by kind and id, and written back by whoever read the version that is stored.
//!
//! The only place that knows how flows are kept; to write fresh ones later or not at all would be decided here.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    value::NETWORK,
};
use zelos_core::{
    flow::{Flow, Kind},
    id::FlowId,
};

/// Guard: the flow was changed or deleted since it was read.
pub const VERSION: &str = "flow version";

/// Adds a new flow.
pub fn insert(batch: &mut Batch, flow: &Flow) {
    let document = batch.json(flow);
    batch.insert(
        "flows (nid, id, kind, channel, version, issued_at, expires_at, updated_at, document)",
        [[
            NETWORK,
            flow.id.into(),
            flow.kind().as_str().into(),
            flow.channel.as_str().into(),
            flow.version.into(),
            flow.issued_at.into(),
            flow.expires_at.into(),
            flow.updated_at.into(),
            document,
        ]],
    );
}

/// Writes a flow back. Guarded by the version it was read with; the row gets the next one, so whoever goes on with the
/// same value adds 1 to its `version` after the commit.
pub fn update(batch: &mut Batch, flow: &Flow) {
    let document = batch.json(flow);
    batch.guarded(
        VERSION,
        Expect::Rows(1),
        "UPDATE flows SET kind = ?, channel = ?, version = ?, expires_at = ?, updated_at = ?, document = ? \
         WHERE nid = ? AND id = ? AND version = ?",
        [
            flow.kind().as_str().into(),
            flow.channel.as_str().into(),
            (flow.version + 1).into(),
            flow.expires_at.into(),
            flow.updated_at.into(),
            document,
            NETWORK,
            flow.id.into(),
            flow.version.into(),
        ],
    );
}

/// The flow of that kind and id, expired or not.
pub async fn find(store: &Store, kind: Kind, id: FlowId) -> Result<Option<Flow>, Error> {
    let sql = "SELECT f.version, f.document FROM flows f WHERE f.nid = ? AND f.id = ? AND f.kind = ?";
    let params = [NETWORK, id.into(), kind.as_str().into()];
    store
        .optional(sql, &params, |row| {
            let mut flow: Flow = serde_json::from_str(row.text(1)?).map_err(Error::decode)?;
            flow.version = row.get(0)?;
            Ok(flow)
        })
        .await
}
