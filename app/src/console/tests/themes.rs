//! Theme files: what is shipped is whole, what users write is checked, and nothing is known by colour alone.
use rstest::rstest;

use crate::console::theme::{self, Role, Source, written};

const SHIPPED: [&str; 4] = ["default", "mono", "high-contrast", "colour-blind-safe"];

fn load(name: &str, files: &[(&str, &str)]) -> Result<Vec<(&'static str, String)>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let result = theme::load(name, folder.path()).map(theme::read);
    result.map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "DIR"))
}

fn look(roles: &[(&str, String)], role: Role) -> String {
    roles.iter().find(|(name, _)| *name == role.name()).map(|(_, look)| look.clone()).unwrap()
}

#[test]
fn each_shipped_theme_defines_every_role() {
    let all = ["default", "mono", "high-contrast", "colour-blind-safe"];
    for name in all {
        let text =
            std::fs::read_to_string(format!("{}/../themes/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let file: toml::Table = toml::from_str(&text).unwrap();
        let roles: Vec<&str> = file["roles"].as_table().unwrap().keys().map(String::as_str).collect();
        for role in Role::ALL {
            assert!(roles.contains(&role.name()), "{name} lacks {}", role.name());
        }
        assert_eq!(roles.len(), Role::ALL.len(), "{name}");
    }
}

#[test]
fn the_default_uses_the_sixteen_colours_and_mono_uses_none() {
    for (role, look) in load("default", &[]).unwrap() {
        assert!(!look.contains('#') && !look.contains("fg = 1") && !look.contains("bg ="), "{role}: {look}");
    }
    for (role, look) in load("mono", &[]).unwrap() {
        assert!(!look.contains("fg =") && !look.contains("bg ="), "{role}: {look}");
    }
    let safe = load("colour-blind-safe", &[]).unwrap();
    assert!(safe.iter().all(|(_, look)| !look.contains("red") && !look.contains("green")), "{safe:?}");
}

#[rstest]
fn the_cursor_differs_from_plain_text(#[values(0, 1, 2, 3)] theme: usize) {
    let roles = load(SHIPPED[theme], &[]).unwrap();
    for role in [Role::Selected, Role::Tab] {
        assert_ne!(look(&roles, role), look(&roles, Role::Plain), "{}", SHIPPED[theme]);
    }
}

#[test]
fn a_file_patches_the_theme_it_is_based_on() {
    let file =
        "base = \"high-contrast\"\n[roles]\ngood = { fg = \"#00aaff\", bold = true }\nwarn = { fg = 214 }\n";
    let mine = load("mine", &[("mine.toml", file)]).unwrap();
    let base = load("high-contrast", &[]).unwrap();
    assert_eq!(look(&mine, Role::Good), "{ fg = \"#00aaff\", bold = true }");
    assert_eq!(look(&mine, Role::Warn), "{ fg = 214 }");
    let others = |roles: &[(&'static str, String)]| {
        let others = roles.iter().filter(|(name, _)| !["good", "warn"].contains(name));
        others.cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&mine), others(&base));
}

#[test]
fn a_file_of_a_shipped_name_changes_that_theme() {
    let mine = load("mono", &[("mono.toml", "[roles]\nbad = { reverse = true }\n")]).unwrap();
    assert_eq!(look(&mine, Role::Bad), "{ reverse = true }");
    assert_eq!(look(&mine, Role::Selected), look(&load("mono", &[]).unwrap(), Role::Selected));
}

#[test]
fn what_is_shown_can_be_saved_as_a_file() {
    for name in SHIPPED {
        let shown = load(name, &[]).unwrap();
        let lines: Vec<String> = shown.iter().map(|(role, look)| format!("{role} = {look}\n")).collect();
        let file = format!("[roles]\n{}", lines.concat());
        assert_eq!(load("copy", &[("copy.toml", &file)]).unwrap(), shown, "{name}");
    }
}

#[rstest]
#[case("[roles]\nwarn = { fg = \"red\" }\nbadd = { fg = \"red\" }\n", 3, "`badd`", "`selected`")]
#[case("[roles]\nwarn = { fg = \"gren\" }\n", 2, "`gren` is not a colour", "bright-black")]
#[case("[roles]\nwarn = { fg = 256 }\n", 2, "`256` is not a colour", "0 to 255")]
#[case("[roles]\nwarn = { fg = \"#12345g\" }\n", 2, "`#12345g` is not a colour", "#rrggbb")]
#[case("[roles]\nwarn = { fg = \"#+12345\" }\n", 2, "`#+12345` is not a colour", "#rrggbb")]
#[case("[roles]\n\nwarn = { blink = true }\n", 3, "`blink`", "`underline`")]
#[case("[roles]\nwarn = { bold = 1 }\n", 2, "bool", "")]
#[case("# mine\nbase = \"solar\"\n", 2, "`solar` is not a shipped theme", "high-contrast")]
#[case("roles = 3\n", 1, "", "")]
#[case("palette = {}\n", 1, "`palette`", "`base`")]
fn a_wrong_file_is_refused_with_its_line_and_what_is_allowed(
    #[case] file: &str,
    #[case] line: usize,
    #[case] what: &str,
    #[case] allowed: &str,
) {
    let error = load("mine", &[("mine.toml", file)]).unwrap_err();
    assert!(error.starts_with(&format!("theme DIR/mine.toml, line {line}: ")), "{error}");
    assert!(error.contains(what) && error.contains(allowed), "{error}");
}

#[test]
fn an_unknown_theme_names_those_there_are() {
    let error = load("solar", &[("mine.toml", "")]).unwrap_err();
    assert!(error.contains("no theme `solar`") && error.contains("colour-blind-safe, mine"), "{error}");
    assert!(error.contains("DIR/solar.toml"), "{error}");
}

/// A name is no path.
#[rstest]
#[case("../config")]
#[case("")]
#[case("a/b")]
#[case("\u{1b}[2J")]
fn a_name_that_leads_elsewhere_is_refused(#[case] name: &str) {
    let error = load(name, &[]).unwrap_err();
    assert!(error.contains("is not a theme's name") && !error.contains('\u{1b}'), "{error}");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let file = "#".repeat(65_537);
    assert!(load("mine", &[("mine.toml", &file)]).unwrap_err().contains("longer than 65536 bytes"));
}

#[test]
fn the_list_says_where_each_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mono.toml", "mine.toml", "notes.txt", "No Name.toml"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let found = theme::found(folder.path()).unwrap();
    let found: Vec<(&str, Source)> = found.iter().map(|found| (found.name.as_str(), found.source)).collect();
    assert_eq!(
        found,
        [
            ("default", Source::Shipped),
            ("mono", Source::Changed),
            ("high-contrast", Source::Shipped),
            ("colour-blind-safe", Source::Shipped),
            ("mine", Source::File),
        ]
    );
}

#[test]
fn an_empty_look_is_written_as_one() {
    assert_eq!(written(ratatui::style::Style::new()), "{}");
}
