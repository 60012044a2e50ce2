//! What a GET may ask for, and what a search finds.

use std::time::Duration;

use jiff::Timestamp;
use url::form_urlencoded;

use super::{
    account::{Account, Contact, Deal, Values},
    answer::Refusal,
    setup::PHONE,
    view::CrmTask,
};

const LIMIT_DEFAULT: usize = 50;
/// The vendor's «Limit 250 per page».
const LIMIT_MAX: usize = 250;

/// The parameters of a list. The vendor ignores those that it does not know; the stand-in refuses them.
#[derive(Debug)]
pub(super) struct Listing {
    query: Option<Query>,
    ids: Vec<i64>,
    pub(super) with: bool,
    /// From 1.
    pub(super) page: usize,
    pub(super) limit: usize,
}

impl Listing {
    /// `with_leads`: whether `with=leads` may be there.
    pub(super) fn parse(raw: Option<&str>, with_leads: bool) -> Result<Self, Refusal> {
        let mut listing = Self {
            query: None,
            ids: Vec::new(),
            with: false,
            page: 1,
            limit: LIMIT_DEFAULT,
        };
        let number = |name: &str, value: &str| {
            let number = value.parse::<usize>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| Refusal::bad_request(format!("{name} must be a whole number from 1")))
        };
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            match &*name {
                "query" => listing.query = (!value.is_empty()).then(|| Query::new(&value)),
                "page" => listing.page = number(&name, &value)?,
                "limit" => listing.limit = number(&name, &value)?,
                "with" if with_leads && value == "leads" => listing.with = true,
                "filter[id][]" => match value.parse() {
                    Ok(id) => listing.ids.push(id),
                    Err(_) => return Err(Refusal::bad_request(format!("{name} must be a number"))),
                },
                _ => {
                    let detail = format!("the stand-in does not know {name}={value} here");
                    return Err(Refusal::bad_request(detail));
                }
            }
        }
        if listing.limit > LIMIT_MAX {
            return Err(Refusal::new("limit", 422, format!("Limit {LIMIT_MAX} per page")));
        }
        Ok(listing)
    }

    /// Deals that match: by id at once, by `query` when they are `lag` old.
    pub(super) fn deals<'a>(&'a self, account: &'a Account, lag: Duration) -> impl Iterator<Item = &'a Deal> {
        account.deals.values().filter(move |deal| {
            let is_indexed = deal.seeded || is_older(deal.created_at, lag);
            self.finds(deal.id, is_indexed, |query| query.is_in_deal(deal))
        })
    }

    pub(super) fn contacts<'a>(
        &'a self,
        account: &'a Account,
        lag: Duration,
    ) -> impl Iterator<Item = &'a Contact> {
        account.contacts.values().filter(move |contact| {
            let is_indexed = contact.seeded || is_older(contact.created_at, lag);
            self.finds(contact.id, is_indexed, |query| query.is_in_contact(contact))
        })
    }

    fn finds(&self, id: i64, is_indexed: bool, holds: impl Fn(&Query) -> bool) -> bool {
        (self.ids.is_empty() || self.ids.contains(&id))
            && self.query.as_ref().is_none_or(|query| is_indexed && holds(query))
    }
}

/// The parameters of the list of tasks, newest first.
#[derive(Debug)]
pub(super) struct TaskListing {
    pub(super) page: Listing,
    deals: Vec<i64>,
}

impl TaskListing {
    /// The vendor looks at `filter[entity_id]` only beside `filter[entity_type]`; the stand-in refuses it alone, and another
    /// order than ours.
    pub(super) fn parse(raw: Option<&str>) -> Result<Self, Refusal> {
        let (mut rest, mut deals, mut of_deals, mut is_newest_first) = (
            form_urlencoded::Serializer::new(String::new()),
            Vec::new(),
            false,
            false,
        );
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            match (&*name, &*value) {
                ("filter[entity_type]", "leads") => of_deals = true,
                ("order[id]", "desc") => is_newest_first = true,
                ("filter[entity_id][]", id) => {
                    let id = id.parse();
                    deals.push(id.map_err(|_| Refusal::bad_request("filter[entity_id] must be a number"))?);
                }
                (name, value) => {
                    rest.append_pair(name, value);
                }
            }
        }
        if deals.is_empty() || !of_deals || !is_newest_first {
            let detail = "the stand-in lists tasks only by filter[entity_type]=leads, filter[entity_id][] and order[id]=desc";
            return Err(Refusal::bad_request(detail));
        }
        let page = Listing::parse(Some(&rest.finish()), false)?;
        Ok(Self { page, deals })
    }

    pub(super) fn tasks<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a CrmTask> {
        let tasks = account.tasks.iter().rev();
        tasks.filter(|task| self.deals.contains(&task.deal_id))
    }
}

fn is_older(created_at: Timestamp, lag: Duration) -> bool {
    let age = Timestamp::now().duration_since(created_at);
    Duration::try_from(age).is_ok_and(|age| age >= lag)
}

#[derive(Debug)]
struct Query {
    text: String,
    /// Its digits, when it has nothing else but a plus. `+7…` and `8…` are different all the same.
    digits: Option<String>,
}

impl Query {
    fn new(query: &str) -> Self {
        let digits = query.strip_prefix('+').unwrap_or(query);
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            text: query.to_lowercase(),
            digits: all_digits.then(|| digits.to_owned()),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.text)
    }

    fn is_in_values(&self, values: &Values) -> bool {
        let mut all = values.values().flatten();
        all.any(|value| self.is_in(value))
    }

    fn is_in_deal(&self, deal: &Deal) -> bool {
        let mut tags = deal.tags.iter();
        self.is_in(&deal.name) || tags.any(|name| self.is_in(name)) || self.is_in_values(&deal.values)
    }

    fn is_in_contact(&self, contact: &Contact) -> bool {
        self.is_in(&contact.name) || self.is_in_values(&contact.values) || self.is_in_phones(contact)
    }

    /// A phone is stored as it was written, and found by its digits.
    fn is_in_phones(&self, contact: &Contact) -> bool {
        let Some(digits) = &self.digits else {
            return false;
        };
        let mut phones = contact.values.get(&PHONE).into_iter().flatten();
        phones.any(|phone| {
            let stored: String = phone.chars().filter(char::is_ascii_digit).collect();
            stored.contains(digits)
        })
    }
}
