use super::Findings;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, RedrivePolicy};
use proftest::aws::SdkConfig;
use proftest::config::{self, Env};

/// Queue URLs, from the stack's outputs.
pub(super) struct Urls([(&'static str, String); 2]);

impl Urls {
    /// Both or none: the stack may not exist yet.
    pub(super) fn read(env: &Env<'_>) -> Option<Self> {
        Some(Self([
            (
                "NOTIFICATIONS_QUEUE_URL",
                config::notifications_queue_url(env).ok()?,
            ),
            ("CRM_QUEUE_URL", config::crm_queue_url(env).ok()?),
        ]))
    }
}

pub(super) async fn examine(urls: Option<Urls>, sdk: Option<&SdkConfig>, findings: &mut Findings) {
    let (Some(Urls(urls)), Some(sdk)) = (urls, sdk) else {
        findings.note("not examined: after the deployment, put the stack's outputs into NOTIFICATIONS_QUEUE_URL and CRM_QUEUE_URL");
        return;
    };
    let client = aws_sdk_sqs::Client::new(sdk);
    for (variable, url) in urls {
        let asked = client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(ApproximateNumberOfMessages)
            .attribute_names(RedrivePolicy)
            .send()
            .await;
        let attributes = match asked {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => {
                let code = error.as_service_error().and_then(|error| error.meta().code());
                findings.wrong(format!(
                    "{variable} cannot be read ({}): check the URL, the AWS credentials and AWS_REGION",
                    code.unwrap_or("no answer from AWS")
                ));
                continue;
            }
        };
        let waiting = attributes
            .get(&ApproximateNumberOfMessages)
            .map_or("0", String::as_str);
        if attributes.contains_key(&RedrivePolicy) {
            findings.ok(format!(
                "{variable} is there, with about {waiting} messages, and has a DLQ"
            ));
        } else {
            findings.wrong(format!(
                "{variable} has no DLQ: it is not the queue that template.yaml makes"
            ));
        }
    }
}
