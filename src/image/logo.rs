//! Logos of kernels, which front ends show: pictures for the browser, of somebody else's making.

/// The largest that is taken, in bytes.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// The names that front ends look for.
pub(super) const NAMES: [&str; 3] = ["logo-32x32.png", "logo-64x64.png", SVG];

const SVG: &str = "logo-svg.svg";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What makes a drawing a program, or a page, in a browser that shows it by itself: servers hand out logos from the
/// address of their notebooks.
const ACTIVE: [&str; 9] = [
    "<script",
    "<foreignobject",
    "<iframe",
    "<embed",
    "<object",
    "<handler",
    "javascript:",
    "<!entity",
    "&#",
];

/// Why a file is no logo.
pub(super) fn fault(name: &str, content: &[u8]) -> Option<&'static str> {
    if content.len() as u64 > LARGEST {
        return Some("is larger than 1 MB");
    }
    if name != SVG {
        return (!content.starts_with(PNG)).then_some("is no PNG");
    }
    let Ok(text) = std::str::from_utf8(content) else { return Some("is no SVG") };
    let text = text.to_ascii_lowercase();
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('<') || !text.contains("<svg")
    {
        return Some("is no SVG");
    }
    (ACTIVE.iter().any(|word| text.contains(word)) || has_handler(&text))
        .then_some("has more in it than a drawing")
}

/// Whether there is an attribute such as `onload`.
fn has_handler(text: &str) -> bool {
    let begins = |before: &str| before.ends_with(|c: char| c.is_whitespace() || "\"'/".contains(c));
    text.match_indices("on").any(|(at, _)| {
        let rest = text[at..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        begins(&text[..at]) && rest.trim_start().starts_with('=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_taken() {
        let png = [PNG, b"rest"].concat();
        for (name, content, taken) in [
            ("logo-32x32.png", &png[..], true),
            ("logo-svg.svg", &png, false),
            ("logo-64x64.png", b"<svg/>", false),
            ("logo-64x64.png", b"", false),
            ("logo-svg.svg", b"<svg xmlns='a'><path d='M1 1'/></svg>", true),
            ("logo-svg.svg", b"\n<?xml version='1.0'?>\n<!-- one --><SVG version='1'/>", true),
            ("logo-svg.svg", b"<html></html>", false),
            ("logo-svg.svg", b"svg", false),
            ("logo-svg.svg", b"\xff<svg/>", false),
            ("logo-svg.svg", b"<svg><ScRipt>alert(1)</script></svg>", false),
            ("logo-svg.svg", b"<svg onload='alert(1)'/>", false),
            ("logo-svg.svg", b"<svg/onload = alert(1)>", false),
            ("logo-svg.svg", b"<svg a=''onclick=\"x\"/>", false),
            ("logo-svg.svg", b"<svg><a href='JavaScript:x'/></svg>", false),
            ("logo-svg.svg", b"<svg><a href='&#106;avascript:x'/></svg>", false),
            ("logo-svg.svg", b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>", false),
            // A word, and no attribute.
            (
                "logo-svg.svg",
                b"<svg version='1' xml:space='on'><title>on top = up</title></svg>",
                true,
            ),
        ] {
            let text = String::from_utf8_lossy(content);
            assert_eq!(fault(name, content).is_none(), taken, "{name} {text}");
        }
        let large = [PNG, &vec![0; usize::try_from(LARGEST).unwrap()]].concat();
        assert_eq!(fault("logo-32x32.png", &large), Some("is larger than 1 MB"));
    }
}
