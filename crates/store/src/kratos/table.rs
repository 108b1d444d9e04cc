//! The tables of Kratos whose rows are migrated, and how their rows belong to each other.

/// A table whose rows are accounted for one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Identities,
    Credentials,
    Identifiers,
    VerifiableAddresses,
    RecoveryAddresses,
    Sessions,
    Devices,
}

impl Table {
    /// All of them, rows before what belongs to them.
    pub const ALL: [Self; 7] = [
        Self::Identities,
        Self::Credentials,
        Self::Identifiers,
        Self::VerifiableAddresses,
        Self::RecoveryAddresses,
        Self::Sessions,
        Self::Devices,
    ];

    /// Its name in the database of Kratos.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identities => "identities",
            Self::Credentials => "identity_credentials",
            Self::Identifiers => "identity_credential_identifiers",
            Self::VerifiableAddresses => "identity_verifiable_addresses",
            Self::RecoveryAddresses => "identity_recovery_addresses",
            Self::Sessions => "sessions",
            Self::Devices => "session_devices",
        }
    }

    /// What its rows are called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Identities => "identities",
            Self::Credentials => "credentials",
            Self::Identifiers => "identifiers",
            Self::VerifiableAddresses => "verifiable addresses",
            Self::RecoveryAddresses => "recovery addresses",
            Self::Sessions => "sessions",
            Self::Devices => "devices",
        }
    }

    /// What one of its rows is called.
    pub fn row(self) -> &'static str {
        match self {
            Self::Identities => "identity",
            Self::Credentials => "credential",
            Self::Identifiers => "identifier",
            Self::VerifiableAddresses => "verifiable address",
            Self::RecoveryAddresses => "recovery address",
            Self::Sessions => "session",
            Self::Devices => "device",
        }
    }

    /// The table whose rows its rows belong to, and the column that says to which. Sessions belong to identities as well,
    /// but are read by themselves.
    pub(super) fn parent(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Identities | Self::Sessions => None,
            Self::Identifiers => Some((Self::Credentials, "identity_credential_id")),
            Self::Credentials | Self::VerifiableAddresses | Self::RecoveryAddresses => {
                Some((Self::Identities, "identity_id"))
            }
            Self::Devices => Some((Self::Sessions, "session_id")),
        }
    }

    /// The columns that are read.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Identities => &[
                "id",
                "schema_id",
                "traits",
                "created_at",
                "updated_at",
                "state",
                "state_changed_at",
                "metadata_public",
                "metadata_admin",
                "available_aal",
                "organization_id",
                "external_id",
            ],
            Self::Credentials => {
                &["id", "identity_id", "identity_credential_type_id", "config", "version", "created_at", "updated_at"]
            }
            Self::Identifiers => &["id", "identity_credential_id", "identifier"],
            Self::VerifiableAddresses => {
                &["id", "identity_id", "status", "via", "verified", "value", "verified_at", "created_at", "updated_at"]
            }
            Self::RecoveryAddresses => &["id", "identity_id", "via", "value", "created_at", "updated_at"],
            Self::Sessions => &[
                "id",
                "issued_at",
                "expires_at",
                "authenticated_at",
                "identity_id",
                "created_at",
                "updated_at",
                "active",
                "aal",
                "authentication_methods",
                "token",
            ],
            Self::Devices => &["id", "session_id", "ip_address", "user_agent", "location"],
        }
    }
}
