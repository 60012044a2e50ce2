use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const P: DeliveryTiming = DeliveryTiming::PRODUCTION;

fn failed(reaction: Reaction) -> Result<String, Failure> {
    Err(Failure::new(reaction, "why"))
}

#[test]
fn retry_after_is_a_floor_and_the_backoff_grows() {
    let after = |retries, floor: Option<u64>| {
        let outcome = failed(Reaction::Retry {
            after: floor.map(seconds),
        });
        judge(&P, Channel::Email, retries, outcome, 1.0).after().unwrap()
    };
    assert_eq!(after(0, None), seconds(5));
    assert_eq!(after(3, None), seconds(120));
    assert_eq!(after(0, Some(77)), seconds(77));
    assert!(
        judge(
            &P,
            Channel::Email,
            0,
            failed(Reaction::Retry { after: None }),
            0.0
        )
        .after()
            < Some(seconds(5))
    );
}

#[test]
fn retries_end_but_parking_does_not() {
    let last = u16::try_from(P.backoff.len()).unwrap();
    let retry = failed(Reaction::Retry { after: None });
    assert_eq!(
        judge(&P, Channel::Sms, last - 1, retry.clone(), 0.5).state(),
        State::Retrying
    );
    assert_eq!(judge(&P, Channel::Sms, last, retry, 0.5).state(), State::Failed);
    assert_eq!(
        judge(&P, Channel::Sms, last + 50, failed(Reaction::Park), 0.5).state(),
        State::Parked
    );
}

#[test]
fn an_unknown_sms_is_never_simply_retried() {
    assert_eq!(
        judge(&P, Channel::Sms, 1, failed(Reaction::Unknown), 0.5).state(),
        State::Unknown
    );
    assert_eq!(
        judge(&P, Channel::Email, 1, failed(Reaction::Unknown), 0.5).state(),
        State::Retrying
    );
}

#[test]
fn an_unknown_sms_is_sent_again_only_when_the_list_had_time_to_show_it() {
    let look = |since, found| reconcile(&P, seconds(since), found, 0.5);
    assert_eq!(
        look(599, Ok(None)),
        Reconciled::Over(Outcome::Unknown {
            reason: "outcome unknown: not in the vendor's list yet".into(),
            after: seconds(45),
        })
    );
    assert_eq!(look(600, Ok(None)), Reconciled::SendAgain);
    let found = Reconciled::Over(Outcome::Accepted {
        provider_id: "7".into(),
    });
    assert_eq!(look(1, Ok(Some("7".into()))), found);
}

#[test]
fn a_failed_look_up_never_ends_in_sending() {
    for reaction in [
        Reaction::GiveUp,
        Reaction::Park,
        Reaction::Unknown,
        Reaction::Retry { after: None },
    ] {
        let look = |since| reconcile(&P, since, Err(Failure::new(reaction, "why")), 0.5);
        assert!(matches!(
            look(seconds(9_999)),
            Reconciled::Over(Outcome::Unknown { .. })
        ));
        assert!(matches!(
            look(P.unknown_max),
            Reconciled::Over(Outcome::Failed { .. })
        ));
    }
}

#[test]
fn an_attempt_in_doubt_looks_up_an_sms_and_trusts_the_key_of_an_email() {
    let open_at = |channel, since| open(&P, channel, Before::Unknown { since });
    assert_eq!(open(&P, Channel::Email, Before::NotSent), Opening::Send);
    assert_eq!(open(&P, Channel::Sms, Before::NotSent), Opening::Send);
    assert_eq!(
        open_at(Channel::Sms, seconds(1)),
        Opening::LookUp { since: seconds(1) }
    );
    assert_eq!(open_at(Channel::Email, EMAIL_KEY_LIFETIME), Opening::Send);
    let late = open_at(Channel::Email, EMAIL_KEY_LIFETIME + seconds(1));
    assert!(matches!(late, Opening::Over(Outcome::Failed { .. })), "{late:?}");
}
