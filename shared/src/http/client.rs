//! Where a request comes from.

use super::header_text;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use std::net::IpAddr;

/// The network address of the client; `None` if the event has none.
///
/// Behind CloudFront API Gateway sees CloudFront's address. The client's is then the last but one in `X-Forwarded-For`; what
/// stands left of it is only claimed.
pub fn client_address(request: &Request, behind_cloudfront: bool) -> Option<IpAddr> {
    let headers = request.headers();
    if behind_cloudfront && headers.contains_key("x-amz-cf-id") {
        let all = header_text(headers, "x-forwarded-for")?;
        return all.rsplit(',').nth(1)?.trim().parse().ok();
    }
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
