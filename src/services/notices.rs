//! What somebody is told of who may not have done it themselves: by a notification, and by a mail to the account's
//! address, which whoever did it may not read.

use super::mails;
use crate::{
    backends::sql::Tx,
    error::Result,
    game::{accounts::MailKind, event::Fact},
};

/// What they are told of an act; none: nothing.
pub(super) fn alarm(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "REFRESH_TOKEN_REUSED" => (
            "A session was ended",
            "Its refresh token was used twice: somebody else may have a copy. Sign in again, and change your password if \
             you do not know why.",
        ),
        "PASSWORD_CHANGED" => ("Your password was changed", "All other sessions were ended."),
        "PASSWORD_RESET" => ("Your password was reset", "All other sessions were ended."),
        "EMAIL_CHANGE_ASKED" => (
            "Your address is to be changed",
            "It is once the new one is confirmed. Change your password to keep this from happening.",
        ),
        "EMAIL_CHANGED" => ("Your address was changed", "Mails go to the new one from now on."),
        "ACCOUNT_LINKED" => {
            ("Another way to sign in was added", "See which under your linked accounts.")
        }
        "ACCOUNT_UNLINKED" => {
            ("A way to sign in was taken away", "See what is left under your linked accounts.")
        }
        "DELETION_PLANNED" => {
            ("Your account is to be deleted", "Until then you can sign in and take it back.")
        }
        _ => return None,
    })
}

/// Asks for the mails about what facts tell; says whether there are any.
pub(super) async fn mail(tx: &Tx, facts: &[&Fact]) -> Result<bool> {
    let mut any = false;
    for fact in facts {
        let Fact::Activity { user, kind, .. } = fact else { continue };
        // Of a change of the address the one before is told, which only who changes it knows.
        let kind = kind.parse().ok().filter(|kind: &MailKind| *kind != MailKind::EmailChanged);
        if let Some(kind) = kind.filter(|kind| alarm(kind.as_str()).is_some()) {
            mails::ask(tx, Some(*user), kind).await?;
            any = true;
        }
    }
    Ok(any)
}
