//! Configuration: one TOML file, overridden by `COUNTERSIGN_*`, overridden by flags. Everything is checked here, once; the rest of the
//! program sees typed values. Unknown keys are refused, in the file with their line.
mod listener;
mod overlay;
mod shape;

use std::path::Path;
use std::time::Duration;

use countersign_adapters::{Given, Reached};
use countersign_core::channel::ChannelName;
use countersign_core::db::phase::PhasesOff;

pub(crate) use self::listener::{Listening, parse_listen};
pub(crate) use self::overlay::Environment;
use self::shape::Shape;
pub(crate) use self::shape::{Borders, parse_days, parse_duration};

/// What is configured.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Another database than the private one; may hold a password.
    pub(crate) database_url: Option<countersign_core::secret::SecretText>,
    /// Parts of the schema that are not used.
    pub(crate) phases_off: PhasesOff,
    /// Where the provider of each channel is reached, and by which version of its API.
    pub(crate) channels: Vec<Reached>,
    /// Everything but the wire.
    pub(crate) dry_run: bool,
    /// How the dispatcher works.
    pub(crate) dispatcher: countersign_core::dispatch::Settings,
    /// Whether and how it is listened to providers and clients of the API.
    pub(crate) listener: Listening,
    /// The console's theme.
    pub(crate) theme: ThemeChoice,
    /// What the console draws lines with.
    pub(crate) borders: Borders,
    /// Most verbose level that is logged.
    pub(crate) log_level: tracing::Level,
    /// An operator's token, for `--as`.
    pub(crate) token: Option<countersign_core::secret::SecretText>,
    /// Key material by text instead of by file.
    pub(crate) master_key: Option<countersign_core::secret::SecretText>,
}

/// The theme that is configured. Whether there is one of that name is known when the console opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThemeChoice {
    /// Its name.
    pub(crate) name: String,
    /// Where that was said, to begin a complaint with; empty for the default.
    pub(crate) origin: String,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something unknown or wrong.
    #[error("configuration {path}, line {line}: {problem}")]
    File {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A variable says something unknown or wrong.
    #[error("variable {name}: {problem}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A value is of the right type and still not usable.
    #[error("{0}")]
    Value(String),
}

impl Config {
    /// Reads file and environment.
    pub(crate) fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Unreadable { path: shown, source }),
        };
        let refuse = |error: &toml::de::Error| ConfigError::File {
            line: error
                .span()
                .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1),
            problem: overlay::one_line(error.message()),
            path: shown.clone(),
        };
        // Once by itself, so that an error has a line of the file; then with the variables on top.
        toml::from_str::<Shape>(&text).map_err(|error| refuse(&error))?;
        let mut table: toml::Table = toml::from_str(&text).map_err(|error| refuse(&error))?;
        environment.lay_over(&mut table)?;
        let shape: Shape = table
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Value(overlay::one_line(error.message())))?;
        let mut config = Self::from_shape(&shape, environment)?;
        if let Some(variable) = environment.sets("COUNTERSIGN_CONSOLE__THEME") {
            config.theme.origin = format!("variable {variable}: ");
        } else if let Some(line) = theme_line(&text) {
            config.theme.origin = format!("configuration {shown}, line {line}: ");
        }
        Ok(config)
    }

    fn from_shape(shape: &Shape, environment: &Environment) -> Result<Self, ConfigError> {
        let given = &shape.channels;
        let channels = [
            (ChannelName::Email, &given.email),
            (ChannelName::CalCom, &given.cal_com),
            (ChannelName::Linkedin, &given.linkedin),
            (ChannelName::Whatsapp, &given.whatsapp),
            (ChannelName::Instagram, &given.instagram),
        ]
        .into_iter()
        .map(|(channel, given)| {
            let given = Given {
                base_url: given.base_url.as_deref(),
                templates_base_url: given.templates_base_url.as_deref(),
                version: given.api_version.as_deref(),
            };
            Reached::read(channel, given)
        })
        .collect::<Result<_, _>>()
        .map_err(|error| ConfigError::Value(error.to_string()))?;
        let defaults = countersign_core::dispatch::Settings::default();
        let dispatcher = countersign_core::dispatch::Settings {
            lease: within("dispatcher.lease", shape.dispatcher.lease, defaults.lease, 1_000, 600_000)?,
            poll: within("dispatcher.poll", shape.dispatcher.poll, defaults.poll, 50, 60_000)?,
            max_in_flight: bounded(
                "dispatcher.max_in_flight",
                shape.dispatcher.max_in_flight,
                defaults.max_in_flight,
                1_024,
            )?,
            batch: bounded("dispatcher.batch", shape.dispatcher.batch, defaults.batch, 200)?,
            worker: defaults.worker,
            slow_after: defaults.slow_after,
            looks: defaults.looks,
        };
        let level = shape.log.level.as_deref().unwrap_or("info");
        let log_level = level.parse().map_err(|_| {
            ConfigError::Value(format!(
                "log.level: `{}` is not error, warn, info, debug or trace",
                overlay::one_line(level)
            ))
        })?;
        Ok(Self {
            database_url: environment.database_url.clone(),
            phases_off: PhasesOff::parse(shape.database.phases_off.iter().map(String::as_str))
                .map_err(|error| ConfigError::Value(format!("database.phases_off: {error}")))?,
            channels,
            dry_run: environment.dry_run,
            dispatcher,
            listener: listener::read(&shape.listener)?,
            theme: ThemeChoice {
                name: shape.console.theme.clone().unwrap_or_else(|| "default".to_owned()),
                origin: String::new(),
            },
            borders: shape.console.borders.unwrap_or_default(),
            log_level,
            token: environment.token.clone(),
            master_key: environment.master_key.clone(),
        })
    }
}

/// The line of the file that names the theme, from 1.
fn theme_line(text: &str) -> Option<usize> {
    #[derive(serde::Deserialize)]
    struct File {
        console: Named,
    }
    #[derive(serde::Deserialize)]
    struct Named {
        theme: toml::Spanned<String>,
    }
    let file: File = toml::from_str(text).ok()?;
    let start = file.console.theme.span().start;
    Some(text.get(..start)?.matches('\n').count() + 1)
}

fn within(
    name: &str,
    value: Option<Duration>,
    default: Duration,
    least: u64,
    most: u64,
) -> Result<Duration, ConfigError> {
    match value {
        None => Ok(default),
        Some(value) if (Duration::from_millis(least)..=Duration::from_millis(most)).contains(&value) => {
            Ok(value)
        }
        Some(_) => Err(ConfigError::Value(format!("{name}: use {least} ms to {most} ms"))),
    }
}

fn bounded(name: &str, value: Option<usize>, default: usize, most: usize) -> Result<usize, ConfigError> {
    match value {
        None => Ok(default),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(_) => Err(ConfigError::Value(format!("{name}: use 1 to {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Environment::from_variables(variables)
            .and_then(|environment| Config::load(&path, &environment))
            .map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = load("[dispatcher]\nbatch = 10\nbach = 20\n", &[]).unwrap_err();
        assert!(error.starts_with("configuration FILE, line 3: unknown field `bach`"), "{error}");
    }

    #[test]
    fn the_keys_of_all_five_channels_are_known() {
        for channel in ["email", "cal-com", "linkedin", "whatsapp", "instagram"] {
            load(&format!("[channels.{channel}]\n"), &[]).unwrap();
        }
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let file = "[channels.email]\nbase_url = \"https://mail.example.com\"\n";
        let config =
            load(file, &[("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", "http://127.0.0.1:4010")]).unwrap();
        let mail = config.channels.iter().find(|reached| reached.channel == ChannelName::Email).unwrap();
        assert!(mail.base.is_loopback());
        let config = load("", &[("COUNTERSIGN_CHANNELS__CAL_COM__API_VERSION", "2026-02-25")]).unwrap();
        let booking = config.channels.iter().find(|reached| reached.channel == ChannelName::CalCom).unwrap();
        assert_eq!(booking.version.as_deref(), Some("2026-02-25"));
    }

    /// S17: templates have a host of their own, which is led elsewhere along with the channel or by itself.
    #[test]
    fn templates_are_read_where_they_are_or_where_their_channel_goes() {
        let host = |file: &str| {
            let config = load(file, &[]).unwrap();
            let chat =
                config.channels.iter().find(|reached| reached.channel == ChannelName::Whatsapp).unwrap();
            chat.templates.as_ref().map(|base| base.host_label().to_owned())
        };
        assert_eq!(host("").as_deref(), Some("content.twilio.com"));
        assert_eq!(host("[channels.whatsapp]\nbase_url = \"http://127.0.0.1:9\"\n"), None);
        let by_itself = "[channels.whatsapp]\ntemplates_base_url = \"http://127.0.0.1:9\"\n";
        assert_eq!(host(by_itself).as_deref(), Some("127.0.0.1:9"));
        for (channel, url, said) in [
            ("whatsapp", "http://169.254.169.254", "use https://content.twilio.com"),
            ("email", "https://templates.example.com", "reads no templates"),
        ] {
            let error =
                load(&format!("[channels.{channel}]\ntemplates_base_url = \"{url}\"\n"), &[]).unwrap_err();
            let key = format!("channels.{channel}.templates_base_url: ");
            assert!(error.contains(&key) && error.contains(said), "{error}");
        }
    }

    /// A version stands in a path or a header of every request, so only one that is written like one is taken.
    #[rstest::rstest]
    #[case("cal-com", "tomorrow")]
    #[case("cal-com", "2026-02-25\\r\\nx: y")]
    #[case("linkedin", "2026-07")]
    #[case("instagram", "26")]
    #[case("whatsapp", "2010-04-01")]
    fn a_version_that_is_none_is_refused(#[case] channel: &str, #[case] version: &str) {
        let file = format!("[channels.{channel}]\napi_version = \"{version}\"\n");
        let error = load(&file, &[]).unwrap_err();
        assert!(error.contains(&format!("channels.{channel}.api_version")), "{error}");
    }

    #[test]
    fn an_unknown_variable_is_refused_by_name() {
        let error = load("", &[("COUNTERSIGN_DISPATCHER__BACH", "3")]).unwrap_err();
        assert!(error.contains("COUNTERSIGN_DISPATCHER__BACH") && error.contains("bach"), "{error}");
        let error = load("", &[("COUNTERSIGN_NONSENSE", "3")]).unwrap_err();
        assert!(error.contains("COUNTERSIGN_NONSENSE"), "{error}");
    }

    /// S17: only loopback may be plain http, and the reason is said.
    #[rstest::rstest]
    #[case("http://10.0.0.1")]
    #[case("http://169.254.169.254")]
    #[case("ftp://127.0.0.1")]
    #[case("https://user:pass@mail.example.com")]
    fn a_base_url_that_leads_astray_is_refused(#[case] url: &str) {
        let error = load("", &[("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", url)]).unwrap_err();
        assert!(error.contains("channels.email.base_url"), "{error}");
        assert!(!error.contains("user:pass"), "{error}");
    }

    #[rstest::rstest]
    #[case("true", Some(true))]
    #[case("false", Some(false))]
    #[case("1", None)]
    fn dry_run_is_true_or_false_and_nothing_else(#[case] value: &str, #[case] expected: Option<bool>) {
        assert_eq!(load("", &[("AIMETIER_CRM_DRY_RUN", value)]).ok().map(|config| config.dry_run), expected);
    }

    #[rstest::rstest]
    #[case("[database]\nphases_off = [\"b\", \"c\"]\n", None)]
    #[case("[database]\nphases_off = \"b,c\"\n", None)]
    #[case("", Some("b,c"))]
    fn phases_are_switched_off_in_the_file_or_by_a_variable(
        #[case] file: &str,
        #[case] variable: Option<&str>,
    ) {
        let variables: Vec<_> =
            variable.into_iter().map(|value| ("COUNTERSIGN_DATABASE__PHASES_OFF", value)).collect();
        let config = load(file, &variables).unwrap();
        assert!(config.phases_off.contains('b'));
    }

    #[rstest::rstest]
    #[case("[\"a\"]", "everything needs it")]
    #[case("[\"z\"]", "not a phase")]
    #[case("7", "letters of phases")]
    fn what_cannot_be_switched_off_is_named(#[case] value: &str, #[case] expected: &str) {
        let error = load(&format!("[database]\nphases_off = {value}\n"), &[]).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[rstest::rstest]
    #[case("listen = \"off\"", None)]
    #[case("", Some("127.0.0.1:8787"))]
    #[case("listen = \"[::1]:0\"", Some("[::1]:0"))]
    fn it_is_listened_on_loopback_unless_told_otherwise(#[case] line: &str, #[case] place: Option<&str>) {
        let config = load(&format!("[listener]\n{line}\n"), &[]).unwrap();
        assert_eq!(config.listener.place.map(|place| place.to_string()).as_deref(), place);
    }

    #[rstest::rstest]
    #[case("listen = \"8787\"", "listener.listen")]
    #[case("listen = \"localhost:8787\"", "listener.listen")]
    #[case("public_url = \"http://crm.example.com\"", "listener.public_url")]
    #[case("public_url = \"https://crm.example.com?a=1\"", "listener.public_url")]
    #[case("header_timeout = \"1ms\"", "listener.header_timeout")]
    #[case("lisen = \"off\"", "unknown field `lisen`")]
    fn a_listener_that_cannot_be_is_refused(#[case] line: &str, #[case] named: &str) {
        let error = load(&format!("[listener]\n{line}\n"), &[]).unwrap_err();
        assert!(error.contains(named), "{error}");
    }

    #[test]
    fn limits_are_stated() {
        assert!(load("[dispatcher]\nbatch = 0\n", &[]).unwrap_err().contains("use 1 to 200"));
        assert!(load("[dispatcher]\nlease = \"100ms\"\n", &[]).unwrap_err().contains("use 1000 ms to"));
    }
}
