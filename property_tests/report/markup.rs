//! A page read back: tags that balance, their attributes, and the text between.

use std::collections::BTreeMap;

/// An element with what is inside.
#[derive(Debug, Default)]
pub struct Node {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Text directly inside, before its elements and between them, unescaped.
    pub text: String,
    pub children: Vec<Node>,
}

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "link", "input", "img", "br"];
/// Elements whose inside is text whatever it looks like.
const RAW: [&str; 2] = ["script", "style"];

impl Node {
    /// This element and all below it, in the order of the page.
    pub fn all(&self) -> Vec<&Node> {
        let below = self.children.iter().flat_map(Node::all);
        std::iter::once(self).chain(below).collect()
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// All text of it and below, in no particular order.
    pub fn whole_text(&self) -> String {
        self.all().iter().map(|node| node.text.as_str()).collect()
    }

    /// The one element of a name for links.
    pub fn named(&self, id: &str) -> &Node {
        let all: Vec<&Node> =
            self.all().into_iter().filter(|node| node.attribute("id") == Some(id)).collect();
        assert_eq!(all.len(), 1, "{} elements are called {id}", all.len());
        all[0]
    }

    pub fn of(&self, name: &str) -> Vec<&Node> {
        self.all().into_iter().filter(|node| node.name == name).collect()
    }
}

/// Reads a page; the reason where it is not well formed.
pub fn read(page: &str) -> Result<Node, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").ok_or("no document type")?;
    let mut open = vec![Node { name: "page".into(), ..Node::default() }];
    while let Some(place) = rest.find('<') {
        let inside = open.last_mut().expect("the page is never closed");
        inside.text += &unescaped(&rest[..place])?;
        rest = &rest[place..];
        let end = end_of_tag(rest).ok_or("a tag without an end")?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().expect("the page is never closed");
            let Some(parent) = open.last_mut() else { return Err(format!("</{name}> too many")) };
            if closed.name != name {
                return Err(format!("<{}> is closed by </{name}>", closed.name));
            }
            parent.children.push(closed);
            continue;
        }
        let mut node = opened(tag.trim_end_matches('/'))?;
        if VOID.contains(&node.name.as_str()) || tag.ends_with('/') {
            open.last_mut().expect("the page is never closed").children.push(node);
        } else if RAW.contains(&node.name.as_str()) {
            let end = format!("</{}>", node.name);
            let (text, after) = rest.split_once(&end).ok_or(format!("no {end}"))?;
            node.text = text.into();
            rest = after;
            open.last_mut().expect("the page is never closed").children.push(node);
        } else {
            open.push(node);
        }
    }
    match open.len() {
        1 => Ok(open.remove(0)),
        _ => Err(format!("<{}> is not closed", open[open.len() - 1].name)),
    }
}

/// The place of the `>` that ends a tag, which may be within no attribute.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    text.char_indices().find_map(|(place, c)| {
        is_quoted ^= c == '"';
        (c == '>' && !is_quoted).then_some(place)
    })
}

fn opened(tag: &str) -> Result<Node, String> {
    let (name, mut rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("<{tag}> is no tag"));
    }
    let mut node = Node { name: name.into(), ..Node::default() };
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(after) => after.split_once('"').ok_or(format!("<{tag}> has an open quote"))?,
            None => ("", after.trim_start()),
        };
        if node.attributes.insert(attribute.into(), unescaped(value)?).is_some() {
            return Err(format!("<{tag}> has {attribute} twice"));
        }
        rest = after;
    }
    Ok(node)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or("").to_string();
    for part in parts {
        let (entity, after) = part.split_once(';').ok_or(format!("a bare & before {part}"))?;
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" | "apos" => '\'',
            other => return Err(format!("&{other}; is unknown")),
        });
        plain += after;
    }
    match plain.contains('\0') {
        true => Err("a zero byte".into()),
        false => Ok(plain),
    }
}

#[test]
fn pages_that_are_not_well_formed_are_told() {
    let whole = |inside: &str| format!("<!DOCTYPE html>\n<html>{inside}</html>");
    let page =
        read(&whole("<p title=\"a&gt;b\">x &amp; y<br>z</p><script>1 < 2</script>")).unwrap();
    assert_eq!(page.of("p")[0].attribute("title"), Some("a>b"));
    assert_eq!(page.of("p")[0].text, "x & yz");
    assert_eq!(page.of("script")[0].text, "1 < 2");
    for broken in
        ["<p>", "</p>", "<p><b></p></b>", "a & b", "<p a=\"1\" a=\"2\"></p>", "<p \"", "<>"]
    {
        assert!(read(&whole(broken)).is_err(), "{broken}");
    }
    assert!(read("<html></html>").is_err());
}
