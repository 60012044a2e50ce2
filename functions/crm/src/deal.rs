//! The deal of a lead: found by our marker, updated, or created.

use crate::calls::{call, refused};
use crate::{App, Stop};
use proftest::clients::amocrm::{self, CLOSED, Contact, Deal, DealContact, NewDeal};
use proftest::failure::{Failure, Reaction};
use proftest::store::CrmWork;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The stage that deals are made in, and how far along each stage of its pipeline is.
pub struct Target {
    pipeline: i64,
    status: i64,
    places: HashMap<i64, i64>,
}

/// Makes sure that the lead has its one active deal, saves the deal's id and returns it.
pub async fn ensure(app: &App, work: &CrmWork) -> Result<i64, Stop> {
    if let (Some(deal), false) = (work.deal, work.deal_due) {
        return Ok(deal);
    }
    let target = app.stage.get_or_try_init(|| target(app)).await?;
    let marker = work.lead.to_string();
    if work.creating_for.is_some() {
        let found = call(app, async |token| app.amocrm.find_deals(token, &marker).await).await?;
        // The search matches anywhere; only our own field proves that the deal is this lead's.
        if let Some(deal) = found
            .iter()
            .find(|deal| deal.holds(app.settings.lead_id_field, &marker))
        {
            return save(app, work, deal.id, deal.contact()).await;
        }
        if work.creating_for.is_some_and(|since| since < app.policy.settle) {
            return Err(Stop::Wait(
                app.policy.settle / 4,
                "a deal of unknown outcome is not found yet",
            ));
        }
    }
    let contact = contact(app, work).await?;
    if let Some(contact) = &contact
        && let Some(deal) = active_deal(app, work, target, contact).await?
    {
        update(app, work, target, &deal).await?;
        return save(app, work, deal.id, Some(contact.id)).await;
    }
    create(app, work, target, contact.map(|contact| contact.id)).await
}

/// The configured stage, with names looked up: once a process.
async fn target(app: &App) -> Result<Target, Stop> {
    let pipelines = call(app, async |token| app.amocrm.pipelines(token).await).await?;
    let (pipeline, status) = match amocrm::place(&pipelines, &app.settings.stage) {
        Ok(found) => found,
        Err(why) => return Err(misconfigured(app, &why.to_string()).await),
    };
    let places = pipeline
        .statuses()
        .iter()
        .map(|status| (status.id, status.sort))
        .collect();
    Ok(Target {
        pipeline: pipeline.id,
        status: status.id,
        places,
    })
}

/// A setting that only a human can mend: nobody calls for a while, and somebody is told.
async fn misconfigured(app: &App, what: &str) -> Stop {
    refused(app, Failure::new(Reaction::Park, what)).await
}

/// The person's contact: the remembered one, or the one whose phone is this phone.
async fn contact(app: &App, work: &CrmWork) -> Result<Option<Contact>, Stop> {
    if let Some(id) = work.contact {
        let known = call(app, async |token| app.amocrm.contact(token, id).await).await?;
        if known.is_some() {
            return Ok(known);
        }
    }
    let last10 = last10(&work.phone);
    let hits = call(app, async |token| app.amocrm.find_contacts(token, &last10).await).await?;
    // The search matches anywhere in a contact; fifty strangers were once merged for want of this check.
    let same_phone = hits
        .into_iter()
        .filter(|hit| hit.values("PHONE").any(|phone| is_phone(phone, &last10)));
    let mut same_phone: Vec<Contact> = same_phone.collect();
    let has_email = |hit: &Contact| {
        hit.values("EMAIL")
            .any(|email| email.trim().eq_ignore_ascii_case(&work.email))
    };
    // Of several, the one with the same e-mail; else the oldest.
    same_phone.sort_by_key(|hit| (!has_email(hit), hit.id));
    Ok(same_phone.into_iter().next())
}

/// The last ten digits, in which `+7 701…` and `8 701…` agree.
fn last10(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(10)..].iter().collect()
}

fn is_phone(raw: &str, last10_digits: &str) -> bool {
    last10(raw) == last10_digits
}

/// The contact's newest open deal of our pipeline. Closed deals and those of other pipelines do not count.
async fn active_deal(
    app: &App,
    work: &CrmWork,
    target: &Target,
    contact: &Contact,
) -> Result<Option<Deal>, Stop> {
    let ids = contact.deals();
    if ids.is_empty() {
        return Ok(None);
    }
    let deals = call(app, async |token| app.amocrm.deals(token, &ids).await).await?;
    let open = deals.into_iter().filter(|deal| {
        deal.pipeline_id == target.pipeline && !CLOSED.contains(&deal.status_id) && !deal.is_deleted
    });
    // A lead keeps its own deal while it is open.
    Ok(open.max_by_key(|deal| (Some(deal.id) == work.deal, deal.id)))
}

/// Moves the deal forward to our stage, never back, and fills fields that are empty: the first touch is kept.
async fn update(app: &App, work: &CrmWork, target: &Target, deal: &Deal) -> Result<(), Stop> {
    let place = |status: i64| target.places.get(&status).copied().unwrap_or(i64::MIN);
    let forward = place(deal.status_id) < place(target.status);
    let status = forward.then_some((target.pipeline, target.status));
    let mut missing = fields(app, work);
    missing.retain(|(field, _)| !deal.has(*field));
    if status.is_none() && missing.is_empty() {
        return Ok(());
    }
    call(app, async |token| {
        app.amocrm.update_deal(token, deal.id, status, &missing).await
    })
    .await
}

async fn create(app: &App, work: &CrmWork, target: &Target, contact: Option<i64>) -> Result<i64, Stop> {
    let slug = work.metadata.get("campaignSlug").and_then(Value::as_str);
    let deal = NewDeal {
        name: format!("{} {}", app.texts.crm.deal, work.name),
        pipeline: target.pipeline,
        status: target.status,
        fields: fields(app, work),
        tag: slug.or(Some(work.source.as_str())).map(str::to_owned),
        contact: contact.map_or_else(
            || DealContact::New {
                name: work.name.clone(),
                phone: work.phone.clone(),
                email: work.email.clone(),
            },
            DealContact::Known,
        ),
    };
    // From here on a crash or a lost answer leaves a deal that may exist.
    if !app.store.mark_creating(work, true).await? {
        return Err(Stop::Lost);
    }
    match call(app, async |token| app.amocrm.create_deal(token, &deal).await).await {
        Ok(created) => save(app, work, created.deal, created.contact.or(contact)).await,
        Err(stop) => {
            let unknown = matches!(&stop, Stop::Failed(failure) if failure.reaction == Reaction::Unknown);
            if !unknown {
                app.store.mark_creating(work, false).await?;
            }
            Err(stop)
        }
    }
}

/// The custom fields of the lead's deal: our marker, and the first touch's tags where they are configured.
fn fields(app: &App, work: &CrmWork) -> Vec<(i64, String)> {
    let mut fields = vec![(app.settings.lead_id_field, work.lead.to_string())];
    let empty = Map::new();
    let utm = work
        .metadata
        .get("utmParams")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for (name, field) in &app.settings.utm_fields {
        if let Some(value) = utm
            .get(name)
            .and_then(Value::as_str)
            .filter(|value| !value.is_empty())
        {
            fields.push((*field, value.chars().take(250).collect()));
        }
    }
    fields
}

async fn save(app: &App, work: &CrmWork, deal: i64, contact: Option<i64>) -> Result<i64, Stop> {
    if !app.store.save_deal(work, deal, contact).await? {
        return Err(Stop::Lost);
    }
    tracing::info!(lead.id = %work.lead, deal, "The deal stands");
    Ok(deal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_the_same_in_every_spelling_of_the_prefix() {
        assert_eq!(last10("+77011234567"), "7011234567");
        assert!(is_phone("8 (701) 123-45-67", "7011234567"));
        assert!(!is_phone("8 (701) 123-45-68", "7011234567"));
        assert_eq!(last10("123"), "123");
    }
}
