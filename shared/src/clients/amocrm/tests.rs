use super::*;

fn reaction(status: u16, body: &str) -> Reaction {
    checked(Answer::new(status, body)).err().unwrap().reaction
}

#[test]
fn every_documented_status_has_its_reaction_whatever_the_body() {
    for body in [
        "",
        "<html>nginx</html>",
        r#"{"title":"x","status":1,"detail":"+77001234567"}"#,
    ] {
        assert_eq!(reaction(403, body), Reaction::Block, "{body}");
        assert_eq!(reaction(401, body), Reaction::Park, "{body}");
        assert_eq!(reaction(402, body), Reaction::Park, "{body}");
        assert_eq!(
            reaction(429, body),
            Reaction::Retry {
                after: Some(RATE_LIMIT_PAUSE)
            },
            "{body}"
        );
        for status in [400, 404, 405, 422] {
            assert_eq!(reaction(status, body), Reaction::GiveUp, "{status} {body}");
        }
        for status in [500, 502, 504] {
            assert_eq!(reaction(status, body), Reaction::Unknown, "{status} {body}");
        }
    }
    let limited = reaction(429, r#"{"title":"Too many","retry_after":300}"#);
    assert_eq!(
        limited,
        Reaction::Retry {
            after: Some(Duration::from_mins(5))
        }
    );
}

#[test]
fn reasons_hold_no_detail() {
    let failure = checked(Answer::new(
        400,
        r#"{"title":"Bad Request","detail":"+77001234567"}"#,
    ))
    .err()
    .unwrap();
    assert_eq!(failure.reason, "amocrm 400 Bad_Request");
}
