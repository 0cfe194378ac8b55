//! The good-bye.

use super::super::finding::Found;
use super::super::walk::{Walk, last_line};
use crate::session::Phase;
use crate::transport::Broken;
use crate::wire::ReplyCode;

pub(super) fn obstacle(walk: &Walk) -> Option<String> {
    match &walk.connection {
        None => Some(super::tcp::NO_CONNECTION.to_owned()),
        // 421, or a close in the middle.
        Some(connection) if connection.state().phase == Phase::Closed => {
            Some("the server has ended the session".to_owned())
        }
        Some(_) => None,
    }
}

pub(super) async fn run(walk: &mut Walk) -> String {
    let answer = match walk.connection() {
        Ok(connection) if connection.ended() => return "the server had hung up already".to_owned(),
        Ok(connection) => connection.command(b"QUIT").await,
        Err(broken) => Err(broken),
    };
    let summary = match answer {
        Ok(answer) if answer.reply.code() == Some(ReplyCode::CLOSING) => last_line(&answer),
        Ok(answer) => {
            walk.find(Found::new("quit-ignored").with("what", last_line(&answer)));
            last_line(&answer)
        }
        Err(Broken::Closed { .. }) => {
            walk.find(Found::new("quit-ignored").with("what", "it hung up without a word"));
            "hung up without a word".to_owned()
        }
        Err(broken) => {
            walk.find(Found::new("quit-ignored").with("what", &broken));
            broken.to_string()
        }
    };
    walk.hang_up();
    summary
}
