//! Logos of kernels, which front ends show: pictures for the browser, of somebody else's making. Servers hand them out
//! from the address of their notebooks, so that a drawing in SVG, which can have a program in it, is none of them.

/// The largest that is taken, in bytes.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// The names that front ends look for.
pub(super) const NAMES: [&str; 2] = ["logo-32x32.png", "logo-64x64.png"];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why a file is no logo.
pub(super) fn fault(content: &[u8]) -> Option<&'static str> {
    if content.len() as u64 > LARGEST {
        return Some("is larger than 1 MB");
    }
    (!content.starts_with(PNG)).then_some("is no PNG")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_taken() {
        assert_eq!(fault(&[PNG, b"rest"].concat()), None);
        for content in [&b""[..], b"GIF", b"<svg xmlns='http://www.w3.org/2000/svg'/>", &PNG[1..]] {
            assert_eq!(fault(content), Some("is no PNG"));
        }
        let large = [PNG, &vec![0; usize::try_from(LARGEST).unwrap()]].concat();
        assert_eq!(fault(&large), Some("is larger than 1 MB"));
        assert!(!NAMES.contains(&"logo-svg.svg"));
    }
}
