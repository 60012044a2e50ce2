//! The scene in which every second SMS is held: two people have one phone, whose budget is one SMS.

use super::scene::person;
use super::tally::drain;
use harness::world::{Database, Person, Waiting, World};
use ops::release;
use ops::store::Held;
use proftest::domain::delivery::Kind;
use proftest::domain::guard::Evidence;
use std::time::Duration;

/// Saves leads, all of them due, whose evidence is what intake finds.
pub async fn save(world: &World, leads: usize) -> Vec<Waiting> {
    let key = world.intake_config().guard.key;
    let mut saved = Vec::new();
    for number in 0..leads {
        let person = Person {
            phone: person(number / 2 * 2).phone,
            ..person(number)
        };
        let mut lead = person.lead().unwrap();
        lead.evidence = Evidence {
            country: Some(lead.phone.country().as_str()),
            is_mobile: lead.phone.is_mobile(),
            email_key: Some(key.email(&lead.email)),
            phone_key: Some(key.phone(&lead.phone)),
            ..Evidence::default()
        };
        let store = world.db.store();
        let made = store.save_lead(lead, Kind::Result, Duration::ZERO).await.unwrap();
        saved.push(Waiting {
            person,
            lead: made.lead,
            id: made.notification.unwrap().id,
        });
    }
    saved
}

/// Looks at what was held, releases it and works it off. Returns how many phones got or are to get a wrong number of SMS,
/// and how many budgets counted other messages than those that were begun.
pub async fn settle(world: &World) -> usize {
    let db = &world.db;
    let phones = phones_without_one_sent_and_the_rest_held(db).await + miscounted(db).await;
    let sent = world.vendors.mobizon.sent().len();
    let wrong = phones + sent.abs_diff(usize::try_from(db.count(PHONES).await).unwrap());
    let held = Held::For("budget:phone".to_owned());
    release::run(&db.store_as("ops"), &held, 1000, "test", true)
        .await
        .unwrap();
    drain(world).await;
    wrong + miscounted(db).await
}

const PHONES: &str = "(select distinct phone from landing_leads) p";

async fn phones_without_one_sent_and_the_rest_held(db: &Database) -> usize {
    let phones = "(select from deliveries d
         join scheduled_notifications n on n.id = d.notification_id
         join landing_leads l on l.id = n.lead_id
         where d.channel = 'sms'
         group by l.phone
         having count(*) filter (where d.state = 'accepted') <> 1
             or count(*) filter (where d.state = 'held' and d.reason = 'budget:phone') <> count(*) - 1) p";
    usize::try_from(db.count(phones).await).unwrap()
}

/// Budgets of numbers and addresses that have not counted each begun message once, but for those that were released.
async fn miscounted(db: &Database) -> usize {
    let budgets = "(select case d.channel when 'sms' then s.phone_key else s.email_key end as key,
                           count(*) filter (where d.attempt > 0 and not coalesce(h.waived, false)) as begun
                    from deliveries d
                    join scheduled_notifications n on n.id = d.notification_id
                    join submissions s on s.id = n.submission_id
                    left join holds h on h.notification_id = d.notification_id and h.channel = d.channel
                    group by 1) m
                   full join contact_budgets b on b.key = m.key
                   where cardinality(b.sent) is distinct from m.begun";
    usize::try_from(db.count(budgets).await).unwrap()
}
