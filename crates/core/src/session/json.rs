//! The wire's view of a session.

use super::{AuthenticationMethod, Device, Session};
use crate::identity::json::Rfc3339;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

/// A view of a session; serialise it.
#[derive(Debug)]
pub struct SessionView<'a> {
    pub session: &'a Session,
    /// Computed: see [`Session::is_active`].
    pub active: bool,
    /// The person, already rendered; `null` when left out.
    pub identity: Option<&'a RawValue>,
    /// `null` where none is given. // Quirk: an administrator's list prints `null`, the single answer `[]`.
    pub devices: Option<&'a [Device]>,
}

impl Serialize for SessionView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session = self.session;
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("id", &session.id)?;
        map.serialize_entry("active", &self.active)?;
        map.serialize_entry("expires_at", &Rfc3339(session.expires_at))?;
        map.serialize_entry("authenticated_at", &Rfc3339(session.authenticated_at))?;
        map.serialize_entry("authenticator_assurance_level", &session.aal)?;
        map.serialize_entry::<_, [AuthenticationMethod]>("authentication_methods", &session.methods)?;
        map.serialize_entry("issued_at", &Rfc3339(session.issued_at))?;
        map.serialize_entry("identity", &self.identity)?;
        map.serialize_entry("devices", &self.devices)?;
        map.end()
    }
}
