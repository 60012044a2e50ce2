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
fn a_crm_field_that_is_more_than_one_bare_number_holds_each_of_them() {
    for field in [
        "8 (701) 123-45-67, 8 702 555 00 00",
        "8 702 555 00 00; 87011234567",
        "8 702 555 00 00 / 8 701 123 45 67",
        "8 702 555 00 00 или 701 123 45 67",
        "+7 702 555 00 00 +7 701 123 45 67",
        "8 702 555 00 00\n8 701 123 45 67",
        "+7 701 123-45-67 доб. 12",
        "8 (701) 123-45-67 вн.404",
        "+7 701 123 45 67 ext 12",
        "87011234567#404",
        "8 701 123 45 67 (WhatsApp, Анна)",
        "Анна: +7 (701) 123-45-67",
        "раб. 8 7172 55 00 00, моб. 8 701 123 45 67",
        "+8 (701) 123-45-67",
        "٨٧٠١١٢٣٤٥٦٧",
    ] {
        assert_eq!(chosen(&[contact(1, &[field], &[])]), Some(1), "{field}");
        assert_eq!(
            chosen(&[contact(1, &["", "123", field], &[])]),
            Some(1),
            "{field}"
        );
    }
}

#[test]
fn digits_do_not_match_across_two_numbers_nor_in_another_person_s() {
    for field in [
        // The digits of +7 701 123 45 67 stand here across a border, or within a longer number.
        "8 702 555 77 01, 1234567",
        "8 702 555 70 11; 234567",
        "8 702 555 00 77, 011234567",
        "555-7701 / 1234567",
        "+1 770 112 3456, 7",
        "+44 7011 234567",
        "+380 7011 234567",
        "+7 702 555 00 00 доб. 701123, 4567",
        "4400 7011 2345 67",
        "8 701 123 45 68, 8 701 123 45 66",
        "8 701 123 45 6, 7",
        "870112345678",
        "ИИН 770112 345678",
        "701 1234",
        "Анна",
        "",
    ] {
        assert_eq!(
            chosen(&[contact(1, &[field], &["anna@example.com"])]),
            None,
            "{field}"
        );
    }
}

#[test]
fn a_crm_field_with_several_addresses_holds_each_of_them() {
    let phone = &["+77011234567"][..];
    let older = contact(1, phone, &["stranger@example.com"]);
    for field in [
        "anna@example.com, a@example.com",
        "a@example.com; ANNA@EXAMPLE.COM",
        "a@example.com anna@example.com",
        "a@example.com\nanna@example.com",
        "a@example.com|anna@example.com",
        "Анна <anna@example.com>",
        "mailto:anna@example.com",
        "anna@example.com (рабочий)",
        " Anna@Example.com. ",
        "an\u{200B}na@example.com",
        "личный anna@example.com / рабочий a@example.com",
    ] {
        assert_eq!(
            chosen(&[older.clone(), contact(2, phone, &[field])]),
            Some(2),
            "{field}"
        );
    }
    for field in [
        "anna@example.co",
        "joanna@example.com",
        "anna@example.com.kz",
        "anna@, example.com",
        "",
    ] {
        assert_eq!(
            chosen(&[older.clone(), contact(2, phone, &[field])]),
            Some(1),
            "{field}"
        );
    }
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

#[test]
fn an_id_that_is_too_long_for_a_field_is_left_out_of_it_whole() {
    let json = json!({"gclid": "g".repeat(250), "ttclid": "t".repeat(251), "utm_term": "t".repeat(500), "fbclid": "f"});
    let Value::Object(tags) = json else { unreachable!() };
    let fields = ["gclid", "ttclid", "utm_term", "yclid"].map(str::to_owned);
    let fields: Vec<_> = fields.into_iter().zip((1..).map(FieldId)).collect();
    assert_eq!(
        tag_fields(&fields, &Tags::read(tags)),
        [(FieldId(1), "g".repeat(250)), (FieldId(3), "t".repeat(200))]
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
