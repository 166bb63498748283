//! Who acts: the user who runs this process, or the operator named by `--as`, by that operator's token. A token comes from a variable
//! or a file and never from an argument, which everybody on the machine can read.
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use color_eyre::eyre::Result;
use countersign_core::actor::Actor;
use countersign_core::company::Company;
use countersign_core::error::Error;
use countersign_core::operator;
use countersign_core::safe_text::SafeText;
use countersign_core::secret::SecretText;
use sqlx::PgPool;

use crate::exit::{Code, Fault};

/// The longest file that is read for a token.
const FILE_LIMIT_BYTES: u64 = 1024;

/// As whom a command acts.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    operator: Option<String>,
    token: Option<SecretText>,
}

impl Caller {
    /// Takes what the command line and the environment say; a file wins over the variable.
    pub(crate) fn new(
        operator: Option<String>,
        file: Option<&Path>,
        variable: Option<SecretText>,
    ) -> Result<Self> {
        let token = match file {
            Some(file) => Some(read(file)?),
            None => variable,
        };
        Ok(Self { operator, token })
    }

    /// The operator behind this process, in that company.
    pub(crate) async fn actor(&self, pool: &PgPool, company: &Company) -> Result<Actor> {
        let user = user()?;
        let name = match &self.operator {
            Some(name) if *name != user => name,
            _ => return self.in_person(pool, company, &user).await,
        };
        let Some(token) = &self.token else {
            let name = SafeText::line(name).truncated(100);
            let sentence = format!(
                "you are {user}: acting as {name} needs a token of {name}, in COUNTERSIGN_TOKEN or a file named by --token-file; an admin makes one with `countersign operators token {name}`"
            );
            return Err(Fault { code: Code::Refused, sentence }.into());
        };
        let actor = operator::token::authenticate(pool, company.id, name, token, &user).await;
        Ok(actor.map_err(Fault::from)?)
    }

    async fn in_person(&self, pool: &PgPool, company: &Company, user: &str) -> Result<Actor> {
        let mut conn = pool.acquire().await.map_err(Error::from).map_err(Fault::from)?;
        let found = operator::store::find(&mut conn, company.id, user).await.map_err(Fault::from)?;
        found.ok_or_else(|| {
            let name = SafeText::line(user);
            let sentence = format!(
                "{name} is not an operator of {}; an admin can run `countersign operators add {name} --role approver`",
                company.slug
            );
            Fault { code: Code::Refused, sentence }.into()
        })
    }
}

/// Reads a token from a file that only its owner can read. A final line end does not belong to it.
fn read(path: &Path) -> Result<SecretText> {
    let place = SafeText::line(&path.display().to_string()).to_string();
    let refuse = |problem: String| Fault::usage(format!("--token-file {place}: {problem}"));
    let mut file = std::fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| refuse(error.to_string()))?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        return Err(refuse(format!("others can read it; run `chmod 600 {place}`")).into());
    }
    let mut text = String::new();
    file.by_ref()
        .take(FILE_LIMIT_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| refuse("it holds no token".to_owned()))?;
    let text = SecretText::new(text);
    Ok(SecretText::new(text.expose().trim_end().to_owned()))
}

/// The name of the user who runs this process, from the user database and not from a variable.
pub(crate) fn user() -> Result<String> {
    whoami::username().map_err(|error| {
        Fault { code: Code::Failed, sentence: format!("the user's name cannot be found: {error}") }.into()
    })
}
