//! `redrive`: opens again what was given up, and puts back the messages of the dead-letter queues.
//!
//! The row is the truth, so the row is opened first; the message that then goes back only wakes somebody. It is sent
//! before it is taken out: whoever dies in between leaves two messages, of which the second finds nothing to do.

use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::local_stack;
use crate::store::{self, ChannelStanding, CrmStanding, Standing};
use proftest::aws::queue::Queue;
use proftest::aws::{self, AwsError, SdkConfig};
use proftest::config::{self, Env, variable};
use proftest::failure::chain;
use proftest::store::{Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// How long a message that was looked at stays hidden from other readers, should this process die.
const HIDDEN: Duration = Duration::from_mins(2);
/// Ten thousand messages a run; what is left waits for the next.
const BATCHES_MAX: usize = 1000;
/// How long one statement may take, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(10);

/// The rows, and the two queues whose dead letters are put back.
pub struct Redrive {
    store: Store,
    notifications: Queue,
    crm: Queue,
}

/// What a run did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Messages put back into their queues.
    pub moved: usize,
    /// Notifications and CRM tasks opened again.
    pub reopened: usize,
    /// Messages left where they lie.
    pub left: usize,
}

/// Why a run ended early. What it had done stays done; the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The rows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queues.
    #[error(transparent)]
    Queue(#[from] AwsError),
}

/// What is done about one message.
struct Fate {
    /// For the terminal: ids, states and reasons.
    line: String,
    moves: bool,
    reopens: bool,
}

impl Redrive {
    /// On these settings, which are the sweep's.
    ///
    /// # Errors
    /// When the database settings cannot be used.
    pub fn new(settings: &config::Sweep, sdk: &SdkConfig) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&settings.database, 2, DATABASE_DEADLINE)?,
            notifications: Queue::new(sdk, &settings.queue_url),
            crm: Queue::new(sdk, &settings.crm_queue_url),
        })
    }

    /// The local stack that runs on `state_dir`, or the one that the environment names.
    ///
    /// # Errors
    /// One sentence that says what is missing.
    pub async fn find(state_dir: Option<&Path>) -> Result<Self, String> {
        let lookup = |name: &str| variable(name);
        let from_environment = state_dir.is_none() && variable("NOTIFICATIONS_QUEUE_URL").is_some();
        let (settings, sdk) = if from_environment {
            let settings = config::Sweep::read(&Env::new(&lookup)).map_err(|error| error.to_string())?;
            (settings, aws::sdk_loader().load().await)
        } else {
            local_stack::settings(state_dir)?
        };
        Self::new(&settings, &sdk).map_err(|error| error.to_string())
    }

    /// Goes through both dead-letter queues; each line that is worth reading goes to `say`. With `apply` false
    /// nothing is changed.
    ///
    /// # Errors
    /// [`RedriveError`].
    pub async fn run(&self, apply: bool, say: &dyn Fn(&str)) -> Result<Redriven, RedriveError> {
        let mut total = Redriven::default();
        let look = async |task: &DeliverTask| self.notification(*task, apply).await;
        empty("notifications", &self.notifications, apply, say, look, &mut total).await?;
        let look = async |task: &CrmTask| self.crm_task(*task, apply).await;
        empty("crm", &self.crm, apply, say, look, &mut total).await?;
        Ok(total)
    }

    async fn notification(&self, task: DeliverTask, apply: bool) -> Result<Fate, StoreError> {
        let DeliverTask::DeliverV1 { notification } = task;
        let standing = store::reopen(&self.store, notification, apply).await?;
        let (what, moves, reopens) = match &standing {
            None => ("its person was erased".to_owned(), true, false),
            Some(standing) => {
                let reopens = standing.channels.iter().any(|channel| channel.becomes.is_some());
                let moves = reopens || standing.status != "failed";
                (tell(standing), moves, reopens)
            }
        };
        let line = format!("notification {notification}: {what}");
        Ok(Fate { line, moves, reopens })
    }

    async fn crm_task(&self, task: CrmTask, apply: bool) -> Result<Fate, StoreError> {
        let CrmTask::CrmV1 { lead } = task;
        let standing = store::reopen_crm(&self.store, lead, apply).await?;
        let reopens = standing.as_ref().is_some_and(|task| task.state == "failed");
        let what = match standing {
            None => "the person was erased".to_owned(),
            Some(CrmStanding { state, reason }) => {
                let then = if reopens { ", is tried again" } else { "" };
                format!("{state}{}{then}", because(reason.as_deref()))
            }
        };
        Ok(Fate {
            line: format!("CRM task of lead {lead}: {what}"),
            moves: true,
            reopens,
        })
    }
}

/// Goes through one queue's dead letters, each task once: one that fails again comes back here while this still runs.
async fn empty<T, L>(
    name: &str,
    queue: &Queue,
    apply: bool,
    say: &dyn Fn(&str),
    look: L,
    total: &mut Redriven,
) -> Result<(), RedriveError>
where
    T: Serialize + DeserializeOwned,
    L: AsyncFn(&T) -> Result<Fate, StoreError>,
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
            let judged = judge(&letter, &look).await?;
            let Some((task, fate)) = judged else {
                say(&format!("  message {}: undecodable, stays", letter.id));
                total.left += 1;
                kept.push(letter);
                continue;
            };
            say(&format!("  {}", fate.line));
            total.reopened += usize::from(fate.reopens);
            total.moved += usize::from(fate.moves);
            total.left += usize::from(!fate.moves);
            if fate.moves && apply {
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

/// The task of a message and what is done about it; `None` for one that no function can read.
async fn judge<T, L>(letter: &DeadLetter, look: &L) -> Result<Option<(T, Fate)>, StoreError>
where
    T: DeserializeOwned,
    L: AsyncFn(&T) -> Result<Fate, StoreError>,
{
    let Ok(task) = serde_json::from_str::<T>(&letter.body) else {
        return Ok(None);
    };
    let fate = look(&task).await?;
    Ok(Some((task, fate)))
}

/// `failed, lead …: email failed (resend 422), is tried again; sms accepted`.
fn tell(standing: &Standing) -> String {
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
            format!("{name} {state}{why}{}", then(channel, standing))
        })
        .collect();
    format!(
        "{}, lead {}: {}",
        standing.status,
        standing.lead,
        channels.join("; ")
    )
}

fn then(channel: &ChannelStanding, standing: &Standing) -> &'static str {
    match channel.becomes.as_deref() {
        Some("unknown") => ", is looked up and sent only if it never went out",
        Some(_) => ", is tried again",
        None if channel.state != "failed" || standing.status != "failed" => "",
        None if standing.replaced => ", stays: the person has a newer message",
        None => ", stays: it may have gone out, and its idempotency key has expired",
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// The command.
///
/// # Errors
/// One sentence.
pub async fn command(state_dir: Option<&Path>, dry_run: bool) -> Result<(), String> {
    let redrive = Redrive::find(state_dir).await?;
    let redriven = redrive.run(!dry_run, &|line| println!("{line}")).await;
    let Redriven {
        moved,
        reopened,
        left,
    } = redriven.map_err(|error| chain(&error))?;
    let would = if dry_run { "Would be" } else { "Were" };
    println!("{would} reopened: {reopened}, put back: {moved}, left: {left}.");
    Ok(())
}
