//! Times that come from outside: admin bodies, queries, page tokens, files, other databases.
//!
//! RFC 3339 writes years with four digits, and an offset can move a time across either end of them. Such a time cannot be
//! written again, and no database keeps it alike. So each edge reads times through this module: the result is in UTC and
//! within [`EARLIEST`] and [`LATEST`], or an error.

use serde::{Deserialize as _, Deserializer, Serializer, de, ser};
use std::borrow::Cow;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::datetime};

/// The first time that RFC 3339 can write in UTC.
pub const EARLIEST: OffsetDateTime = datetime!(0000-01-01 00:00:00 UTC);

/// The last one, in the microseconds that databases keep.
pub const LATEST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999999 UTC);

/// Why a text or a value is not a time that can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("it is not a time as RFC 3339 writes it, as in 2030-01-02T03:04:05Z")]
    Malformed,
    #[error("it is outside of the years 0000 to 9999 in UTC")]
    OutOfRange,
}

/// Reads an RFC 3339 text.
///
/// # Errors
/// See [`Unusable`].
pub fn parse(text: &str) -> Result<OffsetDateTime, Unusable> {
    in_range(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Unusable::Malformed)?)
}

/// The same time in UTC.
///
/// # Errors
/// [`Unusable::OutOfRange`].
pub fn in_range(at: OffsetDateTime) -> Result<OffsetDateTime, Unusable> {
    let at = at.checked_to_offset(UtcOffset::UTC).filter(|at| (0..=9999).contains(&at.year()));
    at.ok_or(Unusable::OutOfRange)
}

/// Serde: reads with [`parse`].
///
/// # Errors
/// Those of [`parse`], in the format's type.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    parse(&Cow::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Serde: writes RFC 3339 in UTC.
///
/// # Errors
/// Fails for a time outside of the range.
pub fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    time::serde::rfc3339::serialize(&in_range(*at).map_err(ser::Error::custom)?, serializer)
}

/// Serde: as the module does, for what may be `null`.
pub mod option {
    use super::{Cow, Deserializer, OffsetDateTime, Serializer, de, parse};
    use serde::Deserialize as _;

    /// Reads with [`parse`]; `null` is none.
    ///
    /// # Errors
    /// Those of [`parse`], in the format's type.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
        text.map(|text| parse(&text)).transpose().map_err(de::Error::custom)
    }

    /// Writes RFC 3339 in UTC, or `null`.
    ///
    /// # Errors
    /// Fails for a time outside of the range.
    pub fn serialize<S: Serializer>(at: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_utc() {
        assert_eq!(parse("2030-01-02T03:04:05+01:00"), Ok(datetime!(2030-01-02 02:04:05 UTC)));
        assert_eq!(parse("2030-01-02T03:04:05+01:00").map(OffsetDateTime::offset), Ok(UtcOffset::UTC));
        assert_eq!(parse("0000-01-01T00:00:00Z"), Ok(EARLIEST));
        assert_eq!(parse("9999-12-31T23:59:59.999999Z"), Ok(LATEST));
        assert_eq!(parse("9999-12-31T23:59:59+23:59"), Ok(datetime!(9999-12-31 00:00:59 UTC)));
    }

    #[test]
    fn times_that_leave_the_years_in_utc_are_refused() {
        for text in ["0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(parse(text), Err(Unusable::OutOfRange), "{text}");
        }
        for text in ["", "yesterday", "2030-01-02", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"] {
            assert_eq!(parse(text), Err(Unusable::Malformed), "{text}");
        }
    }

    #[test]
    fn serde_keeps_to_the_range() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Two {
            #[serde(with = "crate::timestamp")]
            one: OffsetDateTime,
            #[serde(with = "crate::timestamp::option")]
            other: Option<OffsetDateTime>,
        }
        let text = r#"{"one":"2030-01-02T03:04:05Z","other":null}"#;
        let two: Two = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&two).unwrap(), text);
        let escaped =
            serde_json::from_str::<Two>(r#"{"one":"2030-01-02T03:04:05Z","other":"2030-01-02T03:04:05\u005a"}"#);
        assert_eq!(escaped.unwrap().other, Some(two.one));
        for member in ["one", "other"] {
            let mut value = serde_json::json!({ "one": "2030-01-02T03:04:05Z", "other": null });
            value[member] = "9999-12-31T23:59:59-23:59".into();
            let error = serde_json::from_value::<Two>(value).unwrap_err().to_string();
            assert!(error.contains("0000 to 9999"), "{error}");
        }
        let late = datetime!(9999-12-31 23:59:59 -23:59);
        assert!(serde_json::to_string(&Two { one: late, other: None }).is_err());
        assert!(serde_json::to_string(&Two { one: EARLIEST, other: Some(late) }).is_err());
    }
}
