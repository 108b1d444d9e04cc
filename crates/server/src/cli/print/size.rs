//! Durations and sizes as the original prints and reads them: `226.7ms`, `1m0.5s`, `128.00MB`.

use std::time::Duration;

/// The Go way: the largest unit below a second that leaves no zero in front, else hours, minutes and seconds.
pub(in crate::cli) fn duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let decimal = |per: u128, unit: &str| {
        let fraction = format!("{:0width$}", nanoseconds % per, width = per.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        (nanoseconds / per, format!("{point}{fraction}{unit}"))
    };
    let (whole, rest) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{nanoseconds}ns"),
        1_000..1_000_000 => decimal(1_000, "µs"),
        1_000_000..1_000_000_000 => decimal(1_000_000, "ms"),
        _ => decimal(1_000_000_000, "s"),
    };
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    if whole < 60 || nanoseconds < 1_000_000_000 {
        format!("{whole}{rest}")
    } else if hours == 0 {
        format!("{minutes}m{}{rest}", whole % 60)
    } else {
        format!("{hours}h{minutes}m{}{rest}", whole % 60)
    }
}

const UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/// Two digits behind the point, units in powers of 1024.
pub(in crate::cli) fn bytes(bytes: u64) -> String {
    let power = bytes.checked_ilog2().unwrap_or_default() / 10;
    let unit = 1_u128 << (10 * power);
    let hundredths = (u128::from(bytes) * 100 + unit / 2) / unit;
    format!("{}.{:02}{}", hundredths / 100, hundredths % 100, UNITS[power as usize])
}

/// Reads what [`bytes`] prints, and whole numbers with a unit.
pub(in crate::cli) fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 128MB (units B, KB, MB, GB, TB, PB, EB)".to_owned();
    let letters = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).len();
    let (number, unit) = text.split_at(letters);
    let power = UNITS.iter().position(|known| known.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let sound = !text.is_empty() && text.len() < 18 && text.bytes().all(|byte| byte.is_ascii_digit());
        if sound { text.parse::<u128>().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let unit = 1_u128 << (10 * power);
    let part = digits(fraction)? * unit / 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    u64::try_from(digits(whole)? * unit + part).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (226_752_403, "226.752403ms"),
            (500_000_000, "500ms"),
            (19_000_257_121, "19.000257121s"),
            (60_000_000_000, "1m0s"),
            (3_661_500_000_000, "1h1m1.5s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn sizes_are_printed_with_two_digits_and_read_back() {
        for (size, text) in
            [(0, "0.00B"), (512, "512.00B"), (1536, "1.50KB"), (128 << 20, "128.00MB"), (1 << 30, "1.00GB")]
        {
            assert_eq!(bytes(size), text);
            assert_eq!(parse_bytes(text), Ok(size));
        }
        assert_eq!(bytes(u64::MAX), "16.00EB");
        assert_eq!(parse_bytes("8mb"), Ok(8 << 20));
        for wrong in ["", "8", "MB", "-1MB", "1.MB", ".5MB", "1,5MB", "99999999EB", "1XB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
