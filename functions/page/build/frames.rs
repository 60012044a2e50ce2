//! Policies of what runs beside the page.

/// Of the worker: it may only talk to the API.
pub const WORKER: &str = "default-src 'none'; connect-src 'self'";

/// Of the frame in which Turnstile runs; `script` is the hash source of its script. The page itself stays closed to
/// Cloudflare. Source: cloudflare-docs, Turnstile, «Content Security Policy».
pub fn turnstile(script: &str) -> String {
    let host = "https://challenges.cloudflare.com";
    format!(
        "default-src 'none'; script-src {script} {host}; frame-src {host}; connect-src 'self' {host}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}
