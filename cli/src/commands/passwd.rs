//! `katydid passwd`: writes who may use the page and its API.
//!
//! In: [`PasswdSettings`], a password from the terminal or a pipe. Out: the accounts file, readable by its owner only; for a
//! token, the token on stdout, this once.

use std::io::{self, IsTerminal, Write as _};
use std::path::Path;

use anyhow::{Context, anyhow};
use katydid_web_ui::access::{Accounts, MIN_PASSWORD, Role};

use crate::exit_code::{CommandError, Exit};
use crate::problem::{Problem, Problems};
use crate::settings::{AccountChange, PasswdSettings};
use crate::terminal::Terminal;

/// Changes the file.
///
/// # Errors
///
/// A file that cannot be read or written, a name or a password that cannot be one, nobody to take out.
pub(super) fn passwd(settings: &PasswdSettings, terminal: &Terminal) -> Result<Exit, CommandError> {
    let PasswdSettings {
        file,
        name,
        token,
        change,
    } = settings;
    let mut accounts = read(file)?;
    match change {
        AccountChange::Remove => {
            if !accounts.remove(name, *token) {
                let what = if *token { "token" } else { "user" };
                return Err(wrong(format!("{} has no {what} called `{name}`", file.display())));
            }
            write(file, &accounts)?;
            terminal.note(&format!("`{name}` is out of {}", file.display()));
        }
        AccountChange::Set(role) if *token => {
            let secret = accounts
                .set_token(name, *role)
                .map_err(|error| wrong(error.to_string()))?;
            write(file, &accounts)?;
            terminal.note(&format!(
                "The token `{name}` ({role}) is in {}. This is the only time it is shown; send it as \
                 `Authorization: Bearer TOKEN`:",
                file.display()
            ));
            terminal.print(&secret).context("cannot write to stdout")?;
        }
        AccountChange::Set(role) => set_password(&mut accounts, file, name, *role, terminal)?,
    }
    Ok(Exit::Passed)
}

fn set_password(
    accounts: &mut Accounts,
    file: &Path,
    name: &str,
    role: Role,
    terminal: &Terminal,
) -> Result<(), CommandError> {
    let password = ask(name)?;
    let is_new = accounts
        .set_password(name, &password, role)
        .map_err(|error| wrong(error.to_string()))?;
    write(file, accounts)?;
    let what = if is_new { "is" } else { "has a new password" };
    terminal.note(&format!("`{name}` ({role}) {what} in {}", file.display()));
    Ok(())
}

/// Asks twice on a terminal; reads one line from a pipe.
fn ask(name: &str) -> Result<String, CommandError> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .context("cannot read the password from stdin")?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    let prompt = |text: String| rpassword::prompt_password(text).context("cannot ask for the password");
    let password = prompt(format!(
        "Password for {name} (at least {MIN_PASSWORD} characters): "
    ))?;
    if prompt("The same again: ".to_owned())? == password {
        Ok(password)
    } else {
        Err(wrong(
            "these were two different passwords; nothing has changed".to_owned(),
        ))
    }
}

fn read(file: &Path) -> Result<Accounts, CommandError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Accounts::read(&text).map_err(|error| wrong(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Accounts::default()),
        Err(error) => Err(wrong(format!("cannot read {}: {error}", file.display()))),
    }
}

/// Replaces the file as a whole: a Katydid that starts meanwhile reads the old or the new one.
fn write(file: &Path, accounts: &Accounts) -> Result<(), CommandError> {
    let text = accounts.write().map_err(|error| wrong(error.to_string()))?;
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(file).map_err(|error| error.error)
    });
    written.map_err(|error| anyhow!("cannot write {}: {error}", file.display()))?;
    Ok(())
}

fn wrong(message: String) -> CommandError {
    Problems::from(Problem::new(message)).into()
}
