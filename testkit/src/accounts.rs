//! A page's accounts, made as people make them: by `katydid passwd`.
//!
//! In: nothing. Out: a file of users for `--web-login`, and the tokens it prints once.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::katydid::Katydid;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// Two people, `ada` who operates (`correct horse`) and `bob` who looks (`battery staple`), and a token for each role.
#[derive(Debug)]
pub struct Accounts {
    /// Where the file is.
    pub folder: Scratch,
    /// An operator's token.
    pub operator: String,
    /// A viewer's.
    pub viewer: String,
}

impl Accounts {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or does not make them.
    pub fn new() -> Result<Self> {
        let folder = Scratch::new()?;
        let passwd = |arguments: &[&str], input: &str| {
            Katydid::new()?
                .args(["passwd", "users.toml"])
                .args(arguments)
                .input(input)?
                .in_dir(folder.path())
                .run_to_end(PATIENCE)?
                .expect_code(0)
        };
        passwd(&["ada"], "correct horse\n")?;
        passwd(&["bob", "--role", "viewer"], "battery staple\n")?;
        let operator = passwd(&["ci", "--token"], "")?.stdout;
        let viewer = passwd(&["watch", "--token", "--role", "viewer"], "")?.stdout;
        Ok(Self {
            operator: operator.trim().to_owned(),
            viewer: viewer.trim().to_owned(),
            folder,
        })
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// When its path is no text.
    pub fn file(&self) -> Result<String> {
        let file = self.folder.path().join("users.toml");
        Ok(file.to_str().context("a path without text")?.to_owned())
    }
}
