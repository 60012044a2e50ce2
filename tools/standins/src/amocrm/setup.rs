//! The account's pipelines, stages and custom fields. The ids are ours.

use serde_json::{Value, json};

/// A deal won, and a deal lost: the same ids in every pipeline.
const WON: i64 = 142;
const LOST: i64 = 143;

pub(super) const MAIN_PIPELINE: i64 = 6_100_001;
pub(super) const FOREIGN_PIPELINE: i64 = 6_200_001;
pub(super) const PROFTEST_STATUS: i64 = 61_000_020;

/// The user of the token, whose are the deals and tasks of which nobody says whose they are.
pub(super) const OWNER: i64 = 11_000_001;
pub(super) static USERS: [(i64, &str); 3] = [
    (OWNER, "Администратор"),
    (11_000_002, "Динара"),
    (11_000_003, "Тимур"),
];

/// The field that carries our lead's id.
pub(super) const MARKER: &str = "PROFTEST_LEAD_ID";

#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) id: i64,
    pub(super) name: &'static str,
    pub(super) statuses: &'static [Status],
}

#[derive(Debug)]
pub(super) struct Status {
    pub(super) id: i64,
    pub(super) name: &'static str,
    sort: u32,
}

const fn status(id: i64, name: &'static str, sort: u32) -> Status {
    Status { id, name, sort }
}

/// The first is the account's main one. The sort numbers of won and lost are the vendor's.
pub(super) static PIPELINES: [Pipeline; 2] = [
    Pipeline {
        id: MAIN_PIPELINE,
        name: "Воронка",
        statuses: &[
            status(61_000_010, "Первичный контакт", 20),
            status(PROFTEST_STATUS, "ЗАЯВКА_С_ПРОФТЕСТА", 30),
            status(61_000_030, "Переговоры", 40),
            status(61_000_040, "Счёт выставлен", 50),
            status(WON, "Успешно реализовано", 10_000),
            status(LOST, "Закрыто и не реализовано", 11_000),
        ],
    },
    Pipeline {
        id: FOREIGN_PIPELINE,
        name: "Партнёры",
        statuses: &[
            status(62_000_010, "Первичный контакт", 20),
            status(62_000_020, "Договор", 30),
            status(WON, "Успешно реализовано", 10_000),
            status(LOST, "Закрыто и не реализовано", 11_000),
        ],
    },
];

#[derive(Debug)]
pub(super) struct Field {
    pub(super) id: i64,
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) kind: &'static str,
    /// What `enum_code` may be; empty: the field has none.
    pub(super) enums: &'static [&'static str],
}

const fn field(id: i64, name: &'static str, code: &'static str, kind: &'static str) -> Field {
    Field {
        id,
        name,
        code,
        kind,
        enums: &[],
    }
}

pub(super) static DEAL_FIELDS: [Field; 7] = [
    field(880_001, "utm_source", "UTM_SOURCE", "tracking_data"),
    field(880_002, "utm_medium", "UTM_MEDIUM", "tracking_data"),
    field(880_003, "utm_campaign", "UTM_CAMPAIGN", "tracking_data"),
    field(880_004, "utm_content", "UTM_CONTENT", "tracking_data"),
    field(880_005, "utm_term", "UTM_TERM", "tracking_data"),
    field(880_010, "proftest_lead_id", MARKER, "text"),
    field(880_020, "Оценка", "SCORE", "numeric"),
];

pub(super) const PHONE: i64 = 770_001;
pub(super) const EMAIL: i64 = 770_002;

pub(super) static CONTACT_FIELDS: [Field; 2] = [
    Field {
        enums: &["WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"],
        ..field(PHONE, "Телефон", "PHONE", "multitext")
    },
    Field {
        enums: &["WORK", "PRIV", "OTHER"],
        ..field(EMAIL, "Email", "EMAIL", "multitext")
    },
];

pub(super) fn pipeline(id: i64) -> Option<&'static Pipeline> {
    PIPELINES.iter().find(|pipeline| pipeline.id == id)
}

pub(super) fn is_user(id: i64) -> bool {
    USERS.iter().any(|(user, _)| *user == id)
}

pub(super) fn user_json((id, name): &(i64, &str)) -> Value {
    json!({ "id": id, "name": name })
}

pub(super) fn pipelines() -> Value {
    let status = |one: &Status| json!({ "id": one.id, "name": one.name, "sort": one.sort });
    let list = PIPELINES.iter().map(|one| {
        let statuses: Vec<Value> = one.statuses.iter().map(status).collect();
        json!({ "id": one.id, "name": one.name, "_embedded": { "statuses": statuses } })
    });
    json!({ "_embedded": { "pipelines": list.collect::<Vec<_>>() } })
}

pub(super) fn field_json(field: &Field) -> Value {
    json!({ "id": field.id, "name": field.name, "code": field.code, "type": field.kind })
}
