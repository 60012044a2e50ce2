//! Where a process dies: every step of every function, in a scene that leads there.

use proftest::failpoint::Step;

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
    /// The people have a contact and an open deal; of every second one we know the contact.
    KnownPeople,
    /// The account is reached by OAuth, and a day passes between the rounds.
    OAuth,
    /// amoCRM answers every fourth call with 429.
    Limited,
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
            Self::KnownPeople => "people with open deals",
            Self::OAuth => "OAuth, token ended",
            Self::Limited => "every 4th call 429",
        }
    }
}

/// The steps of each function, in the order in which it takes them.
pub const STEPS: [(&str, Scene, &[Step]); 14] = [
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
            Step::MarkNoting,
            Step::AmocrmAddNotes,
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
        Scene::OAuth,
        &[Step::BeginRotation, Step::AmocrmRefresh, Step::EndRotation],
    ),
    ("crm", Scene::Limited, &[Step::ShutGate]),
    ("track", Scene::Plain, &[Step::Click]),
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
];

#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub function: &'static str,
    pub scene: Scene,
    pub step: Step,
    pub side: &'static str,
}

pub fn points() -> Vec<Point> {
    let steps = STEPS.iter().flat_map(|&(function, scene, steps)| {
        steps.iter().flat_map(move |&step| {
            ["before", "after"].map(|side| Point {
                function,
                scene,
                step,
                side,
            })
        })
    });
    steps.collect()
}
