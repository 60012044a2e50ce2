//! Where a process dies: every step of every function, in a scene that leads there.

/// What is wrong besides the death, so that a step off the straight path is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Nothing.
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
pub const STEPS: [(&str, Scene, &[&str]); 14] = [
    (
        "intake",
        Scene::Plain,
        &["intake", "CreateSchedule", "SendMessage"],
    ),
    ("intake", Scene::NoScheduler, &["CreateSchedule", "SendMessage"]),
    (
        "deliver",
        Scene::Plain,
        &[
            "claim",
            "pin",
            "batch_compose",
            "resend.batch",
            "resend.send",
            "mobizon.send",
            "record",
            "batch_close",
            "mobizon.balance",
        ],
    ),
    ("deliver", Scene::LostMail, &["batch_members"]),
    ("deliver", Scene::SlowMail, &["batch_dissolve"]),
    (
        "deliver",
        Scene::LostSms,
        &["mobizon.list", "ChangeMessageVisibility"],
    ),
    (
        "crm",
        Scene::Plain,
        &[
            "crm_claim",
            "crm_slot",
            "amocrm.pipelines",
            "amocrm.find_contacts",
            "give_slot_back",
            "mark_creating",
            "amocrm.create_deal",
            "crm_save",
            "mark_noting",
            "amocrm.add_notes",
            "crm_settle",
        ],
    ),
    (
        "crm",
        Scene::KnownPeople,
        &["amocrm.contact", "amocrm.deals", "amocrm.update_deal"],
    ),
    (
        "crm",
        Scene::LostDeals,
        &["amocrm.find_deals", "ChangeMessageVisibility"],
    ),
    ("crm", Scene::LostNotes, &["amocrm.notes"]),
    (
        "crm",
        Scene::OAuth,
        &["begin_rotation", "amocrm.refresh", "end_rotation"],
    ),
    ("crm", Scene::Limited, &["shut_gate"]),
    ("track", Scene::Plain, &["click"]),
    (
        "sweep",
        Scene::Plain,
        &[
            "backlog",
            "overdue",
            "crm_overdue",
            "batches_left",
            "SendMessageBatch",
        ],
    ),
];

/// Statements that no function runs: the console's, and those of the commands that open the gate and redrive.
pub const NOT_OF_A_FUNCTION: [&str; 9] = [
    "crm_reopen",
    "erase",
    "gate",
    "lead_story",
    "leads",
    "leads_of",
    "open_gate",
    "reopen",
    "totals",
];

/// One row of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub function: &'static str,
    pub scene: Scene,
    pub step: &'static str,
    pub side: &'static str,
}

/// All of them.
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
