//! The page as it is served, beside an API that takes every lead.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::post;
use lambda_http::RequestExt as _;
use proftest::domain::quiz;
use serde_json::{Value, json};

/// Serves on a free port of loopback until the runtime ends; answers `http://127.0.0.1:<port>`.
pub async fn start() -> std::io::Result<String> {
    let router = Router::new()
        .route("/api/landing/proftest", post(take))
        .fallback(serve);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn serve(request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let request = lambda_http::Request::from_parts(parts, lambda_http::Body::Empty).with_raw_http_path(&path);
    let (parts, body) = page::handle(&request).into_parts();
    Response::from_parts(parts, Body::from(body.to_vec()))
}

async fn take() -> axum::Json<Value> {
    let result = quiz::score(&crate::page::ANSWERS).map(|result| {
        let told = result.texts();
        let types = result.types().into_iter().zip(&told.types);
        let types: Vec<Value> = types
            .map(|(kind, texts)| json!({"letter": kind.letter(), "title": texts.title, "meaning": texts.meaning}))
            .collect();
        json!({"types": types, "professions": told.professions, "firstStep": told.first_step})
    });
    axum::Json(json!({"success": true, "leadId": "019aab2e-7c40-7d1e-9f3a-5b6c7d8e9f01", "result": result}))
}
