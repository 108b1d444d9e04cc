//! Small values with a text form of their own: Go durations, byte sizes, switches that may be texts.
//!
//! Each parses once, when the configuration is loaded; afterwards it is a plain number.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, ops::Deref, str::FromStr, time::Duration};

/// A duration written the Go way: whole numbers with the units `h`, `m`, `s`, `ms`, `us`, `ns`, as in `1h30m`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(pub Duration);

/// Units from large to small, in nanoseconds. Parsing tries the two-letter ones by longest match.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl GoDuration {
    /// The longest that Go knows: 63 bits of nanoseconds, 292 years.
    pub const MAX: Self = Self(Duration::from_nanos(i64::MAX.unsigned_abs()));

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }
}

impl FromStr for GoDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a duration such as 1h30m or 500ms (units h, m, s, ms, us, ns)".to_owned();
        let too_long = || "the duration is longer than 292 years".to_owned();
        let mut rest = text;
        let mut total = 0_u64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
            rest = &rest[digits + letters..];
            if number.is_empty() {
                return Err(wrong());
            }
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let number: u64 = number.parse().map_err(|_| too_long())?;
            total = number.checked_mul(*size).and_then(|n| total.checked_add(n)).ok_or_else(too_long)?;
        }
        // Go counts in signed 64-bit nanoseconds; what does not fit there is refused by the original too.
        i64::try_from(total).map_err(|_| too_long())?;
        Ok(Self(Duration::from_nanos(total)))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, size) in UNITS {
            let count = rest / u128::from(size);
            rest %= u128::from(size);
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Deref for GoDuration {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

/// A number of bytes, written `128MB`; the units are powers of 1024 as in the original.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

const SIZES: [(&str, u32); 7] = [("EB", 60), ("PB", 50), ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10), ("B", 0)];

impl ByteSize {
    /// So many mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a size such as 128MB (units B, KB, MB, GB, TB, PB, EB)".to_owned();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let (_, shift) = SIZES.iter().find(|(name, _)| *name == &text[digits..]).ok_or_else(wrong)?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(|| "the size does not fit 64 bits".to_owned())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |shift: u32| self.0 != 0 && self.0.trailing_zeros() >= shift;
        let (name, shift) = SIZES.iter().find(|(_, shift)| fits(*shift)).unwrap_or(&("B", 0));
        write!(f, "{}{name}", self.0 >> shift)
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gives a type with `FromStr` and `Display` its place in documents: a text of the named format.
macro_rules! text_value {
    ($type:ty, $format:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}
pub(crate) use text_value;

text_value!(GoDuration, "go-duration");
text_value!(ByteSize, "byte-size");

/// The cookie attribute of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SameSite {
    Strict,
    #[default]
    Lax,
    None,
}

/// How strong a session must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequiredAal {
    /// One factor is enough.
    Aal1,
    /// As many factors as the person has set up.
    #[default]
    HighestAvailable,
}

/// Reads the texts Go's `ParseBool` takes as true or false.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Quirk: upstream's schema types the `secure` keys of cookies as text (embedx/config.schema.json), so files in use say
/// `"true"`; a real boolean is accepted beside it.
pub(crate) mod switch {
    use super::parse_bool;
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde::{Deserialize, Deserializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        Bool(bool),
        Text(String),
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Bool(value) => Ok(Some(value)),
            Raw::Text(text) => parse_bool(&text).map(Some).ok_or_else(|| D::Error::custom("expected true or false")),
        }
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "format": "switch" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanoseconds) in
            [("1h30m", 5_400_000_000_000), ("10ms", 10_000_000), ("0s", 0), ("1m1m", 120_000_000_000), ("7ns", 7)]
        {
            assert_eq!(text.parse::<GoDuration>().unwrap().as_nanos(), nanoseconds, "{text}");
        }
        for text in ["", "1", "h", "1.5h", "-1h", "1d", "1h ", "9999999999h", "1H", "½h"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_print_without_empty_units() {
        for text in ["24h", "1h30m", "500ms", "0s", "1m", "1s1ms1us1ns"] {
            assert_eq!(text.parse::<GoDuration>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!("128MB".parse::<ByteSize>().unwrap(), ByteSize::mib(128));
        assert_eq!("1GB".parse::<ByteSize>().unwrap().to_string(), "1GB");
        assert_eq!("0B".parse::<ByteSize>().unwrap().to_string(), "0B");
        for text in ["", "MB", "1", "1mb", "1.5GB", "99999999EB", "1MBx", "1µ"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(nanoseconds in 0..=i64::MAX as u64) {
            let duration = GoDuration(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(duration.to_string().parse::<GoDuration>(), Ok(duration));
        }

        #[test]
        fn a_printed_size_reads_back(bytes in any::<u64>()) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse::<ByteSize>(), Ok(ByteSize(bytes)));
        }
    }
}
