//! Proofs of work under an armed point: a browser posts its proof until it gets a 200, and some post it again.

use super::rounds::{Armed, Told, acknowledgement, submission};
use crate::support::guard::{limit, page, proof_event, solved};
use futures::future::join_all;
use harness::vendors::TURNSTILE_SECRET;
use harness::world::World;
use proftest::clients::turnstile::ACTION;
use serde_json::Value;
use std::time::Duration;

const HOST: &str = "pages.example.kz";

/// Every submission of the page is asked for a proof and for Turnstile's token, and its message waits long enough for them.
pub fn suspect_everybody(world: &mut World) {
    limit(world);
    world.delay = Duration::from_mins(30);
    world.changes.extend([
        ("TURNSTILE_SITE_KEY", "site".to_owned()),
        ("TURNSTILE_SECRET_KEY", TURNSTILE_SECRET.to_owned()),
        ("TURNSTILE_BASE_URL", world.vendors.turnstile_url.clone()),
        ("TURNSTILE_HOSTNAMES", HOST.to_owned()),
    ]);
}

impl Armed<'_> {
    /// The forms are saved in peace; every message that is not proved in time would be held, and so be lost to the tally.
    pub async fn proofs(&self, rounds: usize, visitors: usize) -> Told {
        let forms = (0..visitors).map(|visitor| submission(visitor, page));
        let answers = self.peacefully(forms.collect()).await;
        let answers: Vec<Value> = answers.into_iter().flatten().collect();
        let owed = join_all(answers.iter().map(|answer| self.proof(answer))).await;
        self.until_taken(rounds, owed).await;
        Told {
            leads: answers.iter().filter_map(acknowledgement).collect(),
            ..Told::default()
        }
    }

    async fn proof(&self, answer: &Value) -> Value {
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let challenge = body["challenge"].as_str().unwrap().to_owned();
        // The other points, on the same thread, must not wait seconds for it.
        let mut solved = tokio::task::spawn_blocking(move || solved(&challenge))
            .await
            .unwrap();
        solved["turnstile"] = self.world.vendors.turnstile.solve(HOST, ACTION).into();
        proof_event(&solved)
    }
}
