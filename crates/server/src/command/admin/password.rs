//! Where a command gets a password from: never the command line, which others on the machine can read.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use auth::password;
use clap::Args;
use model::Random;

use crate::failure::{Failure, Result};

/// Where the password comes from.
#[derive(Args)]
pub struct PasswordSource {
    /// File whose first line is the password; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Ask for the password on the terminal, without showing it
    #[arg(long, conflicts_with = "password_file")]
    ask_password: bool,
}

/// A password that was given, before anybody has looked at it.
pub struct Given {
    text: String,
    /// Where it stands.
    origin: String,
}

impl PasswordSource {
    /// The password, if one is to be given.
    pub fn read(&self) -> Result<Option<Given>> {
        match (&self.password_file, self.ask_password) {
            (None, false) => Ok(None),
            (None, true) => ask().map(Some),
            (Some(file), _) => {
                let mut text = String::new();
                let read = match file.as_os_str() == "-" {
                    true => io::stdin().read_to_string(&mut text).map(|_| ()),
                    false => fs::read_to_string(file).map(|read| text = read),
                };
                read.map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
                let text = text.lines().next().unwrap_or_default().to_owned();
                Ok(Some(Given { text, origin: format!("{}: ", file.display()) }))
            }
        }
    }

    /// The password, asked for when nothing else is said.
    pub fn require(&self) -> Result<Given> {
        match self.read()? {
            Some(given) => Ok(given),
            None if io::stdin().is_terminal() => ask(),
            None => {
                Err(Failure::usage("--password-file FILE, or --ask-password on a terminal: where is the password?"))
            }
        }
    }
}

impl Given {
    /// What is kept of it, if somebody with this e-mail address may have it.
    pub async fn digest(self, email: &str, random: &Random) -> Result<String> {
        if let Some(refusal) = password::refusal(&self.text, email) {
            return Err(Failure::usage(format_args!("{}{refusal}", self.origin)));
        }
        let random = random.clone();
        let digest = tokio::task::spawn_blocking(move || password::digest(&random, &self.text)).await;
        digest.map_err(Failure::new)
    }
}

fn ask() -> Result<Given> {
    let prompt =
        |text| rpassword::prompt_password(text).map_err(|error| Failure::new(format_args!("password: {error}")));
    let text = prompt("Password: ")?;
    if prompt("The same again: ")? != text {
        return Err(Failure::usage("password: The second is not the same as the first"));
    }
    Ok(Given { text, origin: String::new() })
}
