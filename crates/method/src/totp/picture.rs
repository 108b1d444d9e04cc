//! The picture that an authenticator app reads: a QR code of 256 by 256 points, black and white, as an address that holds
//! the picture itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use png::{BitDepth, ColorType, Encoder};
use qrcodegen::{QrCode, QrCodeEcc};
use zelos_core::problem::{Problem, Result};

/// Width and height, in points.
pub(super) const SIZE: u32 = 256;
const POINTS: i32 = 256;
/// A row of the file, a bit for each point.
const ROW: usize = 256 / 8;
/// The white edge, in modules: the norm wants four, readers bear less, and a coarser picture is worth more to them.
const EDGE: i32 = 3;

/// The picture of a text, as a data URL.
pub(super) fn data_url(text: &str) -> Result<String> {
    // On a screen nothing is smudged: the lowest correction makes the coarsest picture.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).map_err(Problem::bug)?;
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
    let scale = (POINTS / (code.size() + 2 * EDGE)).max(1);
    let margin = (POINTS - code.size() * scale) / 2;
    let module = |point: i32| (point - margin).div_euclid(scale);
    let mut rows = Vec::with_capacity(ROW * ROW * 8);
    for y in 0..POINTS {
        for x in (0..POINTS).step_by(8) {
            // Whatever lies outside of the code is white.
            let is_white = |point| !code.get_module(module(point), module(y));
            rows.push((x..x + 8).fold(0, |bits, point| bits << 1 | u8::from(is_white(point))));
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
        assert!(rows[..ROW * 4].iter().all(|points| *points == 0xff), "the first rows are white");
        assert!(rows.iter().any(|points| *points != 0xff));
    }

    #[test]
    fn even_the_longest_names_fit() {
        let name = "\u{10348}".repeat(64);
        let key = super::super::key::Key::generate(&zelos_core::rng::SeededRng::new(1), &name, &name);
        assert!(data_url(key.url()).is_ok(), "{}", key.url().len());
    }
}
