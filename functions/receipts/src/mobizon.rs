//! Mobizon's webhooks. Contract: mobizon/mobizon-api-docs, `_webhooks`. The panel offers raw, XML and JSON; the pages show JSON
//! alone.

mod fields;

use fields::Fields;
use proftest::domain::receipt::MobizonSecret;
use proftest::http::Refusal;

/// Forms and other events go through the same webhooks.
const REPORT: &str = "sms-delivery-report";

/// The message that a signed report names.
#[derive(Debug, PartialEq, Eq)]
pub struct Hint {
    /// Of the report; the same at each repetition.
    pub event: String,
    pub message: String,
}

/// `None` for an event that is no report of an SMS, or names none.
pub fn hint(secrets: &[MobizonSecret], body: &[u8]) -> Result<Option<Hint>, Refusal> {
    // The signature stands within, so the body has to be taken apart first. Of it nothing but four fields is looked at.
    let fields = Fields::read(body);
    let event = verified(secrets, &fields).ok_or(Refusal::Unsigned)?;
    if fields.get("eventType") != Some(REPORT) {
        return Ok(None);
    }
    let message = fields.get("data.messageId").and_then(|id| id.parse::<i64>().ok());
    Ok(message.filter(|id| *id > 0).map(|id| Hint {
        event: event.to_owned(),
        message: id.to_string(),
    }))
}

fn verified<'a>(secrets: &[MobizonSecret], fields: &'a Fields) -> Option<&'a str> {
    let (event, attempt) = (fields.get("eventId")?, fields.get("attempt")?);
    let (created, sign) = (fields.get("eventCreateTs")?, fields.get("sign")?);
    // What joins the fields in the signature is in none of them.
    let is_plain = |text: &str| !text.is_empty() && text.len() <= 64 && !text.contains('|');
    let is_signed = || {
        secrets
            .iter()
            .any(|secret| secret.has_signed(event, attempt, created, sign))
    };
    ([event, attempt, created].into_iter().all(is_plain) && is_signed()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const SIGN: &str = "e6aafe8ffb6ca1e9708af52cdeb2a9156577688b";

    fn read(body: &str) -> Result<Option<String>, Refusal> {
        let secrets = ["x".repeat(32).as_str(), SECRET].map(|raw| MobizonSecret::parse(raw).unwrap());
        hint(&secrets, body.as_bytes())
            .map(|hint| hint.map(|hint| format!("{} {}", hint.event, hint.message)))
    }

    fn json(data: &str, sign: &str) -> String {
        format!(
            r#"{{"eventId": 26, "eventType": "sms-delivery-report", "eventCreateTs": "2026-01-15 11:42:28", "webhookId": 1,
                "attempt": 1, "data": {data}, "sign": "{sign}"}}"#
        )
    }

    #[test]
    fn the_message_is_read_in_every_form() {
        let data = r#"{"campaignId": 1, "messageId": 169275418, "segNum": 3, "status": "DELIVRD", "to": "380737893456"}"#;
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request><eventId>26</eventId>\
             <eventType>sms-delivery-report</eventType><eventCreateTs>2026-01-15 11:42:28</eventCreateTs>\
             <attempt> 1 </attempt><data><messageId>169275418</messageId><status><![CDATA[DELIVRD]]></status></data>\
             <sign>{SIGN}</sign></request>"
        );
        let form = format!(
            "eventId=26&eventType=sms-delivery-report&eventCreateTs=2026-01-15+11%3A42%3A28&attempt=1\
             &data%5BmessageId%5D=169275418&data[status]=DELIVRD&sign={SIGN}"
        );
        let form_with_json = format!(
            "eventId=26&eventType=sms-delivery-report&eventCreateTs=2026-01-15%2011:42:28&attempt=1\
             &data=%7B%22messageId%22%3A%22169275418%22%7D&sign={SIGN}"
        );
        let strings =
            json(r#"{"messageId": "169275418"}"#, SIGN).replace("\"eventId\": 26", "\"eventId\": \"26\"");
        for body in [
            json(data, SIGN),
            format!("\u{feff}{}", json(data, SIGN)),
            strings,
            xml,
            form,
            form_with_json,
        ] {
            assert_eq!(read(&body), Ok(Some("26 169275418".to_owned())), "{body}");
        }
    }

    #[test]
    fn what_is_not_signed_is_refused_and_what_names_no_sms_is_nothing() {
        let data = r#"{"messageId": 1}"#;
        let good = json(data, SIGN);
        for body in [
            json(data, &SIGN.replace('e', "f")),
            json(data, ""),
            good.replace("\"attempt\": 1", "\"attempt\": 2"),
            good.replace(":28", ":29"),
            good.replace("26,", "\"26|1\","),
            good.replace("sign", "signature"),
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            "<".to_owned(),
            "<a><b></a>".to_owned(),
            "=&&%".to_owned(),
        ] {
            assert_eq!(read(&body), Err(Refusal::Unsigned), "{body}");
        }
        for body in [
            json("null", SIGN),
            json("{}", SIGN),
            json(r#"{"messageId": 0}"#, SIGN),
            json(r#"{"messageId": -7}"#, SIGN),
            json(r#"{"messageId": "7 or 1=1"}"#, SIGN),
            json(r#"{"messageId": [7]}"#, SIGN),
            good.replace("sms-delivery-report", "form-submission"),
        ] {
            assert_eq!(read(&body), Ok(None), "{body}");
        }
    }
}
