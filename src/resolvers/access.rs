//! Who may do and see what: one table, which the resolvers ask and the documentation shows.
//!
//! An entry point that is not here is for admins alone, a field that is not here for everybody who sees its object. What
//! belongs to somebody (a session, a ticket, a notification) is found by its owner's id, so that another's is not found.

/// Who may use an entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Everybody, also without an account.
    Anyone,
    /// People with an account.
    SignedIn,
    /// Moderators and admins.
    Moderator,
    /// Admins.
    Admin,
    /// Game servers and admins.
    ServerOrAdmin,
}

/// Who sees a field; for all others it is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Whom it is about.
    Owner,
    /// Whom it is about, moderators and admins.
    OwnerAndModerators,
    /// Whom it is about, and admins.
    OwnerAndAdmins,
    /// Moderators and admins.
    Moderators,
    /// Admins.
    Admins,
    /// The members, players or servers of its object, as its own documentation says.
    Elsewhere,
}

use Rule::{Admin, Anyone, Moderator, ServerOrAdmin, SignedIn};
use Seen::{Admins, Elsewhere, Moderators, Owner, OwnerAndAdmins, OwnerAndModerators};

/// Every entry point.
pub const ENTRIES: &[(&str, Rule)] = &[
    // queries
    ("node", Anyone),
    ("nodes", Anyone),
    ("me", Anyone),
    ("user", Anyone),
    ("users", Anyone),
    ("modes", Anyone),
    ("regions", Anyone),
    ("seasons", Anyone),
    ("currentSeason", Anyone),
    ("match", Anyone),
    ("matches", Anyone),
    ("leaderboard", Anyone),
    ("queueStats", Anyone),
    ("feed", Anyone),
    ("signInProviders", Anyone),
    ("myTicket", SignedIn),
    ("myParty", SignedIn),
    ("myMatch", SignedIn),
    ("notifications", SignedIn),
    ("accounts", Moderator),
    ("auditLog", Admin),
    ("serverKeys", Admin),
    // mutations
    ("register", Anyone),
    ("login", Anyone),
    ("refreshSession", Anyone),
    ("verifyEmail", Anyone),
    ("requestPasswordReset", Anyone),
    ("resetPassword", Anyone),
    ("beginSignIn", Anyone),
    ("finishSignIn", Anyone),
    ("logout", SignedIn),
    ("logoutEverywhere", SignedIn),
    ("endSession", SignedIn),
    ("changePassword", SignedIn),
    ("changeEmail", SignedIn),
    ("requestEmailVerification", SignedIn),
    ("beginAccountLink", SignedIn),
    ("finishAccountLink", SignedIn),
    ("unlinkAccount", SignedIn),
    ("exportMyData", SignedIn),
    ("deleteMyAccount", SignedIn),
    ("cancelAccountDeletion", SignedIn),
    ("updateProfile", SignedIn),
    ("blockUser", SignedIn),
    ("unblockUser", SignedIn),
    ("createParty", SignedIn),
    ("joinParty", SignedIn),
    ("leaveParty", SignedIn),
    ("kickFromParty", SignedIn),
    ("promotePartyLeader", SignedIn),
    ("setPartyReady", SignedIn),
    ("joinQueue", SignedIn),
    ("leaveQueue", SignedIn),
    ("respondToReadyCheck", SignedIn),
    ("markNotificationsRead", SignedIn),
    ("startMatch", ServerOrAdmin),
    ("verifyJoinToken", ServerOrAdmin),
    ("recordMatchEvents", ServerOrAdmin),
    ("reportMatchResult", ServerOrAdmin),
    ("cancelMatch", ServerOrAdmin),
    ("suspendUser", Moderator),
    ("liftSuspension", Moderator),
    ("lockQueue", Moderator),
    ("liftQueueLock", Moderator),
    ("addNote", Moderator),
    ("voidMatch", Admin),
    ("setRole", Admin),
    ("createServerKey", Admin),
    ("revokeServerKey", Admin),
    ("startSeason", Admin),
    ("planSeasonEnd", Admin),
    ("reloadMatchmaking", Admin),
    // subscriptions
    ("matchUpdated", Anyone),
    ("matchEvents", Anyone),
    ("liveMatches", Anyone),
    ("rankChanged", Anyone),
    ("leaderboardChanged", Anyone),
    ("feedItemAdded", Anyone),
    ("queueStatus", SignedIn),
    ("partyUpdated", SignedIn),
    ("notificationReceived", SignedIn),
];

/// Every field that not everybody sees who sees its object.
pub const FIELDS: &[(&str, Seen)] = &[
    ("User.email", OwnerAndAdmins),
    ("User.emailVerified", OwnerAndAdmins),
    ("User.sessions", Owner),
    ("User.linkedAccounts", OwnerAndAdmins),
    ("User.deletesAt", OwnerAndAdmins),
    ("User.blockedUsers", Owner),
    ("User.queueLock", OwnerAndModerators),
    ("User.suspension", OwnerAndModerators),
    ("User.notes", Moderators),
    ("Party.joinCode", Elsewhere),
    ("Match.session", Elsewhere),
    ("Match.reportedBy", Admins),
    ("QueueTicket.explanation", Elsewhere),
];

/// Who may use that entry point.
pub fn of_entry(name: &str) -> Option<Rule> {
    ENTRIES.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
}

/// Who sees that field, such as `User.email`; none: everybody who sees its object.
pub fn of_field(name: &str) -> Option<Seen> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, seen)| *seen)
}

/// Whether a field depends on who asks.
pub fn is_personal(parent: &str, field: &str) -> bool {
    FIELDS.iter().any(|(known, _)| known.split_once('.') == Some((parent, field)))
}
