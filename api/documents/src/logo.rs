//! The logo: a PNG within bounds, decoded once before it is trusted.

use png::{Decoder, Limits};

use crate::limits::{LOGO_BYTES, LOGO_PIXELS};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("the logo has {0} bytes; at most {LOGO_BYTES} are allowed")]
    TooLarge(usize),
    #[error("the logo has {0} × {1} pixels; at most {LOGO_PIXELS} a side are allowed")]
    TooManyPixels(u32, u32),
    #[error("the logo is not a PNG that can be read: {0}")]
    Unreadable(String),
}

/// Whether a logo can be used; returns its width and height in pixels.
///
/// # Errors
///
/// [`LogoError`]: what is wrong with it.
pub fn check_logo(png: &[u8]) -> Result<(u32, u32), LogoError> {
    if png.len() > LOGO_BYTES {
        return Err(LogoError::TooLarge(png.len()));
    }
    let unreadable = |error: png::DecodingError| LogoError::Unreadable(error.to_string());
    // Room for the largest that is allowed: four channels of two bytes.
    let side = LOGO_PIXELS as usize;
    let limits = Limits { bytes: side * side * 8 };
    let mut reader =
        Decoder::new_with_limits(std::io::Cursor::new(png), limits).read_info().map_err(unreadable)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width > LOGO_PIXELS || height > LOGO_PIXELS {
        return Err(LogoError::TooManyPixels(width, height));
    }
    let size =
        reader.output_buffer_size().ok_or_else(|| LogoError::Unreadable("it is too large".to_owned()))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(unreadable)?;
    Ok((width, height))
}
