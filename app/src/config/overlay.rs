//! Environment variables over the file: `COUNTERSIGN_A__B` is key `b` of table `a`; `-` is written `_`.
use countersign_core::safe_text::SafeText;
use countersign_core::secret::SecretText;

use super::ConfigError;
use super::shape::Shape;

const PREFIX: &str = "COUNTERSIGN_";

/// Variables with this prefix that are not configuration keys.
const OTHERS: &[&str] = &["COUNTERSIGN_MASTER_KEY", "COUNTERSIGN_PREPARE_URL", "COUNTERSIGN_TOKEN"];

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(super) database_url: Option<SecretText>,
    pub(super) dry_run: bool,
    pub(super) master_key: Option<SecretText>,
    pub(super) token: Option<SecretText>,
    keys: Vec<(String, String)>,
}

impl Environment {
    /// Reads the variables of this process.
    pub(crate) fn of_process() -> Result<Self, ConfigError> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => variables.push((name, value)),
                // A setting that cannot be read must not be taken for one that is absent.
                Err(_)
                    if name.starts_with(PREFIX)
                        || ["DATABASE_URL", "AIMETIER_CRM_DRY_RUN"].contains(&name.as_str()) =>
                {
                    return Err(ConfigError::Variable {
                        name,
                        problem: "it is not text in UTF-8".to_owned(),
                    });
                }
                Err(_) => {}
            }
        }
        Self::from_variables(variables.into_iter())
    }

    /// Reads given variables.
    pub(crate) fn from_variables(
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut environment = Self::default();
        for (name, value) in variables {
            match name.as_str() {
                "DATABASE_URL" if !value.is_empty() => {
                    environment.database_url = Some(SecretText::new(value));
                }
                "AIMETIER_CRM_DRY_RUN" => {
                    environment.dry_run = match value.as_str() {
                        "true" => true,
                        "false" | "" => false,
                        _ => {
                            return Err(ConfigError::Variable {
                                name,
                                problem: "say true or false".to_owned(),
                            });
                        }
                    }
                }
                "COUNTERSIGN_MASTER_KEY" if !value.is_empty() => {
                    environment.master_key = Some(SecretText::new(value));
                }
                "COUNTERSIGN_TOKEN" if !value.is_empty() => {
                    environment.token = Some(SecretText::new(value));
                }
                other if other.starts_with(PREFIX) && !is_other(other) => {
                    environment.keys.push((name, value));
                }
                _ => {}
            }
        }
        environment.keys.sort();
        Ok(environment)
    }

    /// The name back, if this variable says something about the configuration.
    pub(super) fn sets<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.keys.iter().any(|(key, _)| key == name).then_some(name)
    }

    /// Puts the variables into the table, each checked by itself so that an error names it.
    pub(super) fn lay_over(&self, table: &mut toml::Table) -> Result<(), ConfigError> {
        for (name, value) in &self.keys {
            let refuse = |problem: String| ConfigError::Variable { name: one_line(name), problem };
            let path: Vec<String> =
                name[PREFIX.len()..].split("__").map(|part| spelled(&part.to_lowercase())).collect();
            if path.len() < 2 {
                return Err(refuse(
                    "no such setting; keys are written COUNTERSIGN_<TABLE>__<KEY>".to_owned(),
                ));
            }
            let mut last = None;
            // A variable is only text; the first reading that the key accepts is the right one.
            for reading in readings(value) {
                let mut alone = toml::Table::new();
                insert(&mut alone, &path, reading.clone());
                match alone.try_into::<Shape>() {
                    Ok(_) => {
                        insert(table, &path, reading);
                        last = None;
                        break;
                    }
                    Err(error) => last = Some(one_line(error.message())),
                }
            }
            if let Some(problem) = last {
                return Err(refuse(problem));
            }
        }
        Ok(())
    }
}

/// Whether a variable with our prefix is no configuration key. Test builds know one more.
fn is_other(name: &str) -> bool {
    OTHERS.contains(&name) || countersign_core::fault::VARIABLE == Some(name)
}

/// Channel names have a hyphen that a variable cannot have.
fn spelled(part: &str) -> String {
    if part == "cal_com" { "cal-com".to_owned() } else { part.to_owned() }
}

fn readings(value: &str) -> Vec<toml::Value> {
    let number = value.parse::<i64>().ok().map(toml::Value::Integer);
    number.into_iter().chain([toml::Value::String(value.to_owned())]).collect()
}

fn insert(table: &mut toml::Table, path: &[String], value: toml::Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let entry = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

/// Foreign text in an error: one safe line.
pub(super) fn one_line(text: &str) -> String {
    SafeText::block(text).as_str().replace('\n', "; ").chars().take(300).collect()
}
