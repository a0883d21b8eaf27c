//! A test with a page, seen from the terminal it was started on: how the run under way is doing, and keys.
//!
//! In: pictures, key presses. Out: a progress line or tables while a run is under way, wishes for more or fewer users.

use std::sync::Arc;
use std::time::Duration;

use katydid_master::report::text::{self, Rates};
use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::Picture;
use katydid_web_ui::Wish;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::conduct::next_key;
use super::progress;
use crate::keys::{self, Keys};
use crate::settings::Screen;
use crate::terminal::Terminal;

/// Time between two tables, as in a run without a page.
const TABLE_EVERY: Duration = Duration::from_secs(2);

/// Somebody at the terminal.
#[derive(Debug)]
pub(super) struct Onlooker {
    pub(super) terminal: Arc<Terminal>,
    pub(super) screen: Screen,
    pub(super) pictures: watch::Receiver<Arc<Picture>>,
    pub(super) wishes: mpsc::Sender<Wish>,
}

impl Onlooker {
    /// Watches until nothing more will be seen.
    pub(super) async fn watch(mut self) {
        let mut keys = Keys::listen();
        let has_keys = keys.is_some();
        let mut tables = interval(TABLE_EVERY);
        tables.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = next_key(&mut keys) => self.change(change),
                changed = self.pictures.changed() => match changed {
                    Ok(()) => self.show_line(has_keys),
                    Err(_) => break,
                },
                _ = tables.tick() => self.show_table(),
            }
        }
        self.terminal.progress(None);
    }

    fn show_line(&mut self, has_keys: bool) {
        let picture = Arc::clone(&self.pictures.borrow_and_update());
        let run_time = picture.run_time();
        let line = (self.screen == Screen::Progress && picture.is_live())
            .then(|| progress::line(&picture.snapshot, run_time, has_keys));
        self.terminal.progress(line.as_deref());
    }

    fn show_table(&self) {
        let picture = Arc::clone(&self.pictures.borrow());
        if self.screen == Screen::Table && picture.is_live() {
            let table = text::stats_table(&picture.snapshot, self.terminal.name_width(), Rates::Current);
            self.terminal.note(&table);
        }
    }

    fn change(&self, change: i64) {
        if self.pictures.borrow().is_live() {
            let command = RunCommand::AddUsers {
                change,
                spawn_rate: keys::SPAWN_RATE,
            };
            // Whoever presses a key again and again can press it once more.
            drop(self.wishes.try_send(Wish::Command(command)));
        }
    }
}
