//! Asks vendors about messages of which no report came, and tells Resend whom we spare.
//!
//! All of it is bounded in calls and in time. A vendor that does not answer costs this run its questions and nothing else:
//! what was taken is free again after a while, and a message that two runs ask about counts once.

use proftest::clients::mobizon::{Mobizon, STATUSES_MAX};
use proftest::clients::resend::{Resend, SUPPRESS_MAX};
use proftest::domain::contact::Email;
use proftest::domain::delivery::Channel;
use proftest::domain::receipt::Report;
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Store, StoreError};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// For everything here: the next run must find its time.
const TIME_MAX: Duration = Duration::from_secs(15);
/// For one call.
const CALL_MAX: Duration = Duration::from_secs(5);
/// A message that was taken and not asked about is taken again.
const AGAIN_AFTER: Duration = Duration::from_mins(5);
/// Questions to Mobizon per run, of a hundred messages each: an hour's SMS in three minutes.
const MOBIZON_CALLS: usize = 10;
/// E-mails asked about per run, one a call: Resend's rate is for sending.
const RESEND_CALLS: u16 = 10;
/// Suppressions per run. Most have one address.
const MIRRORED_MAX: u16 = 50;
/// A list that could not be told is told later. A key that may only send is tried once an hour.
const REFUSED_FOR: Duration = Duration::from_hours(1);

pub struct Vendors {
    resend: Resend,
    mobizon: Mobizon,
    /// Of questions about e-mails, and of additions to the list: an account may have the one without the other.
    asking: Pause,
    telling: Pause,
}

/// Until when something is not tried: the key may only send, or the account does not have it.
#[derive(Default)]
struct Pause(Mutex<Option<Instant>>);

impl Pause {
    fn is_over(&self) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| Instant::now() >= until)
    }

    fn begin_after(&self, failure: &Failure) {
        if matches!(failure.reaction, Reaction::Park | Reaction::GiveUp) {
            let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *until = Some(Instant::now() + REFUSED_FOR);
        }
    }
}

impl Vendors {
    pub fn new(resend: Resend, mobizon: Mobizon) -> Self {
        Self {
            resend,
            mobizon,
            asking: Pause::default(),
            telling: Pause::default(),
        }
    }

    /// A failure is told in the log: the next run asks again.
    pub async fn ask(&self, store: &Store) {
        let all = async {
            futures::join!(
                self.ask_mobizon(store),
                self.ask_resend(store),
                self.tell_resend(store)
            )
        };
        match timeout(TIME_MAX, all).await {
            Err(_) => tracing::warn!("The vendors could not be asked in time"),
            Ok((asked, asked_too, told)) => {
                for error in [asked, asked_too, told].into_iter().filter_map(Result::err) {
                    tracing::error!(
                        error = chain(&error),
                        "What the vendors said could not be written"
                    );
                }
            }
        }
    }

    async fn ask_mobizon(&self, store: &Store) -> Result<(), StoreError> {
        let most = u16::try_from(STATUSES_MAX).unwrap_or(u16::MAX);
        for _ in 0..MOBIZON_CALLS {
            let taken = store.take_polls(Channel::Sms, most, AGAIN_AFTER).await?;
            if taken.is_empty() {
                break;
            }
            let statuses = match self.mobizon.statuses(&taken, CALL_MAX).await {
                Ok(statuses) => statuses,
                Err(failure) => {
                    tracing::warn!(reason = failure.reason, "Mobizon cannot be asked for statuses");
                    break;
                }
            };
            let said = statuses
                .into_iter()
                .filter_map(|status| Some((status.id, status.state?)))
                .map(|(id, (state, reason))| Report::polled(Channel::Sms, id, state, Some(reason)));
            settle(store, Channel::Sms, &taken, said.collect()).await?;
            if taken.len() < STATUSES_MAX {
                break;
            }
        }
        Ok(())
    }

    async fn ask_resend(&self, store: &Store) -> Result<(), StoreError> {
        if !self.asking.is_over() {
            return Ok(());
        }
        let taken = store
            .take_polls(Channel::Email, RESEND_CALLS, AGAIN_AFTER)
            .await?;
        let (mut asked, mut said) = (Vec::new(), Vec::new());
        for id in taken {
            match self.resend.status(&id, CALL_MAX).await {
                Ok(state) => {
                    if let Some(state) = state {
                        let reason = format!("resend {}", state.as_str());
                        said.push(Report::polled(Channel::Email, id.clone(), state, Some(reason)));
                    }
                    asked.push(id);
                }
                Err(failure) => {
                    tracing::warn!(reason = failure.reason, "Resend cannot be asked about e-mails");
                    self.asking.begin_after(&failure);
                    break;
                }
            }
        }
        settle(store, Channel::Email, &asked, said).await
    }

    /// Puts those who want nothing more on Resend's own list, which other systems of the account obey too.
    async fn tell_resend(&self, store: &Store) -> Result<(), StoreError> {
        if !self.telling.is_over() {
            return Ok(());
        }
        let taken = store.take_unmirrored(MIRRORED_MAX, REFUSED_FOR).await?;
        let emails: Vec<Email> = taken.iter().map(|one| one.email.clone()).collect();
        for emails in emails.chunks(SUPPRESS_MAX) {
            if let Err(failure) = self.resend.suppress(emails, CALL_MAX).await {
                tracing::warn!(
                    reason = failure.reason,
                    "Resend's own list lacks people who want nothing more"
                );
                self.telling.begin_after(&failure);
                return Ok(());
            }
        }
        let mut keys: Vec<String> = taken.into_iter().map(|one| one.key).collect();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        tracing::info!(suppressions = keys.len(), "Resend's own list has them now");
        store.mirrored(&keys).await
    }
}

/// Writes what was said of the messages that were asked about; of the others nothing final is known.
async fn settle(
    store: &Store,
    channel: Channel,
    asked: &[String],
    said: Vec<Report>,
) -> Result<(), StoreError> {
    let known: HashMap<&str, bool> = said
        .iter()
        .map(|report| (report.message.as_str(), report.state.is_reported()))
        .collect();
    let is_silent = |id: &&String| !known.get(id.as_str()).copied().unwrap_or_default();
    let silent: Vec<String> = asked.iter().filter(is_silent).cloned().collect();
    if !said.is_empty() {
        let became = store.take_receipts(&said).await?;
        tracing::info!(
            channel = channel.as_str(),
            reports = became.len(),
            "Reports were asked for"
        );
    }
    if silent.is_empty() {
        return Ok(());
    }
    let over = store.end_polls(channel, &silent).await?;
    if over > 0 {
        tracing::warn!(
            channel = channel.as_str(),
            messages = over,
            "No report came, and none is expected any more"
        );
    }
    Ok(())
}
