//! The rules between parts, read off the tree: who may hold SQL, who may send, who may write escape sequences, how long a file is.
use std::path::{Path, PathBuf};

use countersign_tests::server::root;
use rstest::rstest;

/// A source file without its tests.
pub(crate) struct Source {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    /// Everything but its test modules.
    pub(crate) text: String,
}

impl Source {
    /// Lines that are code: neither blank nor a comment.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
    }

    /// Where one of these words stands in code.
    fn find(&self, words: &[&str]) -> Vec<String> {
        self.code()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
            .map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim()))
            .collect()
    }

    fn is_named(&self, name: &str) -> bool {
        Path::new(&self.path).file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
    }

    fn is_below(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

/// The sources below a folder, without test modules and test folders.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    let mut sources: Vec<Source> = found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            let text = without_tests(&text);
            let path =
                path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            Source { path, text }
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!sources.is_empty(), "there are no sources in {folder}");
    sources
}

/// A source without its test modules. What stands behind one counts: a rule that could be escaped at the end of a file is none.
fn without_tests(text: &str) -> String {
    const BEGIN: &str = "\n#[cfg(test)]\nmod ";
    let (mut kept, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(BEGIN) {
        kept.push_str(&rest[..=at]);
        let module = &rest[at + BEGIN.len()..];
        // Either `mod tests;` or a block that ends, as the formatter has it, with a brace of its own.
        let first = module.find('\n').unwrap_or(module.len());
        let length = match module[..first].ends_with(';') {
            true => first,
            false => module.find("\n}\n").map_or(module.len(), |at| at + 2),
        };
        rest = &module[length..];
    }
    kept + rest
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_test = name == "tests" || name == "tests.rs";
        if path.is_dir() && !is_test {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            found.push(path);
        }
    }
}

fn product() -> Vec<Source> {
    ["core/src", "adapters/src", "app/src"].into_iter().flat_map(sources).collect()
}

pub(crate) fn expect_none(breaches: impl IntoIterator<Item = String>, rule: &str) {
    let breaches: Vec<String> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

/// SQL stands in `store` files and in `db`.
#[test]
fn only_stores_hold_sql() {
    let macros = ["sqlx::query", "query!(", "query_as!(", "query_scalar!(", "raw_sql(", "QueryBuilder"];
    let may = |source: &Source| {
        source.path.starts_with("core/") && source.is_named("store")
            || source.is_below(&["core/src/db.rs", "core/src/db/"])
    };
    let others = product().into_iter().filter(|source| !may(source));
    expect_none(others.flat_map(|source| source.find(&macros)), "SQL belongs in a store");
}

/// A statement is put together at run time in one place.
#[test]
fn only_the_filter_builds_statements() {
    let others = product().into_iter().filter(|source| source.path != "core/src/db/filter.rs");
    expect_none(
        others.flat_map(|source| source.find(&["QueryBuilder::new", "AssertSqlSafe(format!"])),
        "use the filter",
    );
}

/// Stores take a connection: whoever calls them owns the transaction.
#[test]
fn stores_do_not_open_transactions() {
    let others = sources("core/src").into_iter().filter(|source| source.is_named("store"));
    expect_none(others.flat_map(|source| source.find(&["PgPool", ".begin()"])), "a store takes a connection");
}

/// The core knows no provider and no screen.
#[test]
fn the_core_names_no_provider_and_no_screen() {
    let words =
        ["countersign_adapters", "reqwest", "hyper::", "ratatui", "crossterm", "resend/", "api.resend.com"];
    expect_none(
        sources("core/src").iter().flat_map(|source| source.find(&words)),
        "the core is below the others",
    );
    let manifest = std::fs::read_to_string(root().join("core/Cargo.toml")).expect("a manifest");
    for word in ["countersign-adapters", "reqwest", "ratatui", "crossterm"] {
        assert!(!manifest.contains(word), "core depends on {word}");
    }
}

/// Adapters know no database and no screen.
#[test]
fn adapters_know_no_database_and_no_screen() {
    let words = ["sqlx", "ratatui", "crossterm", "PgPool"];
    expect_none(sources("adapters/src").iter().flat_map(|source| source.find(&words)), "an adapter is pure");
}

/// Where a source sends, or has in hand what could: a call of a transport or of a channel's credential headers, by whatever syntax,
/// outside the dispatcher; a transport outside it, the port and the adapters; HTTP or a socket of the network outside their one place.
fn sends(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.is_below(&["core/src/dispatch/"]) {
        let words = ["exchange(", "::exchange", "wire_headers(", "::wire_headers"];
        let defined = ["fn exchange<'a>(", "fn wire_headers("];
        let calls = source.find(&words).into_iter();
        found.extend(calls.filter(|line| !defined.iter().any(|definition| line.contains(definition))));
    }
    if !source.is_below(&["core/src/dispatch/", "core/src/channel", "adapters/src/"]) {
        found.extend(source.find(&["Transport", ".transport"]));
    }
    if !source.is_below(&["adapters/src/http"]) {
        found.extend(source.find(&["reqwest::"]));
    }
    if !source.is_below(&["adapters/src/http", "adapters/src/sandbox/"]) {
        found.extend(source.find(&[
            "TcpStream",
            "TcpSocket",
            "UdpSocket",
            "hyper::client",
            "hyper_util::client",
        ]));
    }
    // The listener answers over connections that others made.
    if !source.is_below(&["adapters/src/http", "adapters/src/sandbox/", "app/src/listener/"]) {
        found.extend(source.find(&["hyper::"]));
    }
    found
}

/// One transport talks HTTP, and nothing but the dispatcher makes it.
#[test]
fn only_the_dispatcher_sends() {
    expect_none(product().iter().flat_map(sends), "only the dispatcher sends");
}

/// A test module is no part of the product, what stands behind one is.
#[rstest]
#[case("a\n\n#[cfg(test)]\nmod tests;\nb\n", "a\n\n\nb\n")]
#[case("a\n\n#[cfg(test)]\nmod tests {\n    x {\n    }\n}\nb\n", "a\n\n\nb\n")]
#[case("a\n\n#[cfg(test)]\nmod tests {\n    x\n}\n", "a\n\n\n")]
fn only_test_modules_are_left_out(#[case] text: &str, #[case] kept: &str) {
    assert_eq!(without_tests(text), kept);
}

/// The rule above notices what it is there for, wherever it stands.
#[rstest]
#[case("app/src/cli/planted.rs", "let answer = line.transport.exchange(call).await;")]
#[case("app/src/cli/planted.rs", "    .exchange(call)")]
#[case("app/src/cli/planted.rs", "let answer = Transport::exchange(&*transport, call).await;")]
#[case("app/src/cli/planted.rs", "let send = HttpTransport::exchange;")]
#[case("app/src/cli/planted.rs", "fn send_by(transport: &dyn countersign_core::channel::Transport) {}")]
#[case("app/src/cli/planted.rs", "let way = Arc::clone(&line.transport);")]
#[case("app/src/cli/planted.rs", "let headers = line.channel.wire_headers(&credential, &key);")]
#[case("app/src/cli/planted.rs", "let answer = reqwest::get(url).await;")]
#[case("app/src/cli/planted.rs", "let stream = tokio::net::TcpStream::connect(provider).await;")]
#[case("app/src/listener/planted.rs", "let stream = tokio::net::TcpStream::connect(provider).await;")]
#[case("app/src/listener/planted.rs", "use hyper::client::conn::http1;")]
#[case("core/src/approval/planted.rs", "let answer = line.transport.exchange(call).await;")]
#[case("core/src/gate/planted.rs", "use crate::channel::Transport;")]
#[case("core/src/dispatcher.rs", "let answer = line.transport.exchange(call).await;")]
#[case("core/src/channel.rs", "self.transport.exchange(call)")]
#[case("adapters/src/resend/planted.rs", "transport.exchange(call)")]
#[case("adapters/src/resend/planted.rs", "let client = reqwest::Client::new();")]
fn another_way_to_send_is_noticed(#[case] path: &str, #[case] line: &str) {
    let planted = Source { path: path.to_owned(), text: format!("//! Planted.\n{line}\n") };
    assert!(!sends(&planted).is_empty(), "{path} may not hold `{line}`");
}

/// S1, S2: escape sequences are written by the terminal and by nothing else.
#[test]
fn only_the_terminal_writes_escape_sequences() {
    // A panic that a test build may be asked for, hostile on purpose.
    const EXCEPTIONS: &[&str] = &["core/src/fault.rs"];
    let escapes = ["\\x1b", "\\x1B", "\\u{1b}", "\\u{1B}", "\\u{001b}", "\\x9b", "\u{1b}"];
    let others = product()
        .into_iter()
        .filter(|source| !source.is_below(&["app/src/terminal", "app/src/frame", "app/src/clipboard"]))
        .filter(|source| !EXCEPTIONS.contains(&source.path.as_str()));
    expect_none(others.flat_map(|source| source.find(&escapes)), "an escape sequence outside the terminal");
}

/// There is no unsafe code, also where the lint does not look.
#[test]
fn there_is_no_unsafe_code() {
    let everything = product().into_iter().chain(sources("tests/src"));
    expect_none(
        everything.flat_map(|source| source.find(&["unsafe {", "unsafe fn", "unsafe impl"])),
        "no unsafe code",
    );
}

/// A file holds one thing: at most 400 lines of code.
#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    let everything =
        product().into_iter().chain(["tests/src", "tests/tests"].into_iter().flat_map(|folder| {
            // In here everything is a test.
            let mut found = Vec::new();
            walk_all(&root().join(folder), &mut found);
            found
        }));
    let long = everything.filter(|source| source.code().count() > 400);
    expect_none(long.map(|source| format!("{}: {} lines", source.path, source.code().count())), "split it");
}

pub(crate) fn walk_all(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk_all(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            found.push(Source { path: path.to_string_lossy().into_owned(), text });
        }
    }
}

/// A file begins with what it owns.
#[test]
fn every_file_says_what_it_owns() {
    let silent =
        product().into_iter().chain(sources("tests/src")).filter(|source| !source.text.starts_with("//! "));
    expect_none(silent.map(|source| source.path), "a file begins with a `//!` paragraph");
}
