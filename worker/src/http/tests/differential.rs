//! Both transports against each other: whatever a user asks and a site answers, they tell and ask the same.
//!
//! reqwest is the oracle: it resolves redirects, keeps cookies and, as one of its two players, decodes bodies by itself.
//! Where the two differ on purpose, [`differences`] shows it, and the reference's "Two transports" says it.

mod case;
mod differences;
mod site;

use std::rc::Rc;

use katydid_scenario_lang::HttpTransport;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use super::super::{Base, HttpClient};
use super::support::run;
use super::tls::Authority;
use case::{Case, any_case};
use site::{Protocol, Seen, Site};

/// Who carries the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Player {
    Direct,
    /// reqwest as users get it.
    Reqwest,
    /// reqwest decoding by itself.
    Oracle,
}

/// What a script and the statistics see of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    status: u16,
    error: Option<String>,
    url: Option<String>,
    /// Sorted, without those that reqwest takes away with the encoding it undoes.
    headers: Vec<String>,
    body: String,
    incomplete: Option<String>,
    /// Headers of the encoding, and bytes on the wire; unknown to whoever has the body decoded.
    encoding: Vec<String>,
    bytes_in: u64,
    bytes_out: u64,
}

/// Lets a player play a case: what it was told, what the site saw.
async fn play(player: Player, site: &Site, case: &Case, authority: &Authority) -> (Vec<Told>, Vec<Seen>) {
    site.take();
    let thread = authority.trusted();
    let mut defaults = case.defaults();
    if player != Player::Direct {
        defaults.transport = HttpTransport::Reqwest { proxy: None };
    }
    let base = Base::parse(&format!("{}{}", site.origins[0], case.prefix)).unwrap();
    let mut client = HttpClient::new(&thread, Some(base), Rc::new(defaults));
    if player == Player::Oracle {
        client.decode_itself();
    }
    let mut told = Vec::new();
    for ask in &case.asks {
        let exchange = client.exchange(ask.spec(site)).await;
        let mut headers: Vec<String> = exchange
            .headers
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        headers.sort();
        let (encoding, headers) = headers
            .into_iter()
            .partition(|line| line.starts_with("content-encoding") || line.starts_with("content-length"));
        told.push(Told {
            status: exchange.status,
            error: exchange.error.as_deref().map(ToOwned::to_owned),
            url: exchange.url.as_deref().map(ToOwned::to_owned),
            headers,
            body: String::from_utf8_lossy(&exchange.body.bytes).into_owned(),
            incomplete: exchange.body.incomplete.as_deref().map(ToOwned::to_owned),
            encoding,
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.bytes_out,
        });
    }
    client.close();
    (told, site.take())
}

/// Plays a case with all players; gives the first difference.
fn compare(case: &Case) -> Result<(), String> {
    let mut result = Ok(());
    run(async {
        let authority = Authority::new("test authority");
        let site = Site::start(case.protocol, case.replies.clone(), &authority).await;
        let (direct, seen) = play(Player::Direct, &site, case, &authority).await;
        for player in [Player::Reqwest, Player::Oracle] {
            let (mut told, seen_of_it) = play(player, &site, case, &authority).await;
            for (told, direct) in told.iter_mut().zip(&direct) {
                // reqwest gives up before it has read the last redirect's body.
                if told
                    .error
                    .as_deref()
                    .is_some_and(|error| error.starts_with("too many redirects"))
                {
                    told.bytes_in = direct.bytes_in;
                }
                if player == Player::Oracle {
                    told.encoding.clone_from(&direct.encoding);
                    told.bytes_in = direct.bytes_in;
                }
                // Over HTTP/2 the direct transport counts frames, and nobody else can.
                if case.protocol == Protocol::Https2 {
                    told.bytes_out = direct.bytes_out;
                }
            }
            let first = |index: Option<usize>| index.unwrap_or_default();
            let at = first(told.iter().zip(&direct).position(|(left, right)| left != right));
            if told != direct {
                result = Err(format!(
                    "{player:?} is told\n{:#?}\nDirect is told\n{:#?}\nby {:#?}\n{player:?} asks {seen_of_it:#?}\nDirect asks {seen:#?}",
                    told[at], direct[at], case.asks[at]
                ));
                return;
            }
            if seen_of_it != seen {
                let at = seen_of_it
                    .iter()
                    .zip(&seen)
                    .position(|(left, right)| left != right);
                let at = at.unwrap_or_else(|| seen.len().min(seen_of_it.len()));
                let (left, right) = (seen_of_it.get(at), seen.get(at));
                result = Err(format!(
                    "{player:?} asks\n{left:#?}\nDirect asks\n{right:#?}\nafter {:#?}",
                    &seen[..at]
                ));
                return;
            }
        }
    });
    result
}

#[test]
fn both_transports_tell_and_ask_the_same() {
    let mut config = Config {
        failure_persistence: None,
        // A difference that is a wait takes its time again at each step.
        max_shrink_time: 20_000,
        ..Config::default()
    };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&any_case(), |case| compare(&case).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
