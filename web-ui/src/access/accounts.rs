//! The file that says who may use the page: `katydid passwd` writes it, `--web-login` reads it.
//!
//! In: TOML with `[[user]]` (name, role, argon2 hash) and `[[token]]` (name, role, SHA-256). Out: accounts that passwords and tokens are
//! checked against; or what is wrong with the file, for a person.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Serialize};

use super::secret::{self, Secret};
use super::{Role, Visitor};

/// Characters a password has at least.
pub const MIN_PASSWORD: usize = 8;
/// Bytes a password has at most: hashing takes longer for more.
const MAX_PASSWORD: usize = 1_024;
/// Characters a name has at most.
const MAX_NAME: usize = 64;

/// What the file says on top.
const PREFACE: &str = "# Who may use Katydid's page and API. Written by `katydid passwd`; read by --web-login, again when it changes.\n\
                       # Roles: operator (everything), viewer (look and download).\n\n";

/// Who is checked when nobody has the name, so that an answer takes as long as any other.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

/// All accounts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    #[serde(default, rename = "user", skip_serializing_if = "Vec::is_empty")]
    users: Vec<User>,
    #[serde(default, rename = "token", skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
}

/// Somebody with a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: String,
    role: Role,
    /// A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    password: String,
}

/// A program with a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    name: String,
    role: Role,
    /// SHA-256 of the token, base64url without padding.
    sha256: String,
}

/// Why accounts cannot be read or changed; a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsError(String);

impl std::fmt::Display for AccountsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AccountsError {}

impl Accounts {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// When it is no such file: where, and what to do.
    pub fn read(text: &str) -> Result<Self, AccountsError> {
        let accounts: Self =
            toml::from_str(text).map_err(|error| AccountsError(error.to_string().trim_end().to_owned()))?;
        for user in &accounts.users {
            check_name(&user.name)?;
            if !PasswordHash::new(&user.password)
                .is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"))
            {
                return Err(AccountsError(format!(
                    "the password of `{}` is no argon2 hash: let `katydid passwd` write it",
                    user.name
                )));
            }
        }
        for token in &accounts.tokens {
            check_name(&token.name)?;
            if secret::read_fingerprint(&token.sha256).is_none() {
                return Err(AccountsError(format!(
                    "the token `{}` is no SHA-256 in base64url: let `katydid passwd --token` write it",
                    token.name
                )));
            }
        }
        let names = accounts.users.iter().map(|user| &user.name);
        let twice = names
            .clone()
            .enumerate()
            .find(|(at, name)| names.clone().take(*at).any(|before| before == *name));
        if let Some((_, name)) = twice {
            return Err(AccountsError(format!("there are two users called `{name}`")));
        }
        Ok(accounts)
    }

    /// The file's text.
    ///
    /// # Errors
    ///
    /// When it cannot be written as TOML.
    pub fn write(&self) -> Result<String, AccountsError> {
        let body = toml::to_string(self).map_err(|error| AccountsError(error.to_string()))?;
        Ok(format!("{PREFACE}{body}"))
    }

    /// Whether nobody could log in or use the API.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// Whether somebody is here as they were before: with the same role and password.
    pub(super) fn has_same_user(&self, before: &Self, name: &str) -> bool {
        let [here, there] = [self, before].map(|all| all.users.iter().find(|user| user.name == name));
        here.is_some() && here == there
    }

    /// Gives somebody a password, and says whether they are new.
    ///
    /// # Errors
    ///
    /// A name or a password that cannot be one.
    pub fn set_password(&mut self, name: &str, password: &str, role: Role) -> Result<bool, AccountsError> {
        check_name(name)?;
        if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
            return Err(AccountsError(format!(
                "a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters"
            )));
        }
        let user = User {
            name: name.to_owned(),
            role,
            password: hash(password)?,
        };
        match self.users.iter_mut().find(|known| known.name == name) {
            Some(known) => {
                *known = user;
                Ok(false)
            }
            None => {
                self.users.push(user);
                Ok(true)
            }
        }
    }

    /// Makes an API token, to be shown once; an older one of this name ends.
    ///
    /// # Errors
    ///
    /// A name that cannot be one, no randomness.
    pub fn set_token(&mut self, name: &str, role: Role) -> Result<String, AccountsError> {
        check_name(name)?;
        let secret = Secret::random()
            .ok_or_else(|| AccountsError("the system has no random numbers to give".to_owned()))?;
        let token = Token {
            name: name.to_owned(),
            role,
            sha256: secret::fingerprint_text(secret.text()),
        };
        self.tokens.retain(|known| known.name != name);
        self.tokens.push(token);
        Ok(secret.into_text())
    }

    /// Takes a user, or a token, out; says whether there was one.
    pub fn remove(&mut self, name: &str, is_token: bool) -> bool {
        let before = self.users.len() + self.tokens.len();
        if is_token {
            self.tokens.retain(|token| token.name != name);
        } else {
            self.users.retain(|user| user.name != name);
        }
        self.users.len() + self.tokens.len() < before
    }

    /// Who that is, when the password is theirs. Takes some ten milliseconds of a core, whoever it is.
    pub(super) fn check(&self, name: &str, password: &str) -> Option<Visitor> {
        if password.len() > MAX_PASSWORD {
            return None;
        }
        let user = self.users.iter().find(|user| user.name == name);
        let hash = user.map(|user| &user.password).or(NOBODY.as_ref())?;
        let hash = PasswordHash::new(hash).ok()?;
        let fits = Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok();
        user.filter(|_| fits).map(|user| Visitor {
            name: user.name.as_str().into(),
            role: user.role,
        })
    }

    /// Whose token that is.
    pub(super) fn of_token(&self, token: &str) -> Option<Visitor> {
        // Compared by fingerprint: how long it takes tells nothing about a token.
        let shown = secret::fingerprint(token);
        let token = self
            .tokens
            .iter()
            .find(|token| secret::read_fingerprint(&token.sha256) == Some(shown))?;
        Some(Visitor {
            name: token.name.as_str().into(),
            role: token.role,
        })
    }
}

fn check_name(name: &str) -> Result<(), AccountsError> {
    let count = name.chars().count();
    if count == 0 || count > MAX_NAME || name.trim() != name || name.chars().any(char::is_control) {
        return Err(AccountsError(format!(
            "`{name}` is no name: use 1 to {MAX_NAME} characters without spaces around them"
        )));
    }
    Ok(())
}

/// Argon2id with the crate's parameters, which are OWASP's: 19 MiB, two passes.
fn hash(password: &str) -> Result<String, AccountsError> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| AccountsError(format!("the password cannot be hashed: {error}")))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_is_read_again() {
        let mut accounts = Accounts::default();
        assert_eq!(
            accounts.set_password("ada", "correct horse", Role::Operator),
            Ok(true)
        );
        assert_eq!(
            accounts.set_password("bob b", "battery staple", Role::Viewer),
            Ok(true)
        );
        let token = accounts.set_token("ci", Role::Viewer).unwrap();
        let text = accounts.write().unwrap();
        assert!(!text.contains("horse") && !text.contains(&token), "{text}");
        let read = Accounts::read(&text).unwrap();
        let ada = read.check("ada", "correct horse").unwrap();
        assert_eq!((&*ada.name, ada.role), ("ada", Role::Operator));
        assert_eq!(read.check("bob b", "correct horse"), None);
        assert_eq!(read.check("eve", "nobody has this password"), None);
        assert_eq!(read.of_token(&token).unwrap().role, Role::Viewer);
        assert_eq!(read.of_token("ci"), None);
    }

    #[test]
    fn changing_replaces_and_removing_ends() {
        let mut accounts = Accounts::default();
        accounts
            .set_password("ada", "correct horse", Role::Viewer)
            .unwrap();
        assert_eq!(
            accounts.set_password("ada", "battery staple", Role::Operator),
            Ok(false)
        );
        assert_eq!(accounts.check("ada", "correct horse"), None);
        assert_eq!(
            accounts.check("ada", "battery staple").unwrap().role,
            Role::Operator
        );
        let old = accounts.set_token("ci", Role::Viewer).unwrap();
        let new = accounts.set_token("ci", Role::Viewer).unwrap();
        assert!(accounts.of_token(&old).is_none() && accounts.of_token(&new).is_some());
        assert!(
            accounts.remove("ci", true) && accounts.remove("ada", false) && !accounts.remove("ada", false)
        );
        assert!(accounts.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| Accounts::read(text).unwrap_err().to_string();
        assert!(
            said("[[user]]\nname = \"ada\"\n").contains("missing field"),
            "{}",
            said("[[user]]\nname = \"ada\"\n")
        );
        let plain = "[[user]]\nname = \"ada\"\nrole = \"operator\"\npassword = \"plain\"\n";
        assert_eq!(
            said(plain),
            "the password of `ada` is no argon2 hash: let `katydid passwd` write it"
        );
        assert!(
            said("[[user]]\nname = \"ada\"\nrole = \"root\"\npassword = \"\"\n").contains("unknown variant")
        );
        let mut accounts = Accounts::default();
        for (name, password) in [
            ("", "long enough"),
            (" a", "long enough"),
            ("a\nb", "long enough"),
            ("a", "short"),
        ] {
            assert!(
                accounts.set_password(name, password, Role::Viewer).is_err(),
                "{name:?} {password:?}"
            );
        }
    }
}
