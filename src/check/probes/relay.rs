//! Whether the server takes mail for strangers from strangers: an open relay (RFC 2505 §1.2). Asked before any login,
//! with names that belong to nobody (RFC 2606).

use super::super::finding::Found;
use super::super::walk::{Walk, last_line};
use super::broke;
use crate::transport::Broken;
use crate::wire::Class;

const FROM: &str = "MAIL FROM:<relay-test@example.net>";
const TO: &str = "RCPT TO:<relay-test@example.com>";

pub(super) async fn run(walk: &mut Walk) -> String {
    match ask(walk).await {
        Ok(summary) => summary,
        Err(broken) => broke(walk, &broken),
    }
}

async fn ask(walk: &mut Walk) -> Result<String, Broken> {
    let answer = walk.connection()?.command(FROM.as_bytes()).await?;
    if answer.reply.class() != Some(Class::Completion) {
        return Ok(format!("the sender is refused: {}", last_line(&answer)));
    }
    let answer = walk.connection()?.command(TO.as_bytes()).await?;
    match answer.reply.class() {
        Some(Class::Completion) => walk.find(Found::new("open-relay").with("reply", last_line(&answer))),
        Some(Class::Permanent) => {}
        _ => walk.find(Found::new("relay-unclear").with("reply", last_line(&answer))),
    }
    walk.connection()?.command(b"RSET").await?;
    Ok(last_line(&answer))
}
