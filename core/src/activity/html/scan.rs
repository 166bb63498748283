//! Reads HTML from its first tag to its last: visible words, hidden words, links, fetches. Builds no tree: what is not nested in
//! order is named, because readers differ in what they make of it.
use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use html5gum::{HtmlString, Tokenizer};

use super::colour::Colour;
use super::excerpt;
use super::few::Few;
use super::link::Link;
use super::style::Style;

/// Deeper tags are not followed.
const LIMIT_DEPTH: usize = 256;
/// So many links are told.
const LIMIT_LINKS: usize = 200;
/// So many of anything else are told.
const LIMIT: usize = 20;
/// Characters kept of one hidden text.
const LIMIT_HIDDEN: usize = 1_000;

const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
const INLINE: &[&str] = &["a", "b", "code", "em", "font", "i", "small", "span", "strong", "u"];
const BLOCK: &[&str] = &[
    "blockquote",
    "body",
    "br",
    "center",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "li",
    "meta",
    "ol",
    "p",
    "pre",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];
/// Closed by whatever cannot stand in them.
const CLOSED_BY_OTHERS: &[&str] = &["p", "li", "td", "th", "tr", "tbody", "thead", "body", "html", "head"];
const ACTIVE: &[&str] = &[
    "applet", "audio", "base", "bgsound", "button", "embed", "form", "frame", "frameset", "iframe", "input",
    "link", "marquee", "object", "script", "select", "svg", "textarea", "video",
];
const FETCHES: &[&str] =
    &["src", "srcset", "background", "poster", "data", "lowsrc", "dynsrc", "longdesc", "xlink:href"];
const WORDS: &[&str] = &["alt", "title", "aria-label", "label", "placeholder", "summary", "value"];
const HARMLESS: &[&str] =
    &["align", "charset", "class", "id", "lang", "rel", "role", "target", "valign", "xmlns"];

/// An element that is open.
#[derive(Clone, Debug)]
struct Open {
    name: String,
    ink: Colour,
    paper: Colour,
    link: Option<usize>,
    /// Where hidden words go; the inner value is `None` if there were too many.
    hidden: Option<Option<usize>>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Scan {
    /// What a reader sees, with a line break wherever a block begins or ends.
    pub(super) visible: String,
    pub(super) links: Few<Link>,
    pub(super) unjudged: Few<String>,
    pub(super) pictures: usize,
    pub(super) comments: usize,
    /// How, and which words.
    hidden: Few<(String, String)>,
    alarms: Few<String>,
    stack: Vec<Open>,
    /// Whether anything visible was said yet.
    has_words: bool,
}

impl Scan {
    pub(super) fn of(html: &str) -> Self {
        let mut scan = Self {
            visible: String::new(),
            links: Few::up_to(LIMIT_LINKS),
            unjudged: Few::up_to(LIMIT),
            pictures: 0,
            comments: 0,
            hidden: Few::up_to(LIMIT),
            alarms: Few::up_to(LIMIT),
            stack: Vec::new(),
            has_words: false,
        };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            scan.take(token);
        }
        if scan.stack.iter().any(|open| !CLOSED_BY_OTHERS.contains(&open.name.as_str())) {
            scan.is_out_of_order();
        }
        scan
    }

    /// What is hidden, fetched or active, each as a sentence.
    pub(super) fn sentences(&self) -> Vec<String> {
        let hidden =
            self.hidden.kept().iter().filter(|(how, text)| how != "title" || !text.trim().is_empty());
        let mut sentences: Vec<String> = hidden
            .map(|(how, text)| match excerpt(text) {
                words if words.is_empty() => format!("the HTML hides by {}", excerpt(how)),
                words => format!("the HTML hides by {}: {words}", excerpt(how)),
            })
            .collect();
        sentences.extend(self.alarms.kept().iter().cloned());
        let more = self.hidden.more() + self.alarms.more();
        if more > 0 {
            sentences.push(format!("the HTML hides or fetches more, in {more} further places"));
        }
        sentences
    }

    fn take(&mut self, token: Token) {
        match token {
            Token::StartTag(tag) => self.start(&tag),
            Token::EndTag(tag) => self.end(&text(&tag.name)),
            Token::String(words) => self.words(&text(&words)),
            Token::Comment(comment) => {
                self.comments += 1;
                let comment = text(&comment);
                if comment.to_ascii_lowercase().contains("[if")
                    || comment.to_ascii_lowercase().contains("[endif")
                {
                    self.alarm(format!(
                        "the HTML has a comment that some mail programs show: {}",
                        excerpt(&comment)
                    ));
                }
            }
            Token::Doctype(_) => {}
            // Readers differ in what they make of it.
            Token::Error(error) => self.unjudged.name(format!("malformed ({})", error.as_str())),
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = text(&tag.name);
        while self.stack.last().is_some_and(|open| closes(&name, &open.name)) {
            self.stack.pop();
        }
        self.check_place(&name);
        let (ink, paper) = (Colour::BLACK, Colour::WHITE);
        let mut open = self.stack.last().cloned().unwrap_or_else(|| Open {
            name: String::new(),
            ink,
            paper,
            link: None,
            hidden: None,
        });
        open.name.clone_from(&name);
        if ACTIVE.contains(&name.as_str()) {
            self.alarm(format!("the HTML has <{name}>"));
        } else if name == "img" {
            self.picture(tag);
        } else if !INLINE.contains(&name.as_str()) && !BLOCK.contains(&name.as_str()) {
            self.unjudged.name(format!("<{}>", excerpt(&name)));
        }
        if name == "title" {
            self.hide(&mut open, "title");
        }
        for (attribute, value) in &tag.attributes {
            self.attribute(&mut open, &text(attribute), &text(value));
        }
        if !INLINE.contains(&name.as_str()) {
            self.end_line();
        }
        if VOID.contains(&name.as_str()) {
            return;
        }
        if self.stack.len() < LIMIT_DEPTH {
            self.stack.push(open);
        } else {
            self.unjudged.name(format!("tags nested deeper than {LIMIT_DEPTH}"));
        }
    }

    /// Late pages and links in links are put elsewhere by readers.
    fn check_place(&mut self, name: &str) {
        let is_page = matches!(name, "html" | "head" | "body");
        let is_late = is_page
            && (self.has_words
                || self.stack.iter().any(|open| !matches!(open.name.as_str(), "html" | "head")));
        let is_nested_link = name == "a" && self.stack.last().is_some_and(|open| open.link.is_some());
        if is_late || is_nested_link {
            self.is_out_of_order();
        }
    }

    fn attribute(&mut self, open: &mut Open, name: &str, value: &str) {
        match (open.name.as_str(), name) {
            ("a", "href") => {
                open.link = self.links.push(Link { label: String::new(), target: value.to_owned() });
            }
            (_, "style") => self.style(open, value),
            (_, "hidden") => self.hide(open, "hidden"),
            ("font", "color") => match Colour::parse(value) {
                Some(colour) => open.ink = colour,
                None => self.unjudged.name("attribute color".to_owned()),
            },
            (_, "bgcolor") => match Colour::parse(value) {
                Some(colour) => open.paper = colour,
                None => self.unjudged.name("attribute bgcolor".to_owned()),
            },
            ("meta", "http-equiv") if value.eq_ignore_ascii_case("content-type") => {}
            ("meta", "http-equiv") => self.alarm(format!("the HTML has <meta> {}", excerpt(value))),
            ("meta", "content" | "name") => {}
            ("img", "src" | "srcset" | "width" | "height") => {}
            (_, name) if FETCHES.contains(&name) => {
                self.alarm(format!("the HTML fetches {} for <{}>", excerpt(value), excerpt(&open.name)));
            }
            (_, name) if WORDS.contains(&name) => {
                if !value.trim().is_empty() {
                    self.hidden
                        .push((format!("attribute {name}"), value.chars().take(LIMIT_HIDDEN).collect()));
                }
            }
            (_, "border" | "cellpadding" | "cellspacing")
                if value.parse::<u8>().is_ok_and(|cells| cells <= 40) => {}
            (_, "width") if is_wide(value) => {}
            (_, name) if HARMLESS.contains(&name) => {}
            (_, name) if name.starts_with("on") => {
                self.alarm(format!("the HTML has a script in attribute {}", excerpt(name)));
            }
            (_, name) => self.unjudged.name(format!("attribute {}", excerpt(name))),
        }
    }

    fn style(&mut self, open: &mut Open, value: &str) {
        let style = Style::of(value);
        if let Some(how) = style.hides {
            self.hide(open, &how);
        }
        if let Some(what) = style.fetches {
            self.alarm(format!("the HTML fetches by style: {}", excerpt(&what)));
        }
        open.ink = style.ink.unwrap_or(open.ink);
        open.paper = style.paper.unwrap_or(open.paper);
        style.unjudged.into_iter().for_each(|name| self.unjudged.name(name));
    }

    fn picture(&mut self, tag: &StartTag<()>) {
        self.pictures += 1;
        let value = |name: &str| tag.attributes.get(name.as_bytes()).map(|value| text(value));
        let source = value("src").or_else(|| value("srcset")).unwrap_or_default();
        let is_small = |name: &str| {
            let number =
                value(name).and_then(|value| value.trim_end_matches("px").trim().parse::<u32>().ok());
            number.is_some_and(|number| number <= 1)
        };
        let place = source.trim().to_ascii_lowercase();
        let what =
            if is_small("width") || is_small("height") { "a picture nobody sees" } else { "a picture" };
        if place.starts_with("data:") || place.starts_with("cid:") {
            self.alarm(format!("the HTML holds {what}; its content is not shown here"));
        } else {
            self.alarm(format!(
                "the HTML fetches {what}, which tells the sender who reads: {}",
                excerpt(&source)
            ));
        }
    }

    fn words(&mut self, words: &str) {
        let open = self.stack.last();
        let name = open.map_or("", |open| open.name.as_str());
        if matches!(name, "style" | "script") {
            let lower = words.to_ascii_lowercase();
            if lower.contains("url") || lower.contains("@import") {
                self.alarm(format!("the HTML fetches by <{name}>: {}", excerpt(words)));
            }
            return;
        }
        let is_between_cells = matches!(name, "table" | "tbody" | "thead" | "tr") && !words.trim().is_empty();
        if let Some(Open { hidden: Some(place), .. }) = open {
            if let Some((_, hidden)) = place.and_then(|place| self.hidden.at(place)) {
                let room = LIMIT_HIDDEN.saturating_sub(hidden.chars().count());
                hidden.extend(words.chars().take(room));
            }
            return;
        }
        let is_blank = words.trim().is_empty();
        if !is_blank && open.is_some_and(|open| !open.ink.can_be_read_on(open.paper)) {
            let words = words.chars().take(LIMIT_HIDDEN).collect();
            self.hidden.push(("the colour of its background".to_owned(), words));
            return;
        }
        self.has_words |= !is_blank;
        let link = open.and_then(|open| open.link);
        // A line break in the source is no line break on the screen.
        let words = words.replace(['\n', '\r'], " ");
        if let Some(link) = link.and_then(|link| self.links.at(link)) {
            link.label.push_str(&words);
        }
        self.visible.push_str(&words);
        if is_between_cells {
            self.is_out_of_order();
        }
    }

    fn end(&mut self, name: &str) {
        while self.stack.last().is_some_and(|open| {
            open.name != name && name != "p" && CLOSED_BY_OTHERS.contains(&open.name.as_str())
        }) && self.stack.iter().any(|open| open.name == name)
        {
            self.stack.pop();
        }
        if self.stack.last().is_some_and(|open| open.name == name) {
            self.stack.pop();
        } else {
            self.is_out_of_order();
            if let Some(place) = self.stack.iter().rposition(|open| open.name == name) {
                self.stack.truncate(place);
            }
        }
        if !INLINE.contains(&name) {
            self.end_line();
        }
    }

    /// Words in it are hidden from now on; what is inside something hidden stays there.
    fn hide(&mut self, open: &mut Open, how: &str) {
        let place = self.hidden.push((how.to_owned(), String::new()));
        open.hidden.get_or_insert(place);
    }

    fn end_line(&mut self) {
        if !self.visible.ends_with('\n') {
            self.visible.push('\n');
        }
    }

    fn alarm(&mut self, sentence: String) {
        self.alarms.push(sentence);
    }

    fn is_out_of_order(&mut self) {
        self.unjudged.name("tags out of order".to_owned());
    }
}

fn text(raw: &HtmlString) -> String {
    String::from_utf8_lossy(raw).into_owned()
}

/// Whether a tag ends the element that is open, as the standard says.
fn closes(tag: &str, open: &str) -> bool {
    match open {
        "p" => BLOCK.contains(&tag) && tag != "br" && tag != "meta",
        "li" => tag == "li",
        "td" | "th" => matches!(tag, "td" | "th" | "tr" | "tbody"),
        "tr" => matches!(tag, "tr" | "tbody"),
        "thead" | "tbody" => tag == "tbody",
        "head" => tag == "body",
        _ => false,
    }
}

fn is_wide(value: &str) -> bool {
    match value.strip_suffix('%') {
        Some(part) => part.parse::<u32>().is_ok_and(|part| (20..=100).contains(&part)),
        None => value.parse::<u32>().is_ok_and(|cells| (120..=1_000).contains(&cells)),
    }
}
