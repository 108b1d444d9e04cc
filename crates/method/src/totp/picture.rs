//! The picture that an authenticator app reads: a QR code of 256 by 256 points, black and white, as an address that holds
//! the picture itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};
use zelos_core::problem::{Problem, Result};

/// Width and height, in points.
pub(super) const SIZE: u32 = 256;
const POINTS: usize = SIZE as usize;
/// The white edge that readers need, in modules.
const EDGE: usize = 4;

/// The picture of a text, as a data URL.
pub(super) fn data_url(text: &str) -> Result<String> {
    // On a screen nothing is smudged: the lowest correction makes the coarsest picture.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(Problem::bug)?;
    let rows = rows(&code);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, SIZE, SIZE);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&rows)?;
        writer.finish()
    });
    written.map_err(Problem::bug)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

/// The points, a bit each, white ones set: each module as many points wide as fit, in the middle of the picture.
fn rows(code: &QrCode) -> Vec<u8> {
    let width = code.width();
    let scale = (POINTS / (width + 2 * EDGE)).max(1);
    let margin = POINTS.saturating_sub(width * scale) / 2;
    let module = |point: usize| point.checked_sub(margin).map(|point| point / scale).filter(|module| *module < width);
    let mut rows = vec![0xff_u8; POINTS * POINTS / 8];
    for y in 0..POINTS {
        for x in 0..POINTS {
            if let (Some(column), Some(row)) = (module(x), module(y))
                && code[(column, row)] == Color::Dark
            {
                rows[(y * POINTS + x) / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_size_that_is_told_and_a_white_edge() {
        let url = data_url(&"otpauth://totp/".repeat(12)).unwrap();
        let file = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (256, 256));
        let mut rows = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rows).unwrap();
        assert!(rows[..32 * 4].iter().all(|points| *points == 0xff), "the first rows are white");
        assert!(rows.iter().any(|points| *points != 0xff));
    }

    #[test]
    fn even_the_longest_names_fit() {
        let name = "\u{10348}".repeat(64);
        let key = super::super::key::Key::generate(&zelos_core::rng::SeededRng::new(1), &name, &name);
        assert!(data_url(key.url()).is_ok(), "{}", key.url().len());
    }
}
