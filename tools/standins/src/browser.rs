//! What a page of a stranger, open in the developer's browser, could send to this machine's servers.
//!
//! Such a page reaches every port of the loopback. It cannot read the answer, unless its own host name leads here (DNS
//! rebinding): then `Host` is that name, because no page chooses `Host`. A page that calls an address itself is told by
//! `Origin` or `Sec-Fetch-Site`, which it cannot leave out.

use axum::{
    extract::Request,
    http::{
        HeaderMap, StatusCode,
        header::{HOST, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// Whether the request names this machine as `localhost` or by an address. Another name may be anybody's.
pub fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

/// For a server that browsers call too: refuses what came by another name.
pub async fn only_by_our_names(request: Request, next: Next) -> Response {
    if names_this_machine(request.headers()) {
        next.run(request).await
    } else {
        refused("call this machine by its address or as localhost")
    }
}

/// For a server that only programs call: refuses every browser.
pub async fn only_programs(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
        return refused("a browser has no business here");
    }
    only_by_our_names(request, next).await
}

fn refused(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_an_address_and_localhost_cannot_be_a_strangers_name() {
        let names = |host: &str| {
            let host = HeaderValue::from_str(host).unwrap();
            names_this_machine(&HeaderMap::from_iter([(HOST, host)]))
        };
        for host in [
            "localhost",
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "172.17.0.1:80",
        ] {
            assert!(names(host), "{host}");
        }
        for host in [
            "",
            "stranger.example",
            "stranger.example:3000",
            "localhost.stranger.example",
            "127.0.0.1.stranger.example:3000",
            "localhost:3000@stranger.example",
            "x",
        ] {
            assert!(!names(host), "{host}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}
