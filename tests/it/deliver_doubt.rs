//! A message of unknown outcome: an e-mail is repeated under its key, an SMS is looked up.

use crate::support::delivery::HASTY;
use crate::support::delivery::{finish, hasty, wake};
use harness::world::{Vendor, Waiting, World, run};
use standins::Mode;
use std::time::{Duration, Instant};

/// Look-ups alone are made, and none of them ends in sending, until the list had time to show the message.
async fn is_only_looked_up(world: &World, app: &deliver::App, waiting: &Waiting) {
    let until = Instant::now() + HASTY.absent / 2;
    while Instant::now() < until {
        wake(app, waiting).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let delivery = world.work(waiting, Vendor::Mobizon).await;
    assert_eq!(delivery["state"], "unknown", "{delivery}");
    assert_eq!(world.sms(waiting).len(), 0, "sent blindly");
    assert!(delivery["attempt"].as_i64().unwrap() > 2, "{delivery}");
}

#[test]
fn an_sms_that_was_really_not_sent_is_sent_again_only_after_the_list_had_time() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Mobizon, Mode::Drop {});
        assert!(wake(&app, &waiting).await);
        is_only_looked_up(&world, &app, &waiting).await;
        finish(&world, &app, &waiting).await;
        world.assert_delivered_once(&waiting).await;
    });
}
