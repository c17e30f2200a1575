//! One message: its text, and the forms that receivers accept.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::notify::{Form, Occasion};
use crate::runs::{Figures, Ran};
use crate::text::printable;

/// How many guards a message names.
const GUARDS_SHOWN: usize = 5;
/// How much of a run's output is passed on, in characters.
const LONGEST_DETAIL: usize = 4000;

/// What a receiver is told.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What it is about.
    pub occasion: Occasion,
    /// The account, by its address.
    pub account: &'a str,
    /// When it is told.
    pub at: Timestamp,
    /// When a run succeeded last.
    pub last_success: Option<Timestamp>,
    /// The run that it is about.
    pub ran: Option<&'a Ran>,
    /// The command that shows the waiting plan.
    pub look: &'a str,
    /// Whether it may name people.
    pub personal: bool,
}

impl Message<'_> {
    /// The body of a request, or what a program gets.
    #[must_use]
    pub fn body(&self, form: Form) -> String {
        match form {
            Form::Json => self.json().to_string(),
            // Besides the characters that `slack` escapes, Slack reads a markup of its own, and makes links of addresses and of
            // names behind @ and #, unless it is told not to.
            Form::Slack => json!({ "text": slack(&self.text()), "mrkdwn": false, "parse": "none" }).to_string(),
            Form::Teams => {
                let block = json!({ "type": "TextBlock", "text": teams(&self.text()), "wrap": true });
                let card = json!({
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [block],
                });
                let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
                json!({ "type": "message", "attachments": [attachment] }).to_string()
            }
        }
    }

    fn json(&self) -> Value {
        let run = self.ran.map(|ran| {
            json!({
                "began": ran.began,
                "ended": ran.ended,
                "reason": ran.reason,
                "outcome": ran.outcome,
                "exit_code": ran.exit_code,
            })
        });
        let plan = self.plan().map(|plan| {
            let blocking = plan.guards.iter().filter(|guard| guard.blocks);
            json!({
                "hash": plan.hash,
                "operations": plan.operations,
                "summary": plan.summary,
                "blocked_by": blocking.map(|guard| json!({
                    "id": guard.id, "subject": guard.subject, "count": guard.count, "of": guard.of, "limit": guard.limit,
                })).collect::<Vec<_>>(),
            })
        });
        json!({
            "format": "skovik-sync/notification",
            "format_version": 1,
            "occasion": self.occasion.name(),
            "account": self.account,
            "at": self.at,
            "text": self.text(),
            "last_success": self.last_success,
            "run": run,
            "plan": plan,
            "detail": self.detail(),
        })
    }

    fn plan(&self) -> Option<&Figures> {
        self.ran.and_then(|ran| ran.plan.as_ref())
    }

    /// The run's output, for receivers who may read names.
    fn detail(&self) -> Option<String> {
        let said = self.ran.filter(|_| self.personal)?.said.as_deref()?;
        Some(crate::text::shortened(&printable(said), LONGEST_DETAIL).into_owned())
    }

    /// The message as a sentence or two.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { occasion, account, .. } = self;
        let head = match occasion {
            Occasion::Blocked => format!("A guard blocks the plan for {account}; nothing was written."),
            Occasion::Waiting => format!("A plan for {account} waits for an approval; nothing was written."),
            Occasion::Partial => format!("A plan for {account} was applied only in part."),
            Occasion::Failed => format!("The run for {account} failed."),
            Occasion::Recovered => format!("The run for {account} succeeded again."),
            Occasion::Silent => match self.last_success {
                Some(at) => format!("No run for {account} has succeeded since {at:.0}."),
                None => format!("No run for {account} has succeeded yet."),
            },
        };
        let mut parts = vec![format!("skovik-sync: {}", printable(&head))];
        if let Some(plan) = self.plan() {
            let counts = &plan.summary;
            parts.push(format!(
                "{} to create, {} to update, {} to delete, {} set aside.",
                counts.create, counts.update, counts.delete, counts.set_aside
            ));
            let blocking: Vec<String> = plan
                .guards
                .iter()
                .filter(|guard| guard.blocks)
                .take(GUARDS_SHOWN)
                .map(|guard| {
                    format!("{} ({}, limit {})", printable(&guard.title), printable(&guard.found), guard.limit)
                })
                .collect();
            if !blocking.is_empty() {
                parts.push(format!("Blocked by {}.", blocking.join(" and ")));
            }
        }
        match occasion {
            Occasion::Blocked | Occasion::Waiting => parts.push(format!("Read it: {}", self.look)),
            Occasion::Partial | Occasion::Failed => {
                let code = self.ran.map_or(0, |ran| ran.exit_code);
                parts.push(format!("Exit code {code}; its log says more."));
            }
            Occasion::Recovered | Occasion::Silent => {}
        }
        parts.extend(self.detail());
        parts.join(" ")
    }
}

/// The three characters that Slack gives a meaning to.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text block of a card is Markdown: nothing in the message may become a link or a picture.
fn teams(text: &str) -> String {
    let special = |c: char| "\\`*[]()<>!#|".contains(c);
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if special(c) {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::plan::Summary;
    use crate::runs::tests::ran;
    use crate::runs::{GuardFigures, Outcome};

    fn blocked() -> Ran {
        let guard = GuardFigures {
            id: "max_delete_percent".to_owned(),
            subject: String::new(),
            title: "max_delete_percent".to_owned(),
            count: 10,
            of: 20,
            found: "10 of 20".to_owned(),
            limit: 20,
            blocks: true,
        };
        Ran {
            exit_code: 5,
            said: Some("blocked: Anna <@U1> Berg".to_owned()),
            plan: Some(Figures {
                hash: "sha256:00".to_owned(),
                summary: Summary { delete: 10, ..Summary::default() },
                waiting: 0,
                operations: 10,
                guards: vec![guard],
            }),
            ..ran(Outcome::Blocked, 0)
        }
    }

    fn message(ran: &Ran, personal: bool) -> Message<'_> {
        Message {
            occasion: Occasion::Blocked,
            account: "https://api.skovik.com/v1",
            at: Timestamp::UNIX_EPOCH,
            last_success: None,
            ran: Some(ran),
            look: "skovik-sync show plan.json",
            personal,
        }
    }

    #[test]
    fn names_are_told_only_to_those_who_ask_for_them() {
        let ran = blocked();
        for form in [Form::Json, Form::Slack, Form::Teams] {
            let body = message(&ran, false).body(form);
            assert!(!body.contains("Anna"), "{body}");
            assert!(body.contains("max") && body.contains("10 to delete"), "{body}");
            serde_json::from_str::<Value>(&body).unwrap();
            assert!(message(&ran, true).body(form).contains("Anna"));
        }
        assert_eq!(
            message(&ran, false).text(),
            "skovik-sync: A guard blocks the plan for https://api.skovik.com/v1; nothing was written. 0 to create, 0 to \
             update, 10 to delete, 0 set aside. Blocked by max_delete_percent (10 of 20, limit 20). Read it: skovik-sync show \
             plan.json"
        );
    }

    #[test]
    fn nothing_that_is_told_calls_somebody_or_becomes_a_link() {
        let ran = blocked();
        let slack: Value = serde_json::from_str(&message(&ran, true).body(Form::Slack)).unwrap();
        assert!(slack["text"].as_str().unwrap().contains("Anna &lt;@U1&gt; Berg"), "{slack}");
        assert_eq!(
            (&slack["mrkdwn"], &slack["parse"]),
            (&json!(false), &json!("none")),
            "no markup, and nobody is called"
        );
        let teams: Value = serde_json::from_str(&message(&ran, true).body(Form::Teams)).unwrap();
        let text = teams["attachments"][0]["content"]["body"][0]["text"].as_str().unwrap();
        assert!(text.contains("Anna \\<@U1\\> Berg"), "{text}");
    }
}
