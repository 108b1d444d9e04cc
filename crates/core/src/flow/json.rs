//! The wire's view of a flow: which keys each kind prints (Kratos `selfservice/flow/*/flow.go`).

use super::{Detail, Flow};
use crate::identity::json::Rfc3339;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

/// A view of a flow; serialise it.
#[derive(Debug)]
pub struct FlowView<'a> {
    pub flow: &'a Flow,
    /// Settings show the person, already rendered.
    pub identity: Option<&'a RawValue>,
}

impl Serialize for FlowView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flow = self.flow;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &flow.id)?;
        if matches!(flow.detail, Detail::Login { .. } | Detail::Registration | Detail::Settings { .. }) {
            map.serialize_entry("organization_id", &flow.organization_id)?;
        }
        map.serialize_entry("type", &flow.channel)?;
        map.serialize_entry("expires_at", &Rfc3339(flow.expires_at))?;
        map.serialize_entry("issued_at", &Rfc3339(flow.issued_at))?;
        map.serialize_entry("request_url", &flow.request_url)?;
        if let Some(return_to) = &flow.return_to {
            map.serialize_entry("return_to", return_to)?;
        }
        if let Some(active) = &flow.active {
            map.serialize_entry("active", active)?;
        }
        map.serialize_entry("ui", &flow.ui)?;
        match &flow.detail {
            Detail::Login { refresh, requested_aal } => {
                map.serialize_entry("created_at", &Rfc3339(flow.issued_at))?;
                map.serialize_entry("updated_at", &Rfc3339(flow.updated_at))?;
                map.serialize_entry("refresh", refresh)?;
                map.serialize_entry("requested_aal", requested_aal)?;
            }
            Detail::Settings { .. } => {
                map.serialize_entry("identity", &self.identity)?;
            }
            Detail::Registration | Detail::Recovery { .. } | Detail::Verification => {}
        }
        if !flow.continue_with.is_empty() {
            map.serialize_entry("continue_with", &flow.continue_with)?;
        }
        map.serialize_entry("state", &flow.state)?;
        if let Some(payload) = &flow.transient_payload {
            map.serialize_entry("transient_payload", payload)?;
        }
        if let Some(schema) = flow.schema.as_ref().filter(|_| !matches!(flow.detail, Detail::Settings { .. })) {
            map.serialize_entry("identity_schema", schema)?;
        }
        map.end()
    }
}
