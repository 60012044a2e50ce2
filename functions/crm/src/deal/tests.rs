use super::*;
use serde_json::{Value, json};

fn contact(id: i64, phones: &[&str], emails: &[&str]) -> Contact {
    let values = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| json!({"value": text}))
            .collect::<Vec<Value>>()
    };
    let json = json!({"id": id, "custom_fields_values": [
        {"field_code": "PHONE", "values": values(phones)},
        {"field_code": "EMAIL", "values": values(emails)},
    ]});
    serde_json::from_value(json).unwrap()
}

fn chosen(hits: &[Contact]) -> Option<i64> {
    let (phone, email) = (Phone::parse("+77011234567"), Email::parse("anna@example.com"));
    choose_contact(hits.to_vec(), &phone.unwrap(), &email.unwrap()).map(|contact| contact.id.0)
}

#[test]
fn a_contact_counts_only_with_this_phone_in_any_spelling_of_the_prefix() {
    let stranger = contact(1, &["8 (701) 123-45-68"], &["anna@example.com"]);
    assert_eq!(chosen(std::slice::from_ref(&stranger)), None);
    assert_eq!(
        chosen(&[stranger, contact(2, &["123", "8 (701) 123-45-67"], &[])]),
        Some(2)
    );
}

#[test]
fn of_several_contacts_the_one_with_the_e_mail_or_else_the_oldest_counts() {
    let phone = &["+77011234567"][..];
    let (old, new) = (contact(3, phone, &[]), contact(4, phone, &["b@example.com"]));
    assert_eq!(chosen(&[new.clone(), old.clone()]), Some(3));
    assert_eq!(
        chosen(&[old, new, contact(5, phone, &[" Anna@Example.com "])]),
        Some(5)
    );
}

fn deal(id: i64, pipeline: i64, stage: i64, is_deleted: bool) -> Deal {
    let json = json!({"id": id, "pipeline_id": pipeline, "status_id": stage, "is_deleted": is_deleted});
    serde_json::from_value(json).unwrap()
}

#[test]
fn only_open_deals_of_our_pipeline_count_and_the_own_one_before_newer_ones() {
    let choose = |deals: &[Deal], own| choose_deal(deals.to_vec(), PipelineId(1), own).map(|deal| deal.id.0);
    let over = [
        deal(9, 1, 142, false),
        deal(8, 1, 143, false),
        deal(7, 2, 5, false),
        deal(6, 1, 5, true),
    ];
    assert_eq!(choose(&over, Some(DealId(9))), None);
    let mut deals = over.to_vec();
    deals.extend([deal(3, 1, 5, false), deal(2, 1, 5, false)]);
    assert_eq!(choose(&deals, None), Some(3));
    assert_eq!(choose(&deals, Some(DealId(2))), Some(2));
}

#[test]
fn a_deal_moves_forward_only() {
    let target = Target {
        pipeline: PipelineId(1),
        stage: StageId(20),
        places: HashMap::from([(StageId(10), 1), (StageId(20), 2), (StageId(30), 3)]),
    };
    let ahead = [10, 20, 30, 99].map(|stage| target.is_ahead_of(StageId(stage)));
    assert_eq!(ahead, [true, false, false, true]);
}
