//! Rich text (`html_notes`, `html_text`, `html_description`): a small XML vocabulary, the same for everything that has it.
//!
//! What a client sends is refused, not cleaned, when it is not rich text; what is accepted is kept in one normal form. In
//! that form a mention is nothing but gids, because names change and not every reader may know them: [`expand`] and
//! [`plain`] fill them in for a reader. A reference has one of these forms:
//!
//! - `<a data-asana-gid="1"/>`: an object, shown by its name;
//! - `<a data-asana-gid="1" data-asana-project="2"/>`: a task, as it is seen in a project;
//! - `<a data-asana-gid="1" data-asana-dynamic="false">text</a>`: an object, shown by a text of the writer's own;
//! - `<img data-asana-gid="1"/>`: an attachment, shown as an image.
//!
//! The rules are those of Asana's "Rich text" page and of answers of its API observed in 2026; `TAGS` holds all of them
//! that concern a tag. Where the two disagree, whatever either accepts is accepted.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

use crate::gid;

/// Rich text that was understood, in the form in which it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RichText {
    /// The normalised markup, `<body>…</body>`. Parsing it again changes nothing.
    pub html: String,
    /// The same without markup (`notes`, `text`), where a mention is its bare gid: see [`plain`].
    pub text: String,
    /// The gids of what it mentions or shows, in the order of their first mention, each once.
    pub references: Vec<i64>,
    /// Those among them that came without an address somewhere: nobody may write these but who sees the object.
    pub unaddressed: Vec<i64>,
}

/// A place in rich text that leads to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The object.
    pub gid: i64,
    /// The project in which a task is meant.
    pub project: Option<i64>,
    /// Whether it is shown as an image.
    pub is_image: bool,
}

/// Why rich text was refused, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RichTextError {
    /// It does not begin with `<body>`, or something comes after `</body>`.
    #[error("Rich text should be wrapped in <body> tag.")]
    NoBody,
    /// A tag that is unknown or in the wrong place, an attribute that its tag does not take, a comment, a processing
    /// instruction, a character that XML does not know.
    #[error("XML is invalid")]
    Invalid,
    /// A bare angle bracket in the text: it should have been `&lt;` or `&gt;`.
    #[error("XML is invalid: Malformed rich text. Found < or > that was not part of tag.")]
    Bracket,
    /// A tag without its end.
    #[error("XML is invalid: Malformed rich text. XML tag was not closed.")]
    Unclosed,
    /// A link to nothing.
    #[error("One of data-asana-gid or href is required in anchor attributes")]
    NoTarget,
    /// A link that is relative, or is no web or mail address.
    #[error("invalid protocol in HREF field")]
    Protocol,
}

/// What stands in the text: each kind of content is a bit, and every tag says which of them it is and which it holds.
type Content = u16;

const TEXT: Content = 1;
const INLINE: Content = 1 << 1;
const CODE: Content = 1 << 2;
const LINK: Content = 1 << 3;
const BLOCK: Content = 1 << 4;
const LIST: Content = 1 << 5;
const ITEM: Content = 1 << 6;
const ROW: Content = 1 << 7;
const CELL: Content = 1 << 8;
const BODY: Content = 1 << 9;
const IMAGE: Content = 1 << 10;

/// What a line of text consists of.
const LINE: Content = TEXT | INLINE | CODE | LINK;
/// Tags that hold at most what the tag around them holds: no list in a bold word in a heading.
const WITHIN_A_LINE: Content = INLINE | CODE | LINK;
/// Tags that begin and end a line of the plain text.
const LINES_OF_THEIR_OWN: Content = BLOCK | LIST | ITEM | ROW | IMAGE;

/// One allowed tag.
struct Tag {
    /// As a client may write it.
    name: &'static str,
    /// As it is kept; empty for a tag that is dropped around its content.
    kept: &'static str,
    is: Content,
    /// Nothing: the tag has no end, or hardly any.
    holds: Content,
    /// The attributes that are kept.
    attributes: &'static [&'static str],
    /// What becomes of all other attributes.
    others: Others,
}

#[derive(Clone, Copy, PartialEq)]
enum Others {
    Dropped,
    Refused,
}

const fn tag(name: &'static str, is: Content, holds: Content) -> Tag {
    Tag { name, kept: name, is, holds, attributes: &[], others: Others::Refused }
}

impl Tag {
    const fn kept_as(mut self, kept: &'static str) -> Tag {
        self.kept = kept;
        self
    }

    const fn with(mut self, attributes: &'static [&'static str]) -> Tag {
        self.attributes = attributes;
        self
    }

    const fn dropping_others(mut self) -> Tag {
        self.others = Others::Dropped;
        self
    }
}

/// Every allowed tag. Not here, and therefore refused: `p br div h4 h5 h6 object del sub sup th` and whatever else there is.
static TAGS: &[Tag] = &[
    tag("body", BODY, LINE | BLOCK | LIST | IMAGE).dropping_others(),
    tag("strong", INLINE, LINE),
    tag("b", INLINE, LINE).kept_as("strong"),
    tag("em", INLINE, LINE),
    tag("i", INLINE, LINE).kept_as("em"),
    tag("u", INLINE, LINE),
    tag("s", INLINE, LINE),
    tag("mark", INLINE, LINE).dropping_others(),
    tag("span", INLINE, Content::MAX).kept_as("").dropping_others(),
    tag("code", CODE, LINE),
    // Links and images come back expanded, with attributes for the reader; only where they lead is kept.
    tag("a", LINK, LINE & !LINK).with(&[HREF, GID, PROJECT, DYNAMIC, ACCESSIBLE]).dropping_others(),
    tag("img", IMAGE, 0).with(&[GID, SOURCE, DELETED]).dropping_others(),
    tag("h1", BLOCK, LINE),
    tag("h2", BLOCK, LINE),
    tag("h3", BLOCK, LINE),
    tag("blockquote", BLOCK, LINE | BLOCK | LIST | IMAGE),
    tag("pre", BLOCK, LINE & !CODE).with(&["data-language"]),
    tag("hr", BLOCK, 0),
    tag("ul", LIST, ITEM | LIST).dropping_others(),
    tag("ol", LIST, ITEM | LIST).dropping_others(),
    tag("li", ITEM, LINE | LIST | IMAGE).dropping_others(),
    tag("table", BLOCK, ROW),
    tag("tr", ROW, CELL),
    tag("td", CELL, LINE | LIST | IMAGE).with(&["width", "data-cell-widths", "colspan", "rowspan"]),
];

const HREF: &str = "href";
const GID: &str = "data-asana-gid";
const PROJECT: &str = "data-asana-project";
const DYNAMIC: &str = "data-asana-dynamic";
const ACCESSIBLE: &str = "data-asana-accessible";
const SOURCE: &str = "src";
const DELETED: &str = "data-asana-deleted";

/// More tags inside one another than this are refused.
const MAX_DEPTH: usize = 64;

/// More attributes in one tag than this are refused.
const MAX_ATTRIBUTES: usize = 32;

/// What links may lead to.
const PROTOCOLS: [&str; 3] = ["https://", "http://", "mailto:"];

/// Understands what a client sent.
///
/// # Errors
///
/// Refuses what is not rich text. Bare ampersands, line breaks as a browser on Windows writes them, and tags that differ from
/// an allowed one in name only are understood; nothing else is put right.
pub fn parse(html: &str) -> Result<RichText, RichTextError> {
    read(html, &mut |gid| gid.to_string())
}

/// Rich text that shows plain text as it is. Control characters, which XML has no way to write, are dropped, and lines end in
/// a line feed.
pub fn from_plain(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 13);
    html.push_str("<body>");
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => html.push('\n'),
            char if is_xml(char) => push_escaped(&mut html, char),
            _ => {}
        }
    }
    html.push_str("</body>");
    html
}

/// The plain text of rich text in the form in which it is kept, for a reader: `name` says what a mentioned gid is called.
pub fn plain(html: &str, mut name: impl FnMut(i64) -> String) -> String {
    read(html, &mut name).map_or_else(|_| html.to_owned(), |rich| rich.text)
}

/// What a reader is shown of an object that rich text leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Where a link to it leads, or where an image comes from.
    pub href: String,
    /// What it is, if the reader may know it.
    pub target: Option<Target>,
}

/// What a mentioned object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `data-asana-type`.
    pub kind: &'static str,
    /// What it is called: `@Ann` for a person.
    pub name: String,
    /// The project in which a task is meant, if the reader may know that.
    pub project: Option<i64>,
}

/// What is shown in place of the name of what the reader may not see.
pub const PRIVATE: &str = "Private Link";

/// Rich text in the form in which it is kept, with what it leads to filled in for a reader. What comes out is understood by
/// [`parse`], and becomes what it was made of.
pub fn expand(html: &str, mut mention: impl FnMut(Reference) -> Mention) -> String {
    let mut out = String::with_capacity(html.len());
    for piece in pieces(html) {
        match piece {
            Piece::Markup(markup) => out.push_str(markup),
            Piece::Reference(reference, form) => push_mention(&mut out, reference, form, &mention(reference)),
        }
    }
    out
}

/// The gids that rich text in the form in which it is kept leads to, projects of tasks included.
pub fn references(html: &str) -> impl Iterator<Item = i64> {
    let gids = pieces(html).map(|piece| match piece {
        Piece::Reference(Reference { gid, project, .. }, _) => [Some(gid), project],
        Piece::Markup(_) => [None, None],
    });
    gids.flatten().flatten()
}

/// A part of rich text in the form in which it is kept.
enum Piece<'a> {
    Markup(&'a str),
    Reference(Reference, Form),
}

/// How a reference is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Link,
    /// Its text and its end follow.
    LinkAround,
    Image,
}

const LINK_START: &str = "<a data-asana-gid=\"";
const IMAGE_START: &str = "<img data-asana-gid=\"";

/// Takes it apart. In this form an angle bracket is always a tag, and a tag is always written the same.
fn pieces(html: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = html;
    let mut found = None;
    std::iter::from_fn(move || {
        if let Some(piece) = found.take() {
            return Some(piece);
        }
        let mut from = 0;
        while let Some(at) = rest[from..].find('<').map(|at| from + at) {
            if let Some((piece, after)) = reference(&rest[at..]) {
                let before = &rest[..at];
                rest = after;
                if before.is_empty() {
                    return Some(piece);
                }
                found = Some(piece);
                return Some(Piece::Markup(before));
            }
            from = at + 1;
        }
        (!rest.is_empty()).then(|| Piece::Markup(std::mem::take(&mut rest)))
    })
}

/// The reference that the text begins with, and what comes after it.
fn reference(html: &str) -> Option<(Piece<'_>, &str)> {
    if let Some(rest) = html.strip_prefix(IMAGE_START) {
        let (gid, rest) = split_gid(rest)?;
        let reference = Reference { gid, project: None, is_image: true };
        return Some((Piece::Reference(reference, Form::Image), rest.strip_prefix("\"/>")?));
    }
    let (gid, rest) = split_gid(html.strip_prefix(LINK_START)?)?;
    let (project, rest) = match rest.strip_prefix("\" data-asana-project=\"") {
        Some(rest) => split_gid(rest).map(|(project, rest)| (Some(project), rest))?,
        None => (None, rest),
    };
    let reference = Reference { gid, project, is_image: false };
    match rest.strip_prefix("\"/>") {
        Some(rest) => Some((Piece::Reference(reference, Form::Link), rest)),
        None => {
            let rest = rest.strip_prefix("\" data-asana-dynamic=\"false\">")?;
            Some((Piece::Reference(reference, Form::LinkAround), rest))
        }
    }
}

fn split_gid(text: &str) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    Some((gid::parse(digits)?, rest))
}

fn push_mention(out: &mut String, reference: Reference, form: Form, mention: &Mention) {
    let target = mention.target.as_ref();
    let gid = reference.gid.to_string();
    if form == Form::Image {
        out.push_str("<img");
        push_attribute(out, GID, &gid);
        // Who may not see it does not learn that it is still there.
        match target {
            Some(_) => push_attribute(out, SOURCE, &mention.href),
            None => push_attribute(out, DELETED, "true"),
        }
        push_attribute(out, "data-asana-type", "attachment");
        if let Some(Target { name, .. }) = target {
            push_attribute(out, "alt", name);
        }
        out.push_str("/>");
        return;
    }
    out.push_str("<a");
    push_attribute(out, HREF, &mention.href);
    push_attribute(out, ACCESSIBLE, if target.is_some() { "true" } else { "false" });
    push_attribute(out, DYNAMIC, if form == Form::Link { "true" } else { "false" });
    if let Some(Target { kind, project, .. }) = target {
        push_attribute(out, "data-asana-type", kind);
        push_attribute(out, GID, &gid);
        if let Some(project) = project {
            push_attribute(out, PROJECT, &project.to_string());
        }
    }
    out.push('>');
    if form == Form::Link {
        push_all_escaped(out, target.map_or(PRIVATE, |target| &target.name));
        out.push_str("</a>");
    }
}

/// Where a link leads below the address of the server: `/0/0/1/f`, and `/0/2/1` for a task in a project. Who may not see the
/// object sees nothing else of the reference, and may send it back.
pub fn path_of(reference: Reference) -> String {
    match reference {
        Reference { gid, project: Some(project), .. } => format!("/0/{project}/{gid}"),
        Reference { gid, .. } => format!("/0/0/{gid}/f"),
    }
}

/// What an address that ends with such a path leads to.
fn from_path(href: &str) -> Option<Reference> {
    let parts: Vec<&str> = href.rsplitn(5, '/').collect();
    let (gid, project) = match parts[..] {
        ["f", gid, "0", "0", _] => (gid, None),
        [gid, project, "0", ..] => (gid, Some(gid::parse(project)?)),
        _ => return None,
    };
    Some(Reference { gid: gid::parse(gid)?, project, is_image: false })
}

fn read(html: &str, name: &mut dyn FnMut(i64) -> String) -> Result<RichText, RichTextError> {
    let html = html.trim_matches([' ', '\t', '\r', '\n']);
    let after_name = html.strip_prefix("<body").ok_or(RichTextError::NoBody)?;
    if !after_name.starts_with(['>', '/', ' ', '\t', '\r', '\n']) {
        return Err(RichTextError::NoBody);
    }
    if !html.chars().all(is_xml) {
        return Err(RichTextError::Invalid);
    }
    check_brackets(html.as_bytes())?;
    let unified;
    let html = if html.contains('\r') {
        unified = html.replace("\r\n", "\n").replace('\r', "\n");
        unified.as_str()
    } else {
        html
    };

    let mut reader = Reader::from_str(html);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    // Whether tags match is decided here, where it is known which end may be missing and what to say.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut writer = Writer::new(html.len(), name);
    loop {
        let event = reader.read_event().map_err(|_| RichTextError::Invalid)?;
        if writer.done && !matches!(event, Event::Eof) {
            return Err(RichTextError::NoBody);
        }
        match event {
            Event::Start(start) => writer.start(&start)?,
            Event::Empty(start) => {
                writer.start(&start)?;
                writer.end(start.name().0)?;
            }
            Event::End(end) => writer.end(end.name().0)?,
            Event::Text(text) => writer.text(&text.into_inner())?,
            Event::GeneralRef(reference) => match resolve(&reference)? {
                Some(char) => writer.text(char.encode_utf8(&mut [0; 4]))?,
                None => {
                    writer.text("&")?;
                    writer.text(&reference)?;
                    writer.text(";")?;
                }
            },
            Event::Eof => return writer.finish(),
            Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(RichTextError::Invalid);
            }
        }
    }
}

/// Whether XML 1.0 knows the character.
fn is_xml(char: char) -> bool {
    !matches!(char, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether every angle bracket belongs to something that looks like a tag.
fn check_brackets(html: &[u8]) -> Result<(), RichTextError> {
    let mut place = 0;
    while let Some(byte) = html.get(place) {
        place += 1;
        match byte {
            b'>' => return Err(RichTextError::Bracket),
            b'<' => {}
            _ => continue,
        }
        let name = match html.get(place) {
            Some(b'!' | b'?') => return Err(RichTextError::Invalid),
            Some(b'/') => html.get(place + 1),
            byte => byte,
        };
        if !name.is_some_and(u8::is_ascii_alphabetic) {
            return Err(RichTextError::Bracket);
        }
        let mut quote = None;
        loop {
            let byte = *html.get(place).ok_or(RichTextError::Bracket)?;
            place += 1;
            match (byte, quote) {
                (b'<', _) => return Err(RichTextError::Bracket),
                (b'>', None) => break,
                (b'"' | b'\'', None) => quote = Some(byte),
                (_, Some(open)) if byte == open => quote = None,
                _ => {}
            }
        }
    }
    Ok(())
}

/// The character behind `&name;`, or `None` for a name that XML does not know: it is text then, as a bare ampersand is.
fn resolve(name: &str) -> Result<Option<char>, RichTextError> {
    let number = match name {
        "amp" => return Ok(Some('&')),
        "lt" => return Ok(Some('<')),
        "gt" => return Ok(Some('>')),
        "quot" => return Ok(Some('"')),
        "apos" => return Ok(Some('\'')),
        _ => match name.strip_prefix('#') {
            Some(number) => number,
            None => return Ok(None),
        },
    };
    let (digits, base) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let char = u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    match char.filter(|char| is_xml(*char)) {
        Some('\r') => Ok(Some('\n')),
        Some(char) => Ok(Some(char)),
        None => Err(RichTextError::Invalid),
    }
}

/// The value of an attribute as it was meant, on one line.
fn attribute_value(raw: &str) -> Result<String, RichTextError> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        value.push_str(before);
        // A bare ampersand ends the search for a semicolon, or a row of them would be searched again and again.
        let name = after.find([';', '&']).filter(|end| after.as_bytes()[*end] == b';').map(|end| &after[..end]);
        match name.map(resolve).transpose()?.flatten() {
            Some(char) => {
                value.push(char);
                rest = &after[name.map_or(0, str::len) + 1..];
            }
            None => {
                value.push('&');
                rest = after;
            }
        }
    }
    value.push_str(rest);
    Ok(value.replace(['\n', '\t', '\r'], " "))
}

fn push_escaped(out: &mut String, char: char) {
    match char {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        char => out.push(char),
    }
}

/// Escapes for an attribute as well as for text.
fn push_all_escaped(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.push_str("&quot;"),
            char => push_escaped(out, char),
        }
    }
}

fn push_attribute(out: &mut String, key: &str, value: &str) {
    out.push(' ');
    out.push_str(key);
    out.push_str("=\"");
    push_all_escaped(out, value);
    out.push('"');
}

/// A tag that is open.
struct Open {
    tag: &'static Tag,
    /// What may stand in it here.
    holds: Content,
    /// Of a link: what it leads to, and how much text there was when it began.
    link: Option<(Destination, usize)>,
}

/// What a link leads to.
enum Destination {
    Address(String),
    /// An object that is shown by its name.
    Object,
    /// An object that is shown by the text in the link.
    Called(i64),
}

/// Writes both forms while the tags go by.
struct Writer<'a> {
    html: String,
    text: Lines,
    references: Gids,
    unaddressed: Gids,
    open: Vec<Open>,
    /// The content of a mention is for the reader and not kept.
    silent: bool,
    /// A tag without content just now, `<hr>`, which may or may not be followed by its end.
    just_now: &'static str,
    /// The body has been closed.
    done: bool,
    name: &'a mut dyn FnMut(i64) -> String,
}

impl<'a> Writer<'a> {
    fn new(size: usize, name: &'a mut dyn FnMut(i64) -> String) -> Writer<'a> {
        Writer {
            html: String::with_capacity(size),
            text: Lines { text: String::with_capacity(size), ended: false, cells: false },
            references: Gids::default(),
            unaddressed: Gids::default(),
            open: Vec::new(),
            silent: false,
            just_now: "",
            done: false,
            name,
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), RichTextError> {
        self.just_now = "";
        let name = start.name().0;
        let tag = TAGS.iter().find(|tag| tag.name == name).ok_or(RichTextError::Invalid)?;
        let around = self.open.last().map_or(BODY, |open| open.holds);
        let fits = around & tag.is != 0 || tag.kept.is_empty();
        if !fits || self.open.len() >= MAX_DEPTH {
            return Err(RichTextError::Invalid);
        }
        let attributes = attributes_of(start, tag)?;
        if tag.is & LINES_OF_THEIR_OWN != 0 {
            self.text.end_line();
        }
        match tag.is {
            ROW => self.text.cells = false,
            CELL => self.text.start_cell(),
            _ => {}
        }
        if tag.holds == 0 {
            match tag.is {
                IMAGE => self.show_image(&attributes)?,
                _ => self.html.push_str("<hr />"),
            }
            self.just_now = tag.name;
            return Ok(());
        }
        let holds = if tag.is & WITHIN_A_LINE != 0 { around & tag.holds } else { tag.holds };
        let mut link = None;
        if tag.is == LINK {
            let target = self.start_link(&attributes)?;
            link = Some((target, self.text.text.len()));
        } else if !tag.kept.is_empty() && !self.silent {
            self.html.push('<');
            self.html.push_str(tag.kept);
            for (key, value) in &attributes {
                push_attribute(&mut self.html, key, value);
            }
            self.html.push('>');
        }
        self.open.push(Open { tag, holds, link });
        Ok(())
    }

    fn start_link(&mut self, attributes: &[(&'static str, String)]) -> Result<Destination, RichTextError> {
        let of = |name| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.trim());
        let href = of(HREF).filter(|href| !href.is_empty());
        let addressed = href.and_then(from_path);
        let named = match of(GID) {
            Some(_) => Some(gid_of(of(GID))?),
            // A reader who may not see an object has nothing of it but the address.
            None => addressed.filter(|_| of(ACCESSIBLE) == Some("false")).map(|reference| reference.gid),
        };
        if let Some(gid) = named {
            // The same holds for the project of a task that the reader sees elsewhere.
            let project = match of(PROJECT) {
                None => addressed.filter(|reference| reference.gid == gid).and_then(|reference| reference.project),
                project => Some(gid_of(project)?),
            };
            let is_dynamic = of(DYNAMIC) != Some("false");
            self.html.push_str("<a");
            push_attribute(&mut self.html, GID, &gid.to_string());
            if let Some(project) = project {
                push_attribute(&mut self.html, PROJECT, &project.to_string());
            }
            self.refer(gid, href.is_some());
            if !is_dynamic {
                push_attribute(&mut self.html, DYNAMIC, "false");
                self.html.push('>');
                return Ok(Destination::Called(gid));
            }
            self.html.push_str("/>");
            let name = (self.name)(gid);
            self.text.push(&name);
            self.silent = true;
            return Ok(Destination::Object);
        }
        let href = href.ok_or(RichTextError::NoTarget)?;
        if !PROTOCOLS.iter().any(|protocol| is_address(href, protocol)) {
            return Err(RichTextError::Protocol);
        }
        self.html.push_str("<a");
        push_attribute(&mut self.html, HREF, href);
        self.html.push('>');
        Ok(Destination::Address(href.to_owned()))
    }

    fn show_image(&mut self, attributes: &[(&'static str, String)]) -> Result<(), RichTextError> {
        let of = |name| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.trim());
        let gid = gid_of(of(GID))?;
        self.html.push_str("<img");
        push_attribute(&mut self.html, GID, &gid.to_string());
        self.html.push_str("/>");
        self.refer(gid, of(SOURCE).is_some() || of(DELETED).is_some());
        let name = (self.name)(gid);
        self.text.push(&name);
        self.text.end_line();
        Ok(())
    }

    fn refer(&mut self, gid: i64, has_address: bool) {
        self.references.add(gid);
        if !has_address {
            self.unaddressed.add(gid);
        }
    }

    fn end(&mut self, name: &str) -> Result<(), RichTextError> {
        if std::mem::take(&mut self.just_now) == name {
            return Ok(());
        }
        let Some(open) = self.open.pop_if(|open| open.tag.name == name) else {
            let missing = self.open.iter().any(|open| open.tag.name == name);
            return Err(if missing { RichTextError::Unclosed } else { RichTextError::Invalid });
        };
        match open.link {
            Some((Destination::Object, _)) => {
                self.silent = false;
                return Ok(());
            }
            Some((Destination::Address(href), length)) if self.text.text.len() == length => self.text.push(&href),
            Some((Destination::Called(gid), length)) if self.text.text.len() == length => {
                let name = (self.name)(gid);
                self.text.push(&name);
            }
            _ => {}
        }
        if !open.tag.kept.is_empty() && !self.silent {
            self.html.push_str("</");
            self.html.push_str(open.tag.kept);
            self.html.push('>');
        }
        if open.tag.is & LINES_OF_THEIR_OWN != 0 {
            self.text.end_line();
        }
        self.done = self.open.is_empty();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), RichTextError> {
        self.just_now = "";
        let holds_text = self.open.last().is_some_and(|open| open.holds & TEXT != 0);
        // White space between the items of a list or the cells of a table is layout.
        if !holds_text && !text.chars().all(|char| matches!(char, ' ' | '\t' | '\n')) {
            return Err(RichTextError::Invalid);
        }
        if self.silent {
            return Ok(());
        }
        for char in text.chars() {
            push_escaped(&mut self.html, char);
        }
        if holds_text {
            self.text.push(text);
        }
        Ok(())
    }

    fn finish(self) -> Result<RichText, RichTextError> {
        if !self.done {
            return Err(RichTextError::Unclosed);
        }
        let (references, unaddressed) = (self.references.all, self.unaddressed.all);
        Ok(RichText { html: self.html, text: self.text.text, references, unaddressed })
    }
}

/// Gids in the order in which they came, each once.
#[derive(Default)]
struct Gids {
    all: Vec<i64>,
    known: HashSet<i64>,
}

impl Gids {
    fn add(&mut self, gid: i64) {
        if self.known.insert(gid) {
            self.all.push(gid);
        }
    }
}

fn gid_of(digits: Option<&str>) -> Result<i64, RichTextError> {
    digits.and_then(gid::parse).ok_or(RichTextError::Invalid)
}

fn is_address(href: &str, protocol: &str) -> bool {
    href.len() > protocol.len() && href.as_bytes()[..protocol.len()].eq_ignore_ascii_case(protocol.as_bytes())
}

/// The attributes of a tag that are kept, in the order of the table.
fn attributes_of(start: &BytesStart<'_>, tag: &Tag) -> Result<Vec<(&'static str, String)>, RichTextError> {
    let mut found = Vec::new();
    for (count, attribute) in start.attributes().enumerate() {
        // Each is compared with all before it, to find any that is there twice.
        if count >= MAX_ATTRIBUTES {
            return Err(RichTextError::Invalid);
        }
        let attribute = attribute.map_err(|_| RichTextError::Invalid)?;
        match tag.attributes.iter().position(|name| *name == attribute.key.0) {
            Some(place) => found.push((place, tag.attributes[place], attribute_value(&attribute.value)?)),
            None if tag.others == Others::Refused => return Err(RichTextError::Invalid),
            None => {}
        }
    }
    found.sort_by_key(|(place, _, _)| *place);
    Ok(found.into_iter().map(|(_, name, value)| (name, value)).collect())
}

/// The plain text: what is in the tags, with blocks, items and rows on lines of their own and tabs between cells.
struct Lines {
    text: String,
    /// What comes next belongs on a new line.
    ended: bool,
    /// There is a cell in this row already.
    cells: bool,
}

impl Lines {
    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // A line break in the text itself, before or after the block, is the new line.
        if self.ended && !self.text.is_empty() && !self.text.ends_with('\n') && !text.starts_with('\n') {
            self.text.push('\n');
        }
        self.ended = false;
        self.text.push_str(text);
    }

    fn end_line(&mut self) {
        self.ended = true;
    }

    fn start_cell(&mut self) {
        if self.cells {
            self.push("\t");
        }
        self.cells = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;

    fn html(sent: &str) -> String {
        parse(sent).unwrap_or_else(|error| panic!("{sent}: {error}")).html
    }

    fn text(sent: &str) -> String {
        parse(sent).unwrap_or_else(|error| panic!("{sent}: {error}")).text
    }

    fn refusal(sent: &str) -> String {
        match parse(sent) {
            Ok(rich) => panic!("{sent} was accepted as {}", rich.html),
            Err(error) => error.to_string(),
        }
    }

    /// Without the `<body>` around it, for brevity.
    fn inside(sent: &str) -> String {
        let html = html(&format!("<body>{sent}</body>"));
        html["<body>".len()..html.len() - "</body>".len()].to_owned()
    }

    fn text_inside(sent: &str) -> String {
        text(&format!("<body>{sent}</body>"))
    }

    fn refusal_inside(sent: &str) -> String {
        refusal(&format!("<body>{sent}</body>"))
    }

    const INVALID: &str = "XML is invalid";
    const NO_BODY: &str = "Rich text should be wrapped in <body> tag.";
    const BRACKET: &str = "XML is invalid: Malformed rich text. Found < or > that was not part of tag.";
    const UNCLOSED: &str = "XML is invalid: Malformed rich text. XML tag was not closed.";
    const NO_TARGET: &str = "One of data-asana-gid or href is required in anchor attributes";
    const PROTOCOL: &str = "invalid protocol in HREF field";

    #[test]
    fn a_body_is_around_it() {
        assert_eq!(html("<body></body>"), "<body></body>");
        assert_eq!(html(" \n<body>a</body>\r\n"), "<body>a</body>");
        assert_eq!(html("<body/>"), "<body></body>");
        assert_eq!(html("<body class=\"x\">a</body>"), "<body>a</body>");
        for sent in [
            "",
            " ",
            "text",
            "<b>a</b>",
            "<BODY>a</BODY>",
            "<bodyguard>a</bodyguard>",
            "a<body>b</body>",
            "<body>a</body>b",
            "<body></body><body></body>",
            "<?xml version=\"1.0\"?><body></body>",
            "<!DOCTYPE body><body></body>",
            "<html><body></body></html>",
            "<body",
        ] {
            assert_eq!(refusal(sent), NO_BODY, "{sent}");
        }
    }

    #[test]
    fn tags_take_their_normal_form() {
        for (sent, kept) in [
            ("<b>a</b>", "<strong>a</strong>"),
            ("<i>a</i>", "<em>a</em>"),
            ("<u>a</u><s>b</s><code>c</code>", "<u>a</u><s>b</s><code>c</code>"),
            ("<span style=\"color:red\">a<b>b</b></span>", "a<strong>b</strong>"),
            ("<ul class=\"x\"><li data-y=\"z\">a</li></ul>", "<ul><li>a</li></ul>"),
            ("<ul><li>a<ol><li>b</li></ol></li></ul>", "<ul><li>a<ol><li>b</li></ol></li></ul>"),
            ("<ul>\n  <li>a</li>\n</ul>", "<ul>\n  <li>a</li>\n</ul>"),
            ("a<hr>b", "a<hr />b"),
            ("a<hr/>b<hr></hr>c", "a<hr />b<hr />c"),
            ("<strong/>", "<strong></strong>"),
            ("<pre data-language=\"rust\">a &lt; b</pre>", "<pre data-language=\"rust\">a &lt; b</pre>"),
            ("<mark data-color=\"x\">a</mark>", "<mark>a</mark>"),
            (
                "<table><tr><td data-cell-widths=\"120\" width=\"120\">a</td></tr></table>",
                "<table><tr><td width=\"120\" data-cell-widths=\"120\">a</td></tr></table>",
            ),
            ("<h1>a</h1>\n<h2>b</h2><h3>c</h3>", "<h1>a</h1>\n<h2>b</h2><h3>c</h3>"),
            ("<blockquote>a\n<ul><li>b</li></ul></blockquote>", "<blockquote>a\n<ul><li>b</li></ul></blockquote>"),
            ("a\nb\r\nc\rd", "a\nb\nc\nd"),
            ("<strong >a</strong >", "<strong>a</strong>"),
        ] {
            assert_eq!(inside(sent), kept, "{sent}");
        }
    }

    #[test]
    fn entities_take_their_normal_form() {
        for (sent, kept) in [
            ("a & b", "a &amp; b"),
            ("a&b&&c", "a&amp;b&amp;&amp;c"),
            ("&amp;&lt;&gt;&quot;&apos;", "&amp;&lt;&gt;\"'"),
            ("&#65;&#x42;&#13;", "AB\n"),
            ("&rarr; &nbsp;", "&amp;rarr; &amp;nbsp;"),
            ("Q&A: fish; chips", "Q&amp;A: fish; chips"),
            ("&;&#;&#x;&#xg;&#+1;", "&amp;;&amp;#;&amp;#x;&amp;#xg;&amp;#+1;"),
            ("ends with &", "ends with &amp;"),
        ] {
            assert_eq!(inside(sent), kept, "{sent}");
        }
        for sent in ["&#0;", "&#x1F;", "&#xD800;", "&#99999999999;", "\u{1}", "\0", "\u{ffff}"] {
            assert_eq!(refusal_inside(sent), INVALID, "{sent:?}");
        }
    }

    #[test]
    fn other_tags_are_refused() {
        for sent in [
            "<p>a</p>",
            "<br>",
            "<br/>",
            "<div>a</div>",
            "<h4>a</h4>",
            "<del>a</del>",
            "<sub>a</sub>",
            "<th>a</th>",
            "<img src=\"https://example.com/a.png\"/>",
            "<img>",
            "<script>a</script>",
            "<B>a</B>",
            "<x:b>a</x:b>",
            "<body>a</body>",
            "<!-- a -->",
            "<![CDATA[a]]>",
            "<?php ?>",
            "<!ENTITY a \"b\">",
        ] {
            assert_eq!(refusal_inside(sent), INVALID, "{sent}");
        }
    }

    #[test]
    fn tags_have_their_place() {
        for sent in [
            "<li>a</li>",
            "<td>a</td>",
            "<tr><td>a</td></tr>",
            "<ul>a</ul>",
            "<ul><strong>a</strong></ul>",
            "<ul>&amp;</ul>",
            "<ul><span>a</span></ul>",
            "<table>a</table>",
            "<table><tr>a</tr></table>",
            "<table><td>a</td></table>",
            "<strong><ul><li>a</li></ul></strong>",
            "<h1><ul><li>a</li></ul></h1>",
            "<h1><h2>a</h2></h1>",
            "<h1><strong><pre>a</pre></strong></h1>",
            "<pre><code>a</code></pre>",
            "<pre><strong><code>a</code></strong></pre>",
            "<li><h1>a</h1></li>",
            "</b>",
            "</p>",
            "</hr>",
            "<hr> </hr>",
            "<a href=\"https://a.b\"><a href=\"https://a.b\">a</a></a>",
            "<a href=\"https://a.b\"><em><a href=\"https://a.b\">a</a></em></a>",
        ] {
            assert_eq!(refusal_inside(sent), INVALID, "{sent}");
        }
    }

    #[test]
    fn attributes_have_their_tag() {
        for sent in [
            "<strong class=\"x\">a</strong>",
            "<h1 id=\"x\">a</h1>",
            "<pre class=\"x\">a</pre>",
            "<hr class=\"x\"/>",
            "<table border=\"1\"></table>",
            "<strong class=x>a</strong>",
            "<ul class=x></ul>",
            "<ul a=\"\" a=\"\"></ul>",
            "<a data-asana-gid=\"x\"/>",
            "<a data-asana-gid=\"\"/>",
            "<a data-asana-gid=\"-1\"/>",
        ] {
            assert_eq!(refusal_inside(sent), INVALID, "{sent}");
        }
        let many: String = (0..MAX_ATTRIBUTES).map(|n| format!(" a{n}=\"\"")).collect();
        assert_eq!(inside(&format!("<ul{many}></ul>")), "<ul></ul>");
        assert_eq!(refusal_inside(&format!("<ul{many} b=\"\"></ul>")), INVALID);
    }

    #[test]
    fn bare_brackets_are_told_apart() {
        for sent in [
            "a < b",
            "a > b",
            "1 <3",
            "<>",
            "</>",
            "< strong>a</strong>",
            "<strong>a</strong",
            "a<b and c",
            "a <- b",
            "-> a",
            "<pre>a > b</pre>",
            "<a href=\"https://a.b>c</a>",
        ] {
            assert_eq!(refusal_inside(sent), BRACKET, "{sent}");
        }
    }

    #[test]
    fn missing_ends_are_told_apart() {
        for sent in ["<strong>a", "<ul><li>a</ul>", "<b><i>a</b></i>", "<ul><li>a", "<a data-asana-gid=\"1\">"] {
            assert_eq!(refusal_inside(sent), UNCLOSED, "{sent}");
        }
        assert_eq!(refusal("<body>a"), UNCLOSED);
        assert_eq!(refusal("<body>a<b>b</b>"), UNCLOSED);
    }

    #[test]
    fn links_lead_somewhere() {
        assert_eq!(
            inside("<a href='https://a.b/?c=1&d=2&amp;e=\"' target=\"_blank\">x</a>"),
            "<a href=\"https://a.b/?c=1&amp;d=2&amp;e=&quot;\">x</a>"
        );
        assert_eq!(inside("<a href=\" HTTP://a.b\nc \"/>"), "<a href=\"HTTP://a.b c\"></a>");
        assert_eq!(inside("<a href=\"mailto:a@b.c\">x</a>"), "<a href=\"mailto:a@b.c\">x</a>");
        assert_eq!(refusal_inside("<a>x</a>"), NO_TARGET);
        assert_eq!(refusal_inside("<a href=\" \">x</a>"), NO_TARGET);
        for href in
            ["javascript:alert(1)", "/tasks/1", "example.com", "https://", "ftp://a.b", "java\nscript:a", "é://a"]
        {
            assert_eq!(refusal_inside(&format!("<a href=\"{href}\">x</a>")), PROTOCOL, "{href}");
        }
    }

    #[test]
    fn mentions_keep_their_gid_only() {
        let sent = "<body>By <a href=\"https://app.asana.com/0/0/12/f\" data-asana-accessible=\"true\" \
                    data-asana-dynamic=\"true\" data-asana-type=\"user\" data-asana-gid=\"0012\"><strong>@Ann</strong></a>, see \
                    <a data-asana-gid=\"34\"/> and <a data-asana-gid=\"12\"></a></body>";
        let rich = parse(sent).expect("rich text");
        assert_eq!(
            rich.html,
            "<body>By <a data-asana-gid=\"12\"/>, see <a data-asana-gid=\"34\"/> and <a data-asana-gid=\"12\"/></body>"
        );
        assert_eq!((&rich.references[..], &rich.unaddressed[..]), (&[12, 34][..], &[34, 12][..]));
        assert_eq!(references(&rich.html).collect::<Vec<_>>(), [12, 34, 12]);
        assert_eq!(rich.text, "By 12, see 34 and 12");
        assert_eq!(plain(&rich.html, |gid| format!("@{gid}")), "By @12, see @34 and @12");
    }

    #[test]
    fn references_take_their_normal_form() {
        for (sent, kept) in [
            (
                "<a data-asana-gid=\"1\" data-asana-project=\"2\">x</a>",
                "<a data-asana-gid=\"1\" data-asana-project=\"2\"/>",
            ),
            ("<a data-asana-dynamic=\"true\" data-asana-gid=\"1\">x</a>", "<a data-asana-gid=\"1\"/>"),
            (
                "<a data-asana-dynamic=\"false\" data-asana-gid=\"1\" href=\"x\">my <b>own</b></a>",
                "<a data-asana-gid=\"1\" data-asana-dynamic=\"false\">my <strong>own</strong></a>",
            ),
            (
                "<a data-asana-dynamic=\"false\" data-asana-project=\"2\" data-asana-gid=\"1\"/>",
                "<a data-asana-gid=\"1\" data-asana-project=\"2\" data-asana-dynamic=\"false\"></a>",
            ),
            ("a<img data-asana-gid=\"1\">b", "a<img data-asana-gid=\"1\"/>b"),
            ("<img data-asana-gid=\"1\"></img>", "<img data-asana-gid=\"1\"/>"),
            (
                "<img alt=\"x\" data-asana-gid=\"1\" src=\"https://a.b\" data-asana-type=\"attachment\" style=\"\"/>",
                "<img data-asana-gid=\"1\"/>",
            ),
            ("<ul><li><img data-asana-gid=\"1\"/></li></ul>", "<ul><li><img data-asana-gid=\"1\"/></li></ul>"),
            // What a reader may not see comes back as an address.
            ("<a href=\"https://a.b/0/0/1/f\" data-asana-accessible=\"false\">x</a>", "<a data-asana-gid=\"1\"/>"),
            (
                "<a href=\"https://a.b/0/2/1\" data-asana-accessible=\"false\">x</a>",
                "<a data-asana-gid=\"1\" data-asana-project=\"2\"/>",
            ),
            ("<a href=\"https://a.b/0/0/1/f\">x</a>", "<a href=\"https://a.b/0/0/1/f\">x</a>"),
            (
                "<a href=\"https://a.b/0/x/1\" data-asana-accessible=\"false\">x</a>",
                "<a href=\"https://a.b/0/x/1\">x</a>",
            ),
            ("<a href=\"https://1\" data-asana-accessible=\"false\">x</a>", "<a href=\"https://1\">x</a>"),
        ] {
            assert_eq!(inside(sent), kept, "{sent}");
        }
        for sent in [
            "<a data-asana-gid=\"1\" data-asana-project=\"x\"/>",
            "<img data-asana-gid=\"x\"/>",
            "<h1><img data-asana-gid=\"1\"/></h1>",
            "<b><img data-asana-gid=\"1\"/></b>",
            "<img data-asana-gid=\"1\"> </img>",
            "</img>",
        ] {
            assert_eq!(refusal_inside(sent), INVALID, "{sent}");
        }
        let unaddressed = |sent: &str| parse(&format!("<body>{sent}</body>")).expect("rich text").unaddressed;
        assert_eq!(unaddressed("<img data-asana-gid=\"1\"/><a data-asana-gid=\"2\"/>"), [1, 2]);
        assert_eq!(unaddressed("<img data-asana-gid=\"1\" data-asana-deleted=\"true\"/>"), [0; 0]);
        assert_eq!(unaddressed("<a href=\"x\" data-asana-gid=\"2\"/><img src=\"\" data-asana-gid=\"1\"/>"), [0; 0]);
    }

    /// Shows even gids as tasks, and hides odd ones.
    fn shown(kept: &str) -> String {
        expand(kept, |reference| Mention {
            href: format!("https://a.b{}", path_of(reference)),
            target: (reference.gid % 2 == 0).then(|| Target {
                kind: "task",
                name: "<Buy> & \"sell\"".to_owned(),
                project: reference.project,
            }),
        })
    }

    #[test]
    fn mentions_are_filled_in() {
        for (kept, expected) in [
            (
                "See <a data-asana-gid=\"2\"/> and <a data-asana-gid=\"1\"/>.",
                "See <a href=\"https://a.b/0/0/2/f\" data-asana-accessible=\"true\" data-asana-dynamic=\"true\" \
                 data-asana-type=\"task\" data-asana-gid=\"2\">&lt;Buy&gt; &amp; &quot;sell&quot;</a> and \
                 <a href=\"https://a.b/0/0/1/f\" data-asana-accessible=\"false\" data-asana-dynamic=\"true\">Private Link</a>.",
            ),
            (
                "<a data-asana-gid=\"4\" data-asana-project=\"6\"/><a data-asana-gid=\"3\" data-asana-project=\"6\"/>",
                "<a href=\"https://a.b/0/6/4\" data-asana-accessible=\"true\" data-asana-dynamic=\"true\" \
                 data-asana-type=\"task\" data-asana-gid=\"4\" data-asana-project=\"6\">&lt;Buy&gt; &amp; &quot;sell&quot;</a>\
                 <a href=\"https://a.b/0/6/3\" data-asana-accessible=\"false\" data-asana-dynamic=\"true\">Private Link</a>",
            ),
            (
                "<a data-asana-gid=\"2\" data-asana-dynamic=\"false\">my <em>own</em></a>",
                "<a href=\"https://a.b/0/0/2/f\" data-asana-accessible=\"true\" data-asana-dynamic=\"false\" \
                 data-asana-type=\"task\" data-asana-gid=\"2\">my <em>own</em></a>",
            ),
            (
                "<a data-asana-gid=\"1\" data-asana-dynamic=\"false\">x</a>",
                "<a href=\"https://a.b/0/0/1/f\" data-asana-accessible=\"false\" data-asana-dynamic=\"false\">x</a>",
            ),
            (
                "<img data-asana-gid=\"2\"/><img data-asana-gid=\"1\"/>",
                "<img data-asana-gid=\"2\" src=\"https://a.b/0/0/2/f\" data-asana-type=\"attachment\" \
                 alt=\"&lt;Buy&gt; &amp; &quot;sell&quot;\"/>\
                 <img data-asana-gid=\"1\" data-asana-deleted=\"true\" data-asana-type=\"attachment\"/>",
            ),
        ] {
            let (kept, expected) = (format!("<body>{kept}</body>"), format!("<body>{expected}</body>"));
            assert_eq!(shown(&kept), expected);
            assert_eq!(html(&expected), kept);
        }
        let broken = "<a data-asana-gid=\"1\"<a data-asana-gid=\"x\"/><img data-asana-gid=\"2\">";
        assert_eq!(expand(broken, |_| panic!("nothing to fill in")), broken);
        // What looks like a reference in a text is none.
        assert_eq!(references("<body>a data-asana-gid=\"1\"/&gt;</body>").count(), 0);
    }

    #[test]
    fn plain_text_has_lines() {
        for (sent, text) in [
            ("", ""),
            ("a\nb", "a\nb"),
            ("\n a \n", "\n a \n"),
            ("a <b>b</b> &lt; &amp;amp;", "a b < &amp;"),
            ("<h1>Summary</h1>First", "Summary\nFirst"),
            ("<h1>Summary</h1>\nFirst\n\nSecond", "Summary\nFirst\n\nSecond"),
            ("a<ul><li>b</li><li>c</li></ul>d", "a\nb\nc\nd"),
            ("a\n<ul>\n<li>b<ul><li>c</li></ul></li>\n</ul>\nd", "a\nb\nc\nd"),
            ("a<hr>b", "a\nb"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td/><td>d</td></tr></table>e", "a\tb\n\td\ne"),
            ("<blockquote>a</blockquote><pre>b\n  c</pre>", "a\nb\n  c"),
            ("<a href=\"https://a.b\">x</a> <a href=\"https://c.d/?e&f\"></a>", "x https://c.d/?e&f"),
            ("<a data-asana-gid=\"1\" data-asana-dynamic=\"false\">x</a> <a data-asana-gid=\"1\">y</a>", "x 1"),
            ("<a data-asana-gid=\"1\" data-asana-dynamic=\"false\"><b></b></a>", "1"),
            ("a<img data-asana-gid=\"1\"/>b", "a\n1\nb"),
        ] {
            assert_eq!(text_inside(sent), text, "{sent}");
        }
    }

    #[test]
    fn depth_and_length_have_no_power() {
        let deep = |depth| format!("<body>{}a{}</body>", "<b>".repeat(depth), "</b>".repeat(depth));
        assert!(parse(&deep(MAX_DEPTH - 1)).is_ok());
        assert_eq!(refusal(&deep(MAX_DEPTH)), INVALID);
        assert_eq!(refusal(&format!("<body>{}", "<u>".repeat(1_000_000))), INVALID);
        // Each of these is linear; at a megabyte anything else would not end.
        assert!(parse(&format!("<body>{}</body>", "&".repeat(1_000_000))).is_ok());
        assert!(parse(&format!("<body>{}</body>", "&a;".repeat(300_000))).is_ok());
        assert!(parse(&format!("<body><a href=\"https://{}\"/></body>", "&".repeat(1_000_000))).is_ok());
        assert!(parse(&format!("<body>{}</body>", "<a data-asana-gid=\"7\"/>".repeat(50_000))).is_ok());
        assert!(parse(&format!("<body>{}</body>", "<hr>".repeat(250_000))).is_ok());
        assert_eq!(refusal_inside(&"<".repeat(1_000_000)), BRACKET);
    }

    #[test]
    fn plain_text_becomes_rich() {
        assert_eq!(from_plain(""), "<body></body>");
        assert_eq!(from_plain("a < b & \"c\"\n"), "<body>a &lt; b &amp; \"c\"\n</body>");
        assert_eq!(from_plain("a\r\nb\rc\0\u{1f}"), "<body>a\nb\nc</body>");
    }

    #[test]
    fn the_table_is_consistent() {
        for (place, tag) in TAGS.iter().enumerate() {
            assert!(!TAGS[..place].iter().any(|other| other.name == tag.name), "{} is there twice", tag.name);
            let normal = TAGS.iter().find(|other| other.name == tag.kept);
            if let Some(normal) = normal {
                // Or else parsing the normal form again would change it.
                assert!(normal.kept == normal.name && normal.is == tag.is && normal.holds == tag.holds, "{}", tag.name);
            } else {
                assert_eq!(tag.kept, "", "{}", tag.name);
            }
        }
    }

    /// All but what a writer has to see.
    fn parts(rich: RichText) -> (String, String, Vec<i64>) {
        (rich.html, rich.text, rich.references)
    }

    /// Anything a client might send: mostly well-formed, with all allowed tags and some others.
    fn markup() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            4 => "[a-z \n]{0,6}",
            1 => "\\PC{0,4}".prop_map(|text| text.replace(['<', '>'], "")),
            1 => prop::sample::select(vec![
                "&", "&amp;", "&lt;", "&gt;", "&quot;", "&#10;", "&#13;", "&#9;", "&rarr;", "&#x1F600;", "<hr>", "<hr/>", "\r\n", "\t",
                "<a data-asana-gid=\"5\"/>", "<a data-asana-gid=\"6\" data-asana-project=\"7\">x</a>", "<img data-asana-gid=\"8\">",
                "<a href=\"https://a.b?c&d=%20&quot;&#10;\"/>", "<br>", "<", ">",
                "<a href=\"https://a.b/0/7/9\" data-asana-accessible=\"false\"/>",
            ])
            .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(6, 60, 5, |inner| {
            let names: Vec<&str> =
                TAGS.iter().map(|tag| tag.name).filter(|name| !matches!(*name, "hr" | "img")).collect();
            (prop::sample::select(names), prop::collection::vec(inner, 0..5)).prop_map(|(name, inner)| {
                let inner = inner.concat();
                match name {
                    "ul" | "ol" => format!("<{name}><li>{inner}</li> <li/></{name}>"),
                    "li" | "td" | "tr" | "table" => {
                        format!("<table><tr><td width=\"1\">{inner}</td><td/></tr></table>")
                    }
                    "a" if inner.len() % 2 == 0 => format!("<a href=\"https://a.b\">{inner}</a>"),
                    "a" => format!("<a data-asana-dynamic=\"false\" data-asana-gid=\"{}\">{inner}</a>", inner.len()),
                    "body" => inner,
                    name => format!("<{name}>{inner}</{name}>"),
                }
            })
        })
        .prop_map(|inner| format!("<body>{inner}</body>"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_normal_form_is_a_fixed_point(sent in markup()) {
            if let Ok(rich) = parse(&sent) {
                prop_assert_eq!(parse(&rich.html).map(parts), Ok(parts(rich)));
            }
        }

        #[test]
        fn what_is_shown_can_be_sent_back(sent in markup()) {
            if let Ok(rich) = parse(&sent) {
                let back = parse(&shown(&rich.html)).expect("rich text");
                prop_assert_eq!((&back.html, &back.references), (&rich.html, &rich.references));
                prop_assert!(back.unaddressed.is_empty());
                let gids: HashSet<i64> = references(&rich.html).collect();
                prop_assert!(rich.references.iter().all(|gid| gids.contains(gid)));
                prop_assert_eq!(plain(&rich.html, |gid| gid.to_string()), rich.text);
            }
        }

        #[test]
        fn no_text_panics(sent in "\\PC*|(<body>)?([<>/&;\"'= a-z\n]|<b>|</b>|</body>|<a href=|<hr>|<!--|<!\\[CDATA\\[){0,30}(</body>)?") {
            if let Ok(rich) = parse(&sent) {
                prop_assert_eq!(parse(&rich.html).map(parts), Ok(parts(rich)));
            }
        }

        #[test]
        fn plain_text_comes_back(text in "[^\0-\u{8}\u{b}-\u{1f}\u{fffe}\u{ffff}]*") {
            let rich = parse(&from_plain(&text)).expect("rich text");
            prop_assert_eq!(&rich.html, &from_plain(&text));
            prop_assert_eq!(rich.text, text);
        }

        #[test]
        fn all_plain_text_becomes_rich(text in any::<String>()) {
            let html = from_plain(&text);
            prop_assert_eq!(parse(&html).map(|rich| rich.html), Ok(html));
        }
    }

    #[test]
    fn most_of_the_markup_is_accepted() {
        // Or else the fixed point would be tested on hardly anything.
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let accepted =
            (0..1000).filter(|_| parse(&markup().new_tree(&mut runner).expect("a tree").current()).is_ok()).count();
        assert!(accepted > 300, "{accepted} of 1000");
    }
}
