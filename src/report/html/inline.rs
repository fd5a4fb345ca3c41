//! Drawings made to stand inside a page.

/// An SVG without its extents, which the page decides, and with names that no other drawing has.
pub(super) fn inlined(svg: &str, name: &str) -> String {
    let svg = &svg[svg.find("<svg").unwrap_or(0)..];
    let (start, inside) = svg.split_at(svg.find('>').unwrap_or(0));
    let mut start = start.to_string();
    for extent in ["width", "height"] {
        if let Some(value) = attribute(&start, extent) {
            start = start.replacen(&format!(" {extent}=\"{value}\""), "", 1);
        }
    }
    let mut inside = inside.trim_end().to_string();
    for reference in [" id=\"", "url(#", "href=\"#"] {
        inside = inside.replace(reference, &format!("{reference}{name}-"));
    }
    format!("{start} aria-hidden=\"true\" focusable=\"false\"{inside}")
}

/// The value of an attribute of an element's start.
fn attribute<'a>(start: &'a str, name: &str) -> Option<&'a str> {
    let from = start.find(&format!(" {name}=\""))? + name.len() + 3;
    start[from..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_a_drawing_are_its_own() {
        let svg = "<?xml version=\"1.0\"?>\n<svg width=\"4\" height=\"2\" viewBox=\"0 0 4 2\">\
                   <g id=\"a\"/><use href=\"#a\" fill=\"url(#b)\"/></svg>\n";
        let inside = inlined(svg, "film");
        assert!(inside.starts_with("<svg viewBox=\"0 0 4 2\" "), "{inside}");
        for part in ["id=\"film-a\"", "href=\"#film-a\"", "url(#film-b)"] {
            assert!(inside.contains(part), "{inside}");
        }
    }
}
