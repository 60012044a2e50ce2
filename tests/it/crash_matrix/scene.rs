//! The scenes, the steps that each leads to, and one point's world in its scene.

use super::proofs::suspect_everybody;
use super::{holds, old};
use harness::runtime_api::Function;
use harness::world::crm::oauth_app;
use harness::world::{
    Options, Person, Vendor, Vendors, Waiting, World, binaries_with_failpoints, eventually,
};
use proftest::failpoint::Step;
use standins::{Fault, Mode, Seed, SeedContact, SeedDeal};
use std::process::Stdio;
use std::time::Duration;

/// What is wrong besides the death, so that a step off the straight path is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    Plain,
    /// EventBridge Scheduler refuses: intake sends the message itself.
    NoScheduler,
    /// The answers to the first e-mails that go together are lost; every second of them was not sent.
    LostMail,
    /// Resend answers every second request with a 429 that asks for a longer pause than is waited for.
    SlowMail,
    /// The answers to the first SMS are lost; every second of them was not sent.
    LostSms,
    /// The answers to the first creations of deals are lost; every second deal was not made.
    LostDeals,
    /// The answers to the first calls that write notes are lost.
    LostNotes,
    /// The answers to the first calls that make tasks are lost; every second of them was not carried out.
    LostTasks,
    /// The people have a contact and an open deal; of every second one we know the contact.
    KnownPeople,
    /// The account is reached by OAuth, and a day passes between the rounds.
    OAuth,
    /// amoCRM answers every fourth call with 429.
    Limited,
    /// Two people have one phone, which gets one SMS: the other one is held.
    OnePhone,
    /// Every submission is asked for a proof of work, and for Turnstile's token.
    Suspects,
    /// No report of any message comes.
    Unreported,
    /// Nothing was heard of some people for years, and their last message is held.
    Old,
}

impl Scene {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::NoScheduler => "Scheduler refuses",
            Self::LostMail => "answers to e-mails lost",
            Self::SlowMail => "every batch of e-mails 429",
            Self::LostSms => "answers to SMS lost",
            Self::LostDeals => "answers to deals lost",
            Self::LostNotes => "answers to notes lost",
            Self::LostTasks => "answers to tasks lost",
            Self::KnownPeople => "people with open deals",
            Self::OAuth => "OAuth, token ended",
            Self::Limited => "every 4th call 429",
            Self::OnePhone => "every 2nd SMS held",
            Self::Suspects => "everybody challenged",
            Self::Unreported => "reports lost",
            Self::Old => "rows that expire",
        }
    }
}

/// The steps of each function, in the order in which it takes them.
pub const STEPS: [(&str, Scene, &[Step]); 21] = [
    (
        "intake",
        Scene::Plain,
        &[Step::Intake, Step::CreateSchedule, Step::SendMessage],
    ),
    (
        "intake",
        Scene::NoScheduler,
        &[Step::CreateSchedule, Step::SendMessage],
    ),
    ("intake", Scene::Suspects, &[Step::TurnstileVerify, Step::Prove]),
    (
        "deliver",
        Scene::Plain,
        &[
            Step::Claim,
            Step::Pin,
            Step::BatchCompose,
            Step::ResendBatch,
            Step::ResendSend,
            Step::MobizonSend,
            Step::Record,
            Step::BatchClose,
            Step::MobizonBalance,
        ],
    ),
    ("deliver", Scene::LostMail, &[Step::BatchMembers]),
    ("deliver", Scene::SlowMail, &[Step::BatchDissolve]),
    (
        "deliver",
        Scene::LostSms,
        &[Step::MobizonList, Step::ChangeMessageVisibility],
    ),
    ("deliver", Scene::OnePhone, &[Step::Claim, Step::Record]),
    (
        "crm",
        Scene::Plain,
        &[
            Step::CrmClaim,
            Step::CrmSlot,
            Step::AmocrmPipelines,
            Step::AmocrmFindContacts,
            Step::GiveSlotBack,
            Step::MarkCreating,
            Step::AmocrmCreateDeal,
            Step::CrmSave,
            Step::MarkTelling,
            Step::AmocrmAddNotes,
            Step::AmocrmAddTasks,
            Step::CrmRecord,
        ],
    ),
    (
        "crm",
        Scene::KnownPeople,
        &[Step::AmocrmContact, Step::AmocrmDeals, Step::AmocrmUpdateDeal],
    ),
    (
        "crm",
        Scene::LostDeals,
        &[Step::AmocrmFindDeals, Step::ChangeMessageVisibility],
    ),
    ("crm", Scene::LostNotes, &[Step::AmocrmNotes]),
    (
        "crm",
        Scene::LostTasks,
        &[Step::AmocrmTasks, Step::AmocrmAddTasks],
    ),
    (
        "crm",
        Scene::OAuth,
        &[Step::BeginRotation, Step::AmocrmRefresh, Step::EndRotation],
    ),
    ("crm", Scene::Limited, &[Step::ShutGate]),
    ("track", Scene::Plain, &[Step::Hit]),
    ("recipient", Scene::Plain, &[Step::ResultOf, Step::Stop]),
    (
        "receipts",
        Scene::Plain,
        &[Step::MobizonStatuses, Step::TakeReceipts],
    ),
    (
        "sweep",
        Scene::Plain,
        &[
            Step::Backlog,
            Step::Overdue,
            Step::CrmOverdue,
            Step::BatchesLeft,
            Step::SendMessageBatch,
        ],
    ),
    (
        "sweep",
        Scene::Unreported,
        &[
            Step::TakePolls,
            Step::MobizonStatuses,
            Step::ResendStatus,
            Step::TakeReceipts,
            Step::EndPolls,
            Step::TakeUnmirrored,
            Step::ResendSuppress,
            Step::Mirrored,
        ],
    ),
    (
        "sweep",
        Scene::Old,
        &[
            Step::HoldsOver,
            Step::GuardState,
            Step::RetentionDue,
            Step::Expire,
        ],
    ),
];

/// Beyond what Lambda gives any of the functions; the machine may be slow.
const TIMEOUT: Duration = Duration::from_secs(90);
/// How much time passes between rounds: more than a lease, a parked message, the time after which an SMS
/// counts as absent (ten minutes) and the sweep's grace take.
pub const PASSED: Duration = Duration::from_mins(12);
/// So every round meets a token that has to be renewed.
const TOKEN_LIFETIME: Duration = Duration::from_mins(15);

/// A person by number, whose source differs from all others', so that no two notes are alike.
pub fn person(number: usize) -> Person {
    Person {
        source: format!("proftest_{number}"),
        ..Person::number(u32::try_from(number).unwrap())
    }
}

pub async fn world(scene: Scene, leads: usize) -> World {
    let mut options = Options::unlimited();
    options.amocrm.block_after = None;
    options.amocrm.oauth = (scene == Scene::OAuth).then(|| oauth_app(TOKEN_LIFETIME));
    let mut world = World::with(options).await;
    world.delay = Duration::from_secs(1);
    match scene {
        // A server that knows no schedules: 404, which the SDK does not repeat.
        Scene::NoScheduler => {
            let url = world.vendors.urls.resend.clone();
            world.changes.insert("AWS_ENDPOINT_URL_SCHEDULER", url);
        }
        Scene::KnownPeople => plant_people(&world, leads).await,
        Scene::OAuth => world.connect_oauth(),
        Scene::OnePhone => {
            world.changes.insert("LIMITS", "phone.day=1".to_owned());
        }
        Scene::Suspects => suspect_everybody(&mut world),
        _ => break_vendors(&world.vendors, scene, u32::try_from(leads).unwrap()),
    }
    world
}

fn break_vendors(vendors: &Vendors, scene: Scene, leads: u32) {
    let always = |mode: Mode, path: Option<&str>| Fault {
        mode,
        count: None,
        every: None,
        path: path.map(str::to_owned),
    };
    // `carried_out` calls lose only their answer; `not` calls are not carried out either.
    let lose = |vendor: Vendor, path: &str, carried_out: u32, not: u32| {
        for (mode, count) in [(Mode::AcceptThenDrop {}, carried_out), (Mode::Drop {}, not)] {
            if count > 0 {
                vendors.faults(vendor).add(Fault {
                    count: Some(count),
                    ..always(mode, Some(path))
                });
            }
        }
    };
    let (half, quarter) = (leads.div_ceil(2), leads.div_ceil(4));
    match scene {
        Scene::LostMail => lose(Vendor::Resend, "POST /emails/batch", quarter, quarter),
        // A pause too long to be waited for in place.
        Scene::SlowMail => vendors.resend.faults().add(always(
            Mode::RateLimit { retry_after: 30 },
            Some("POST /emails/batch"),
        )),
        Scene::LostSms => lose(Vendor::Mobizon, "message/sendsmsmessage", half, leads / 2),
        Scene::LostDeals => lose(Vendor::AmoCrm, "POST /api/v4/leads/complex", half, leads / 2),
        Scene::LostNotes => lose(Vendor::AmoCrm, "POST /api/v4/leads/notes", quarter, 0),
        Scene::LostTasks => lose(Vendor::AmoCrm, "POST /api/v4/tasks", quarter, quarter),
        Scene::Limited => vendors.amocrm.faults().add(Fault {
            every: Some(4),
            ..always(Mode::RateLimit { retry_after: 1 }, None)
        }),
        Scene::Plain
        | Scene::NoScheduler
        | Scene::KnownPeople
        | Scene::OAuth
        | Scene::OnePhone
        | Scene::Suspects
        | Scene::Unreported
        | Scene::Old => {}
    }
}

async fn plant_people(world: &World, leads: usize) {
    let contact = |number| SeedContact {
        name: "Айгерим".to_owned(),
        phones: vec![person(number).phone],
        emails: Vec::new(),
        deals: vec![SeedDeal {
            name: "Заявка".to_owned(),
            ..SeedDeal::default()
        }],
    };
    let contacts = (0..leads).map(contact).collect();
    let seeded = world.vendors.amocrm.seed(Seed { contacts }).unwrap();
    for (number, contact) in seeded.contacts.iter().enumerate().step_by(2) {
        let (phone, id) = (person(number).phone, contact.id);
        let sql = format!("insert into crm_people (phone, contact_id) values ('{phone}', {id})");
        world.db.execute(&sql).await;
    }
}

pub async fn start(world: &World, function: &str, failpoints: Option<&str>) -> Function {
    let binaries = Box::pin(binaries_with_failpoints()).await;
    let mut settings = world.settings(function);
    // The sessions of the dead are known at the server itself.
    settings.extend([
        ("DATABASE_URL", world.db.direct(function).url()),
        ("DATABASE_CA_PEM", String::new()),
    ]);
    let configure = |command: &mut tokio::process::Command| {
        command.env("RUST_LOG", "error").stdout(Stdio::null());
        command.envs(settings);
        if let Some(failpoints) = failpoints {
            // What it says when it dies is no news.
            command.env("FAILPOINTS", failpoints).stderr(Stdio::null());
        }
    };
    let started = Function::start(&binaries.join(function), TIMEOUT, configure).await;
    let mut function = started.unwrap();
    function.ready().await.unwrap();
    function
}

/// Saves leads as intake does. Every second message is due only when time has passed.
pub async fn save(world: &World, scene: Scene, leads: usize) -> Vec<Waiting> {
    if scene == Scene::OnePhone {
        return holds::save(world, leads).await;
    }
    if scene == Scene::Old {
        old::plant(world, leads).await;
    }
    let mut saved = Vec::new();
    for number in 0..leads {
        let delay = if number % 2 == 0 { Duration::ZERO } else { PASSED };
        saved.push(world.save(&person(number), delay).await);
    }
    saved
}

/// Waits until no process of ours has anything under way: the sessions of the dead have ended, and the stand-ins,
/// which answer in milliseconds, have no request open.
pub async fn quiet(world: &World) {
    let sessions = "pg_stat_activity where datname = current_database() and application_name = 'proftest'";
    eventually(
        "the dead have left the database",
        Duration::from_secs(30),
        async || (world.db.count(sessions).await == 0).then_some(()),
    )
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
}
