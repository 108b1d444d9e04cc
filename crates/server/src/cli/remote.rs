//! `remote status|version`: what a server says of itself.

use super::{
    Failure,
    client::{Client, Refusal, json},
    print::Output,
};
use serde_json::json;

/// Whether it is alive and ready. What is known is shown even when it is not.
pub(super) async fn status(client: Client, output: Output) -> Result<(), Failure> {
    let ok = async |name: &str| -> Result<bool, Refusal> {
        let answer = client.get(&["health", name], &[]).await?;
        Ok(json(&answer)?["status"] == "ok")
    };
    let alive = ok("alive").await;
    let ready = if alive.is_ok() { ok("ready").await } else { Ok(false) };
    let known = |answer: &Result<bool, Refusal>| matches!(answer, Ok(true));
    let state = json!({ "alive": known(&alive), "ready": known(&ready) });
    output.one(&["ALIVE", "READY"], &[known(&alive).to_string(), known(&ready).to_string()], &state)?;
    alive?;
    ready?;
    Ok(())
}

/// Its version.
pub(super) async fn version(client: Client, output: Output) -> Result<(), Failure> {
    let answer = json(&client.get(&["version"], &[]).await?)?;
    let version = answer["version"].as_str().unwrap_or_default().to_owned();
    output.one(&["VERSION"], std::slice::from_ref(&version), &json!({ "version": version }))
}
