//! What answers: a handler that does nothing but answer, and the server itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use engine::Api;
use server::config::Config;
use server::connection::Connections;
use server::files::Files;
use server::http::Http;
use tokio::net::TcpListener;

/// Serves an answer that is always the same: what any answer of this size costs at least.
pub async fn bare(body: Bytes) -> anyhow::Result<SocketAddr> {
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json; charset=UTF-8")], body) }
    };
    let (listener, address) = listen().await?;
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    Ok(address)
}

/// Serves the API, as `vinyasa serve` does.
pub async fn ours(api: Arc<Api>) -> anyhow::Result<SocketAddr> {
    let (listener, address) = listen().await?;
    let config = Config::default();
    let files = Files::new(&config, api.random.clone()).map_err(|failure| anyhow::anyhow!(failure.text))?;
    let http = Http::new(api, &config, files, &format!("http://{address}"), None);
    let connections = Connections::accept(vec![listener.into()], &Arc::new(http), Duration::from_secs(60));
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(connections);
    });
    Ok(address)
}

async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
