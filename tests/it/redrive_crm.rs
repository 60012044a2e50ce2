//! CRM tasks that were given up are opened again by the redrive, and make no second deal.

use crate::support::crm::{drain, wake, worker};
use crate::support::redrive::GivenUp;
use futures::future::join_all;
use harness::world::{Queue, run, sdk};
use ops::redrive::{Redrive, Redriven};
use proftest::domain::ids::LeadId;
use proftest::task::{self, CrmTask};
use standins::Mode;
use std::time::Duration;

const CREATE: &str = "POST /api/v4/leads/complex";
const BAD_REQUEST: Mode = Mode::Status {
    status: 400,
    name: None,
    retry_after: None,
};

fn message(lead: LeadId) -> String {
    task::body(&CrmTask::CrmV1 { lead })
}

#[test]
fn a_crm_task_that_was_given_up_makes_its_one_deal_after_the_redrive() {
    run(async {
        let GivenUp { mut world, .. } = GivenUp::new().await;
        let dlq = Queue::new().await;
        world.crm = Queue::with_dlq(&dlq, 2).await;
        let redrive = Redrive::new(&world.ops_config(), &sdk().await).unwrap();
        let app = worker(&world).await;
        // One was refused outright. The other's deal was made, its answer lost, and then all was refused.
        let (refused, in_doubt) = (world.lead().await.lead, world.lead().await.lead);
        world.break_crm(CREATE, BAD_REQUEST, Some(1), None);
        assert_eq!(wake(&app, &[refused]).await, 1);
        world.break_crm(CREATE, Mode::AcceptThenDrop {}, Some(1), None);
        wake(&app, &[in_doubt]).await;
        world.break_crm("GET /api/v4/leads", BAD_REQUEST, Some(1), None);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(wake(&app, &[in_doubt]).await, 1);
        for lead in [refused, in_doubt] {
            assert_eq!(world.crm_task(lead).await["state"], "failed");
            dlq.send(&message(lead)).await;
            dlq.send(&message(lead)).await;
        }
        let runs = join_all((0..3).map(|_| redrive.run(true, &|_| ()))).await;
        let reopened: usize = runs.into_iter().map(|run| run.unwrap().reopened).sum();
        assert_eq!(reopened, 2, "each once, however many commands run");
        let marked = world.crm_task(in_doubt).await["creating_since"].is_string();
        assert!(
            marked,
            "a deal that may have been made is searched before another is"
        );
        while let Redriven { moved: 1.., .. } = redrive.run(true, &|_| ()).await.unwrap() {}
        let mut moved = world.crm.drain().await;
        moved.sort();
        moved.dedup();
        assert_eq!(moved.len(), 2);
        drain(&world, &[app], Duration::from_secs(20)).await;
        assert_eq!(world.vendors.made().len(), 2);
        for lead in [refused, in_doubt] {
            assert_eq!(world.crm_task(lead).await["state"], "done");
            assert!(
                world
                    .vendors
                    .made()
                    .iter()
                    .any(|deal| deal.fields["PROFTEST_LEAD_ID"] == lead.to_string())
            );
        }
        assert_eq!(dlq.visible().await, 0);
    });
}
