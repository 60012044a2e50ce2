//! External steps: every statement, every call to AWS, every call to a vendor.
//!
//! With the feature `failpoints`, which no release has, the process can be killed right before or after any step. The
//! crash matrix does so at each of [`Step::ALL`].

use std::fmt;

macro_rules! steps {
    ($($name:ident = $word:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Step {
            $(#[doc = concat!("`", $word, "`")] $name,)*
            /// A statement that only a command or the console runs; the crash matrix leaves it out.
            Command(&'static str),
        }

        impl Step {
            /// Every step of every function.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of a statement or an AWS call, or `<vendor>.<call>`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Command(name) => name,
                }
            }
        }
    };
}

steps! {
    Intake = "intake",
    Prove = "prove",
    Hit = "hit",
    Stop = "stop",
    ResultOf = "result_of",
    Claim = "claim",
    Pin = "pin",
    Record = "record",
    BatchCompose = "batch_compose",
    BatchDissolve = "batch_dissolve",
    BatchMembers = "batch_members",
    BatchClose = "batch_close",
    BatchesLeft = "batches_left",
    CrmClaim = "crm_claim",
    CrmSave = "crm_save",
    CrmRecord = "crm_record",
    MarkCreating = "mark_creating",
    MarkTelling = "mark_telling",
    CrmSlot = "crm_slot",
    GiveSlotBack = "give_slot_back",
    ShutGate = "shut_gate",
    BeginRotation = "begin_rotation",
    EndRotation = "end_rotation",
    Backlog = "backlog",
    Overdue = "overdue",
    CrmOverdue = "crm_overdue",
    HoldsOver = "holds_over",
    GuardState = "guard_state",
    TakeReceipts = "take_receipts",
    TakePolls = "take_polls",
    EndPolls = "end_polls",
    TakeUnmirrored = "take_unmirrored",
    Mirrored = "mirrored",
    RetentionDue = "retention_due",
    Expire = "expire",
    CreateSchedule = "CreateSchedule",
    SendMessage = "SendMessage",
    SendMessageBatch = "SendMessageBatch",
    ChangeMessageVisibility = "ChangeMessageVisibility",
    ResendSend = "resend.send",
    ResendBatch = "resend.batch",
    ResendStatus = "resend.status",
    ResendSuppress = "resend.suppress",
    MobizonSend = "mobizon.send",
    MobizonList = "mobizon.list",
    MobizonBalance = "mobizon.balance",
    MobizonStatuses = "mobizon.statuses",
    AmocrmPipelines = "amocrm.pipelines",
    AmocrmFindContacts = "amocrm.find_contacts",
    AmocrmContact = "amocrm.contact",
    AmocrmFindDeals = "amocrm.find_deals",
    AmocrmDeals = "amocrm.deals",
    AmocrmCreateDeal = "amocrm.create_deal",
    AmocrmUpdateDeal = "amocrm.update_deal",
    AmocrmNotes = "amocrm.notes",
    AmocrmAddNotes = "amocrm.add_notes",
    AmocrmTasks = "amocrm.tasks",
    AmocrmAddTasks = "amocrm.add_tasks",
    AmocrmRefresh = "amocrm.refresh",
    TurnstileVerify = "turnstile.verify",
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Carries out a step.
///
/// The variable `FAILPOINTS` may name `<step>.before` or `<step>.after`, in the syntax of the crate `fail`:
/// `claim.after=3*off->return` means SIGKILL at the fourth pass.
#[cfg(feature = "failpoints")]
pub(crate) async fn step<T>(step: Step, work: impl Future<Output = T>) -> T {
    pass(step, "before");
    let value = work.await;
    pass(step, "after");
    value
}

#[cfg(not(feature = "failpoints"))]
pub(crate) fn step<T>(_step: Step, work: impl Future<Output = T>) -> impl Future<Output = T> {
    work
}

#[cfg(feature = "failpoints")]
fn pass(step: Step, side: &str) {
    static ARMED: std::sync::Once = std::sync::Once::new();
    // Dropping this value would disarm everything.
    ARMED.call_once(|| std::mem::forget(fail::FailScenario::setup()));
    let point = format!("{step}.{side}");
    fail::fail_point!(&point, |_| die(&point));
}

/// Dies like a process that the kernel kills: nothing is unwound, flushed or closed.
#[cfg(feature = "failpoints")]
fn die(point: &str) {
    // `.ci/run` checks that release binaries do not contain this prefix.
    eprintln!("proftest-failpoint: {point}");
    // The shell's parent is this process. Without `unsafe` there is no shorter way.
    let _ = std::process::Command::new("sh")
        .args(["-c", "kill -9 $PPID"])
        .status();
    // Only reached without a shell; a test would then see an end other than SIGKILL.
    std::process::abort();
}
