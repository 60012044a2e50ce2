//! The deal of a lead: found by our marker, updated, or created.

use crate::account::Account;
use crate::stop::Stop;
use crate::tasks::Tasks;
use proftest::clients::amocrm::{self, CLOSED, Contact, Deal, DealChange, DealContact, NewDeal};
use proftest::config;
use proftest::domain::contact::{Email, Phone};
use proftest::domain::ids::{ContactId, DealId, FieldId, LeadId, PipelineId, StageId, UserId};
use proftest::domain::metadata::Tags;
use proftest::failure::{Failure, Reaction};
use proftest::store::{CrmWork, DealSaved, Fence, Store};
use proftest::texts::CrmTexts;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Characters of a custom field's value. Source: amoCRM, limits of custom fields. A longer value is a click id, which is
/// useless when cut: it stands in the note alone.
const FIELD_MAX_CHARS: usize = 250;

pub struct Deals {
    stage: config::Stage,
    lead_id_field: FieldId,
    utm_fields: Vec<(String, FieldId)>,
    texts: &'static CrmTexts,
    tasks: Option<Tasks>,
    /// How long a deal of unknown outcome must be missing from the search before it is created again.
    pub absent: Duration,
    target: OnceCell<Target>,
}

/// The stage for new deals, and the position of each stage of its pipeline.
struct Target {
    pipeline: PipelineId,
    stage: StageId,
    places: HashMap<StageId, i64>,
}

/// The lead's deal as it stands now.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub id: DealId,
    /// Whether it lacks a task.
    pub task_due: bool,
    /// Whose task it is to be; `None`: amoCRM chooses.
    pub user: Option<UserId>,
    /// Whether this attempt made the deal, or saw whether it has a task. Otherwise another lead of the person may have got
    /// one for it meanwhile.
    pub is_fresh: bool,
}

impl Deals {
    pub fn new(
        settings: &config::AmoCrm,
        texts: &'static CrmTexts,
        tasks: Option<Tasks>,
        absent: Duration,
    ) -> Self {
        Self {
            stage: settings.stage.clone(),
            lead_id_field: settings.lead_id_field,
            utm_fields: settings.utm_fields.clone(),
            texts,
            tasks,
            absent,
            target: OnceCell::new(),
        }
    }

    /// Makes sure that the lead has its one active deal; saves and returns it.
    pub async fn ensure(&self, store: &Store, account: &Account, work: &CrmWork) -> Result<Standing, Stop> {
        if let (Some(deal), false) = (work.deal, work.deal_due) {
            return self.told_already(store, account, work, deal).await;
        }
        let target = self.target.get_or_try_init(|| self.find_target(account)).await?;
        if let Some(since) = work.creating_for {
            if let Some(deal) = self.find_marked(account, work.lead).await? {
                return save(store, work, self.as_found(&deal, deal.contact(), true, false)).await;
            }
            if since < self.absent {
                let why = "a deal of unknown outcome is not found yet";
                return Err(Stop::Wait(self.absent / 4, why));
            }
        }
        let contact = find_contact(account, work).await?;
        if let Some(contact) = &contact
            && let Some(deal) = active_deal(account, work, target, contact).await?
        {
            let waits = self.update(account, work, target, &deal).await?;
            return save(store, work, self.as_found(&deal, Some(contact.id), false, waits)).await;
        }
        self.create(store, account, work, target, contact.map(|contact| contact.id))
            .await
    }

    /// A deal that is as the lead is. If it waits for a human click, and there was one, it moves on.
    async fn told_already(
        &self,
        store: &Store,
        account: &Account,
        work: &CrmWork,
        id: DealId,
    ) -> Result<Standing, Stop> {
        let (task_due, user) = (work.task.is_due, work.task.user);
        let standing = Standing {
            id,
            task_due,
            user,
            is_fresh: false,
        };
        if !(work.move_due && work.clicked) {
            return Ok(standing);
        }
        let target = self.target.get_or_try_init(|| self.find_target(account)).await?;
        let found = account
            .call(async |amocrm, token| amocrm.deals(token, &[id]).await)
            .await?;
        // One that was closed, deleted or moved meanwhile is the sales team's.
        let open = choose_deal(found, target.pipeline, Some(id));
        if let Some(deal) = open.filter(|deal| target.is_ahead_of(deal.status_id)) {
            let change = DealChange {
                stage: Some((target.pipeline, target.stage)),
                ..DealChange::default()
            };
            account
                .call(async |amocrm, token| amocrm.update_deal(token, deal.id, &change).await)
                .await?;
        }
        let saved = DealSaved {
            deal: id,
            contact: None,
            made: false,
            task_due,
            user,
            move_due: false,
        };
        save(store, work, saved).await?;
        Ok(standing)
    }

    /// A deal that is there gets a task if it has none, for its own salesperson.
    fn as_found(&self, deal: &Deal, contact: Option<ContactId>, made: bool, move_due: bool) -> DealSaved {
        DealSaved {
            deal: deal.id,
            contact,
            made,
            task_due: self.tasks.is_some() && !deal.has_open_task(),
            user: deal.responsible,
            move_due,
        }
    }

    /// The configured stage. Names are looked up once per process.
    async fn find_target(&self, account: &Account) -> Result<Target, Stop> {
        let pipelines = account
            .call(async |amocrm, token| amocrm.pipelines(token).await)
            .await?;
        let (pipeline, stage) = match amocrm::place(&pipelines, &self.stage) {
            Ok(found) => found,
            // Only a human can correct the setting: shut the gate for a while and log the reason.
            Err(why) => {
                return Err(account
                    .refused(Failure::new(Reaction::Park, why.to_string()))
                    .await);
            }
        };
        let places = pipeline.statuses().iter().map(|stage| (stage.id, stage.sort));
        Ok(Target {
            pipeline: pipeline.id,
            stage: stage.id,
            places: places.collect(),
        })
    }

    /// The deal of an earlier attempt whose answer was lost.
    async fn find_marked(&self, account: &Account, lead: LeadId) -> Result<Option<Deal>, Stop> {
        let marker = lead.to_string();
        let mut found = account
            .call(async |amocrm, token| amocrm.find_deals(token, &marker).await)
            .await?;
        // The search matches any text; only our own field proves that the deal is this lead's.
        found.retain(|deal| deal.holds(self.lead_id_field, &marker));
        Ok(found.into_iter().next())
    }

    /// Adds what the deal lacks: empty fields, which keeps the first touch, and tags. It moves forward to our stage, never
    /// back, and only when a human has clicked: anybody can type a phone. Returns whether it waits for that.
    async fn update(
        &self,
        account: &Account,
        work: &CrmWork,
        target: &Target,
        deal: &Deal,
    ) -> Result<bool, Stop> {
        let is_behind = target.is_ahead_of(deal.status_id);
        let mut change = DealChange {
            stage: (is_behind && work.clicked).then_some((target.pipeline, target.stage)),
            fields: self.fields(work),
            tags: tags(work),
        };
        change.fields.retain(|(field, _)| !deal.has(*field));
        change.tags.retain(|tag| !deal.has_tag(tag));
        if change != DealChange::default() {
            account
                .call(async |amocrm, token| amocrm.update_deal(token, deal.id, &change).await)
                .await?;
        }
        Ok(is_behind && !work.clicked)
    }

    async fn create(
        &self,
        store: &Store,
        account: &Account,
        work: &CrmWork,
        target: &Target,
        contact: Option<ContactId>,
    ) -> Result<Standing, Stop> {
        let user = self.tasks.as_ref().and_then(|tasks| tasks.user_of(work.lead));
        let new_contact = || DealContact::New {
            name: work.name.clone(),
            phone: work.phone.clone(),
            email: work.email.clone(),
        };
        let deal = NewDeal {
            name: format!("{} {}", self.texts.deal, work.name.as_str()),
            pipeline: target.pipeline,
            stage: target.stage,
            fields: self.fields(work),
            tags: tags(work),
            responsible: user,
            contact: contact.map_or_else(new_contact, DealContact::Known),
        };
        // From here on a crash or a lost answer may leave a deal behind.
        if store.mark_creating(work, true).await? == Fence::Lost {
            return Err(Stop::Lost);
        }
        let created = account
            .call(async |amocrm, token| amocrm.create_deal(token, &deal).await)
            .await;
        match created {
            Ok(created) => {
                let saved = DealSaved {
                    deal: created.deal,
                    contact: created.contact.or(contact),
                    made: true,
                    task_due: self.tasks.is_some(),
                    user,
                    move_due: false,
                };
                save(store, work, saved).await
            }
            Err(stop) => {
                let unknown = matches!(&stop, Stop::Failed(failure) if failure.reaction == Reaction::Unknown);
                if !unknown && store.mark_creating(work, false).await? == Fence::Lost {
                    return Err(Stop::Lost);
                }
                Err(stop)
            }
        }
    }

    /// The custom fields of the deal: our marker, and the first touch's tags if they are configured.
    fn fields(&self, work: &CrmWork) -> Vec<(FieldId, String)> {
        let mut fields = vec![(self.lead_id_field, work.lead.to_string())];
        let tags = work.metadata.first_tags.iter();
        fields.extend(tags.flat_map(|tags| tag_fields(&self.utm_fields, tags)));
        fields
    }
}

/// The deal's tags: the campaign of the first touch and, when it is another one, of the latest.
fn tags(work: &CrmWork) -> Vec<String> {
    let name = |campaign: &Option<String>, source: &String| campaign.as_ref().unwrap_or(source).clone();
    let mut tags = vec![name(&work.metadata.campaign, &work.source)];
    if let Some(touch) = &work.metadata.last_touch {
        tags.push(name(&touch.campaign, &touch.source));
    }
    tags.retain(|tag| !tag.is_empty());
    tags.dedup_by_key(|tag| tag.to_lowercase());
    tags
}

/// The tags of the link that have a field and fit it.
fn tag_fields(fields: &[(String, FieldId)], tags: &Tags) -> Vec<(FieldId, String)> {
    let found = fields
        .iter()
        .filter_map(|(name, field)| Some((*field, tags.get(name)?.to_owned())));
    found
        .filter(|(_, text)| text.chars().count() <= FIELD_MAX_CHARS)
        .collect()
}

impl Target {
    /// Whether our stage is further along than this one. An unknown stage counts as behind.
    fn is_ahead_of(&self, stage: StageId) -> bool {
        let place = |stage| self.places.get(&stage).copied().unwrap_or(i64::MIN);
        place(stage) < place(self.stage)
    }
}

/// The person's contact: the stored one, or the one with this phone.
async fn find_contact(account: &Account, work: &CrmWork) -> Result<Option<Contact>, Stop> {
    if let Some(id) = work.contact {
        let known = account
            .call(async |amocrm, token| amocrm.contact(token, id).await)
            .await?;
        if known.is_some() {
            return Ok(known);
        }
    }
    let last10 = work.phone.last10();
    let hits = account
        .call(async |amocrm, token| amocrm.find_contacts(token, last10).await)
        .await?;
    Ok(choose_contact(hits, &work.phone, &work.email))
}

/// Among the contacts with this phone: the one with the same e-mail, or else the oldest. The search matches any text
/// in a contact; without this check, fifty strangers were once merged.
fn choose_contact(hits: Vec<Contact>, phone: &Phone, email: &Email) -> Option<Contact> {
    let same_phone = hits
        .into_iter()
        .filter(|hit| hit.values("PHONE").any(|raw| holds_phone(raw, phone)));
    let has_email = |hit: &Contact| hit.values("EMAIL").any(|raw| holds_email(raw, email));
    same_phone.min_by_key(|hit| (!has_email(hit), hit.id))
}

/// Whether a field holds this number. People write several into one, with remarks and extensions; whole numbers are
/// compared, so digits never match across two of them.
fn holds_phone(raw: &str, phone: &Phone) -> bool {
    Phone::find_all(raw).contains(phone)
}

/// Whether a field holds this address, alone or among others and their remarks.
fn holds_email(raw: &str, email: &Email) -> bool {
    let is_between = |c: char| c.is_whitespace() || ",;|/<>()".contains(c);
    let is_it = |text: &str| Email::parse(text).is_ok_and(|one| one == *email);
    is_it(raw) || raw.split(is_between).any(is_it)
}

async fn active_deal(
    account: &Account,
    work: &CrmWork,
    target: &Target,
    contact: &Contact,
) -> Result<Option<Deal>, Stop> {
    let ids = contact.deals();
    if ids.is_empty() {
        return Ok(None);
    }
    let deals = account
        .call(async |amocrm, token| amocrm.deals(token, &ids).await)
        .await?;
    Ok(choose_deal(deals, target.pipeline, work.deal))
}

/// The newest open deal of the pipeline; the lead's own deal wins while it is open. Closed deals and other pipelines
/// do not count.
fn choose_deal(deals: Vec<Deal>, pipeline: PipelineId, own: Option<DealId>) -> Option<Deal> {
    let open = deals
        .into_iter()
        .filter(|deal| deal.pipeline_id == pipeline && !CLOSED.contains(&deal.status_id) && !deal.is_deleted);
    open.max_by_key(|deal| (Some(deal.id) == own, deal.id))
}

async fn save(store: &Store, work: &CrmWork, saved: DealSaved) -> Result<Standing, Stop> {
    if store.save_deal(work, &saved).await? == Fence::Lost {
        return Err(Stop::Lost);
    }
    tracing::info!(lead.id = %work.lead, deal = saved.deal.0, "The deal stands");
    Ok(Standing {
        id: saved.deal,
        task_due: saved.task_due || work.task.is_due,
        user: saved.user,
        is_fresh: true,
    })
}

#[cfg(test)]
mod tests;
