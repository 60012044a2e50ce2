//! `redrive`: reopens failed work and puts back the messages of the dead-letter queues.
//!
//! The row is the truth, so it is reopened first; the message only wakes a function. The message is sent before it is
//! deleted: a crash in between leaves two messages, and the second finds nothing to do.

use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::local_stack;
use crate::store::{self, ChannelStanding, CrmStanding, Standing};
use clap::Args;
use proftest::aws::queue::Queue;
use proftest::aws::{self, AwsError, SdkConfig};
use proftest::config::{self, Env, variable};
use proftest::domain::crm::TaskState;
use proftest::domain::delivery::{State, Status};
use proftest::failure::chain;
use proftest::store::{Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a message stays hidden from other readers if this process dies.
const HIDDEN: Duration = Duration::from_mins(2);
/// Ten thousand messages per run; the rest waits for the next run.
const BATCHES_MAX: usize = 1000;
/// For one statement, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(10);

/// The rows, and the two queues whose dead letters are put back.
pub struct Redrive {
    store: Store,
    notifications: Queue,
    crm: Queue,
}

#[derive(Args)]
pub struct Options {
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// The local stack's directory, whatever the environment says.
    #[arg(long)]
    state_dir: Option<PathBuf>,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let redrive = Redrive::find(options.state_dir.as_deref()).await?;
    let redriven = redrive.run(!options.dry_run, &|line| println!("{line}")).await;
    let Redriven {
        moved,
        reopened,
        left,
    } = redriven.map_err(|error| chain(&error))?;
    let would = if options.dry_run { "Would be" } else { "Were" };
    println!("{would} opened again: {reopened}, put back: {moved}, left: {left}.");
    Ok(())
}

/// What a run did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Messages put back into their queues.
    pub moved: usize,
    /// Notifications and CRM tasks reopened.
    pub reopened: usize,
    /// Messages that stay in the dead-letter queue.
    pub left: usize,
}

/// Why a run ended early. Its work so far stays done; the next run continues.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] AwsError),
}

/// What to do about one message.
struct Plan {
    /// For the terminal: ids, states and reasons.
    line: String,
    moves: bool,
    reopens: bool,
}

impl Redrive {
    pub fn new(settings: &config::Queues, sdk: &SdkConfig) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&settings.database, 2, DATABASE_DEADLINE)?,
            notifications: Queue::new(sdk, &settings.queue_url),
            crm: Queue::new(sdk, &settings.crm_queue_url),
        })
    }

    /// The local stack in `state_dir`, or the stack that the environment names. The error says what is missing.
    pub async fn find(state_dir: Option<&Path>) -> Result<Self, String> {
        let lookup = |name: &str| variable(name);
        let from_environment = state_dir.is_none() && variable("NOTIFICATIONS_QUEUE_URL").is_some();
        let (settings, sdk) = if from_environment {
            let settings = config::Queues::read(&Env::new(&lookup)).map_err(|error| error.to_string())?;
            (settings, aws::sdk_loader().load().await)
        } else {
            local_stack::settings(state_dir)?
        };
        Self::new(&settings, &sdk).map_err(|error| error.to_string())
    }

    /// Works through both dead-letter queues; lines for the reader go to `say`. With `apply` false nothing is
    /// changed.
    pub async fn run(&self, apply: bool, say: &dyn Fn(&str)) -> Result<Redriven, RedriveError> {
        let mut total = Redriven::default();
        let look = async |task: &DeliverTask| self.notification(*task, apply).await;
        redrive_queue("notifications", &self.notifications, apply, say, look, &mut total).await?;
        let look = async |task: &CrmTask| self.crm_task(*task, apply).await;
        redrive_queue("crm", &self.crm, apply, say, look, &mut total).await?;
        Ok(total)
    }

    async fn notification(&self, task: DeliverTask, apply: bool) -> Result<Plan, StoreError> {
        let DeliverTask::DeliverV1 { notification } = task;
        let standing = store::reopen(&self.store, notification, apply).await?;
        let (what, moves, reopens) = match &standing {
            None => ("the person was erased".to_owned(), true, false),
            Some(standing) => {
                let reopens = standing.channels.iter().any(|channel| channel.becomes.is_some());
                let moves = match standing.status {
                    Status::Pending | Status::Completed | Status::Cancelled => true,
                    Status::Failed => reopens,
                };
                (describe(standing), moves, reopens)
            }
        };
        let line = format!("notification {notification}: {what}");
        Ok(Plan { line, moves, reopens })
    }

    async fn crm_task(&self, task: CrmTask, apply: bool) -> Result<Plan, StoreError> {
        let CrmTask::CrmV1 { lead } = task;
        let standing = store::reopen_crm(&self.store, lead, apply).await?;
        let (what, reopens) = match standing {
            None => ("the person was erased".to_owned(), false),
            Some(CrmStanding { state, reason }) => {
                let (then, reopens) = match state {
                    TaskState::Pending | TaskState::Working | TaskState::Done => ("", false),
                    TaskState::Failed => (", is tried again", true),
                };
                let (state, why) = (state.as_str(), because(reason.as_deref()));
                (format!("{state}{why}{then}"), reopens)
            }
        };
        Ok(Plan {
            line: format!("CRM task of lead {lead}: {what}"),
            moves: true,
            reopens,
        })
    }
}

/// Works through one queue, each task once: a task that fails again returns to the queue during the run.
async fn redrive_queue<T, L>(
    name: &str,
    queue: &Queue,
    apply: bool,
    say: &dyn Fn(&str),
    look: L,
    total: &mut Redriven,
) -> Result<(), RedriveError>
where
    T: Serialize + DeserializeOwned,
    L: AsyncFn(&T) -> Result<Plan, StoreError>,
{
    let Some(dead) = DeadLetters::of(queue).await? else {
        say(&format!("{name}: the queue has no dead-letter queue"));
        return Ok(());
    };
    let (mut seen, mut kept) = (HashSet::new(), Vec::new());
    for _ in 0..BATCHES_MAX {
        let before = seen.len();
        for letter in dead.receive(HIDDEN).await? {
            if !seen.insert(letter.body.clone()) {
                kept.push(letter);
                continue;
            }
            let Some((task, plan)) = decide(&letter, &look).await? else {
                say(&format!("  message {}: undecodable; it stays", letter.id));
                total.left += 1;
                kept.push(letter);
                continue;
            };
            say(&format!("  {}", plan.line));
            total.reopened += usize::from(plan.reopens);
            total.moved += usize::from(plan.moves);
            total.left += usize::from(!plan.moves);
            if plan.moves && apply {
                queue.send(&task, Duration::ZERO).await?;
                dead.delete(&letter).await?;
            } else {
                kept.push(letter);
            }
        }
        if seen.len() == before {
            break;
        }
    }
    say(&format!("{name}: {} tasks in the dead-letter queue", seen.len()));
    for letter in &kept {
        dead.show(letter).await?;
    }
    Ok(())
}

/// A message's task and the plan for it; `None` if no function can read the message.
async fn decide<T, L>(letter: &DeadLetter, look: &L) -> Result<Option<(T, Plan)>, StoreError>
where
    T: DeserializeOwned,
    L: AsyncFn(&T) -> Result<Plan, StoreError>,
{
    let Ok(task) = serde_json::from_str::<T>(&letter.body) else {
        return Ok(None);
    };
    let plan = look(&task).await?;
    Ok(Some((task, plan)))
}

/// `failed, lead …: email failed (resend 422), is tried again; sms accepted`.
fn describe(standing: &Standing) -> String {
    let channels: Vec<String> = standing
        .channels
        .iter()
        .map(|channel| {
            let ChannelStanding {
                channel: name,
                state,
                reason,
                ..
            } = channel;
            let why = because(reason.as_deref());
            let (name, state) = (name.as_str(), state.as_str());
            format!("{name} {state}{why}{}", then(channel, standing))
        })
        .collect();
    format!(
        "{}, lead {}: {}",
        standing.status.as_str(),
        standing.lead,
        channels.join("; ")
    )
}

fn then(channel: &ChannelStanding, standing: &Standing) -> &'static str {
    match channel.becomes {
        Some(State::Unknown) => ", is looked up, and sent only if it never went out",
        Some(_) => ", is tried again",
        None if channel.state != State::Failed || standing.status != Status::Failed => "",
        None if channel.is_decided() => ", stays: that was decided",
        None if standing.replaced => ", stays: the person has a newer message",
        None => ", stays: it may have gone out, and its idempotency key has expired",
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}
