//! Who may do and see what: one table, which lets whoever asks in at the root of every operation, which the resolvers of
//! private fields ask, and which the documentation shows.
//!
//! It names every entry point and every field; a test compares it with the schema. What it does not name is for admins alone.
//! What belongs to somebody (a session, a notification) is found by its owner's id, so that another's is not found.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    error::Error,
    game::accounts::{Role, Viewer},
};

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

/// Who sees a field, or finds a thing by its id; for all others it is null. An owner is whom it is about: the user
/// themselves, each member of a party, each player of a match or a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Everybody who sees its object.
    Everybody,
    /// Its owners.
    Owner,
    /// Its owners, moderators and admins.
    OwnerAndModerators,
    /// Its owners, and admins.
    OwnerAndAdmins,
    /// Its owners, and game servers.
    OwnerAndServers,
    /// Moderators and admins.
    Moderators,
    /// Admins.
    Admins,
}

use Rule::{Admin, Anyone, Moderator, ServerOrAdmin, SignedIn};
use Seen::{
    Admins, Everybody, Moderators, Owner, OwnerAndAdmins, OwnerAndModerators, OwnerAndServers,
};

/// Every entry point.
pub const ENTRIES: &[(Rule, &str)] = &[
    // queries
    (Anyone, "node nodes me user users modes regions seasons currentSeason match matches"),
    (Anyone, "leaderboard queueStats feed signInProviders"),
    (SignedIn, "myTicket myParty myMatch notifications"),
    (Moderator, "accounts"),
    (Admin, "auditLog serverKeys"),
    // mutations
    (Anyone, "register login refreshSession verifyEmail requestPasswordReset resetPassword"),
    (Anyone, "beginSignIn finishSignIn"),
    (SignedIn, "logout logoutEverywhere endSession changePassword requestEmailVerification"),
    (SignedIn, "changeEmail"),
    (SignedIn, "beginAccountLink finishAccountLink unlinkAccount"),
    (SignedIn, "exportMyData deleteMyAccount cancelAccountDeletion"),
    (SignedIn, "updateProfile blockUser unblockUser"),
    (SignedIn, "createParty joinParty leaveParty kickFromParty promotePartyLeader setPartyReady"),
    (SignedIn, "joinQueue leaveQueue respondToReadyCheck markNotificationsRead"),
    (ServerOrAdmin, "startMatch recordMatchEvents reportMatchResult cancelMatch verifyJoinToken"),
    (Moderator, "suspendUser liftSuspension lockQueue liftQueueLock addNote"),
    (Admin, "voidMatch setRole createServerKey revokeServerKey"),
    (Admin, "startSeason planSeasonEnd reloadMatchmaking"),
    // subscriptions
    (Anyone, "matchUpdated matchEvents liveMatches rankChanged leaderboardChanged feedItemAdded"),
    (SignedIn, "queueStatus partyUpdated notificationReceived"),
];

/// Who finds a thing by its id.
pub const NODES: &[(Seen, &str)] = &[
    (Everybody, "User Match Season Party"),
    (OwnerAndAdmins, "QueueTicket"),
    (Owner, "Notification"),
];

/// Every field of every object. An object that others lead to is seen by whoever sees what leads there.
pub const FIELDS: &[(&str, Seen, &str)] = &[
    // what people are
    ("User", Everybody, "id username role country avatarUrl bio createdAt region presence"),
    ("User", Everybody, "standing standings matches ratingHistory"),
    ("User", Owner, "sessions blockedUsers"),
    ("User", OwnerAndAdmins, "email emailVerified linkedAccounts deletesAt"),
    ("User", OwnerAndModerators, "queueLock suspension"),
    ("User", Moderators, "notes"),
    ("Session", Everybody, "id current device address createdAt lastUsedAt expiresAt"),
    ("LinkedAccount", Everybody, "provider subject name linkedAt lastUsedAt"),
    ("Suspension", Everybody, "until reason"),
    ("QueueLock", Everybody, "until reason count"),
    ("Note", Everybody, "id text createdAt author"),
    ("UserConnection", Everybody, "edges nodes pageInfo"),
    ("UserEdge", Everybody, "cursor node"),
    // who plays with whom
    ("Party", Everybody, "id createdAt leader members"),
    ("Party", Owner, "joinCode"),
    ("Party", OwnerAndAdmins, "ticket"),
    ("PartyMember", Everybody, "ready joinedAt user"),
    ("QueueTicket", Everybody, "id mmr state joinedAt mode regions players waitedSeconds"),
    ("QueueTicket", Everybody, "mmrTolerance estimatedWaitSeconds estimatedWaitP90Seconds match"),
    ("QueueTicket", OwnerAndAdmins, "explanation"),
    ("WaitExplanation", Everybody, "candidates keptOut nextWidening nearest"),
    ("KeptOutCount", Everybody, "rule tickets"),
    ("NextWidening", Everybody, "inSeconds tickets"),
    ("NearestMatch", Everybody, "missingPlayers spread allowedSpread reason region"),
    ("QueueStats", Everybody, "playersSearching ticketsSearching matchesLastMinute"),
    ("QueueStats", Everybody, "medianWaitSeconds p95WaitSeconds estimatedWaitSeconds"),
    ("QueueStats", Everybody, "estimatedWaitP90Seconds updatedAt mode region"),
    // what is played
    ("Mode", Everybody, "id name teamSize teamCount readyCheckSeconds"),
    ("Region", Everybody, "id name"),
    ("Season", Everybody, "id name startsAt endsAt isCurrent tiers"),
    ("SeasonPreview", Everybody, "mode players listed shortPlacements uncertaintyBefore"),
    ("SeasonPreview", Everybody, "uncertaintyAfter openMatches"),
    ("Match", Everybody, "id status averageMmr mmrSpread winProbabilities createdAt startedAt"),
    ("Match", Everybody, "endedAt cancelReason voidedAt voidReason mode region season teams"),
    ("Match", Everybody, "events"),
    ("Match", OwnerAndServers, "session"),
    ("Match", Admins, "reportedBy"),
    ("GameSession", Everybody, "endpoint joinToken"),
    ("Team", Everybody, "index averageMmr outcome placement score players"),
    ("Participant", Everybody, "mmrBefore mmrAfter mmrChange accepted kills deaths assists hero"),
    ("Participant", Everybody, "abandoned user"),
    ("MatchEvent", Everybody, "cursor kind atMs data recordedAt match actor target"),
    ("MatchConnection", Everybody, "edges nodes pageInfo"),
    ("MatchEdge", Everybody, "cursor node"),
    ("MatchEventConnection", Everybody, "edges nodes pageInfo"),
    ("MatchEventEdge", Everybody, "cursor node"),
    // what comes of it
    ("Tier", Everybody, "name division label minMmr"),
    ("Standing", Everybody, "mmr uncertainty peakMmr placementsLeft wins losses draws streak"),
    ("Standing", Everybody, "kills deaths assists lastMatchAt listed lapsesAt user mode season"),
    ("Standing", Everybody, "tier rank percentile nextTierAtMmr rankAt"),
    ("RankChange", Everybody, "cursor mmrBefore mmrAfter rankBefore rankAfter at user mode"),
    ("RankChange", Everybody, "match explanation tierBefore tierAfter"),
    ("RatingPoint", Everybody, "mmrBefore mmrAfter at match explanation"),
    ("RatingExplanation", Everybody, "ratingBefore ratingAfter rounding uncertaintyBefore"),
    ("RatingExplanation", Everybody, "uncertaintyAtMatch uncertaintyAfter idleDays"),
    ("RatingExplanation", Everybody, "volatilityBefore volatilityAfter expectedScore score"),
    ("RatingExplanation", Everybody, "share opponents"),
    ("RatedOpponent", Everybody, "teamIndex ratingDifference uncertainty expectedScore score"),
    ("LeaderboardEntry", Everybody, "rank mmr standing user"),
    ("LeaderboardConnection", Everybody, "edges nodes pageInfo totalCount"),
    ("LeaderboardEdge", Everybody, "cursor node"),
    ("RatingPointConnection", Everybody, "edges nodes pageInfo"),
    ("RatingPointEdge", Everybody, "cursor node"),
    // what is told
    ("FeedItem", Everybody, "cursor kind data at user match"),
    ("FeedConnection", Everybody, "edges nodes pageInfo"),
    ("FeedEdge", Everybody, "cursor node"),
    ("Notification", Everybody, "id kind title body data readAt createdAt"),
    ("NotificationConnection", Everybody, "edges nodes pageInfo unreadCount"),
    ("NotificationEdge", Everybody, "cursor node"),
    ("PageInfo", Everybody, "hasNextPage hasPreviousPage startCursor endCursor"),
    ("SignInProvider", Everybody, "id name"),
    // what only admins are shown
    ("AuditEntry", Everybody, "seq at actor action object address requestId before after reason"),
    ("AuditEntry", Everybody, "data erased hash"),
    ("AuditConnection", Everybody, "edges nodes pageInfo"),
    ("AuditEdge", Everybody, "cursor node"),
    ("ServerKey", Everybody, "id name createdAt revokedAt"),
    // what mutations answer
    ("AddNotePayload", Everybody, "note"),
    ("AuthPayload", Everybody, "user accessToken accessTokenExpiresAt refreshToken"),
    ("AuthPayload", Everybody, "refreshTokenExpiresAt csrfToken"),
    ("BeginSignInPayload", Everybody, "url state secret"),
    ("BlockUserPayload", Everybody, "user"),
    ("CancelAccountDeletionPayload", Everybody, "cancelled"),
    ("CancelMatchPayload", Everybody, "match"),
    ("ChangeEmailPayload", Everybody, "accepted"),
    ("CreateServerKeyPayload", Everybody, "id name key"),
    ("DeleteMyAccountPayload", Everybody, "deletesAt"),
    ("EndSessionPayload", Everybody, "ended"),
    ("ExportMyDataPayload", Everybody, "document"),
    ("FinishAccountLinkPayload", Everybody, "linked"),
    ("FinishSignInPayload", Everybody, "auth registered"),
    ("JoinQueuePayload", Everybody, "ticket"),
    ("LeavePartyPayload", Everybody, "left"),
    ("LeaveQueuePayload", Everybody, "ticket"),
    ("LiftQueueLockPayload", Everybody, "lifted"),
    ("LiftSuspensionPayload", Everybody, "user"),
    ("LockQueuePayload", Everybody, "user"),
    ("LogoutPayload", Everybody, "success"),
    ("MarkNotificationsReadPayload", Everybody, "unreadCount"),
    ("PartyPayload", Everybody, "party"),
    ("PlanSeasonEndPayload", Everybody, "season"),
    ("RecordMatchEventsPayload", Everybody, "match recorded"),
    ("ReloadMatchmakingPayload", Everybody, "changed"),
    ("ReportMatchResultPayload", Everybody, "match rankChanges"),
    ("RequestEmailVerificationPayload", Everybody, "accepted"),
    ("RequestPasswordResetPayload", Everybody, "accepted"),
    ("RespondToReadyCheckPayload", Everybody, "match"),
    ("RevokeServerKeyPayload", Everybody, "id"),
    ("SetRolePayload", Everybody, "user"),
    ("StartMatchPayload", Everybody, "match"),
    ("StartSeasonPayload", Everybody, "season preview"),
    ("SuspendUserPayload", Everybody, "user"),
    ("UnblockUserPayload", Everybody, "unblocked"),
    ("UnlinkAccountPayload", Everybody, "unlinked"),
    ("UpdateProfilePayload", Everybody, "user"),
    ("VerifyEmailPayload", Everybody, "verified"),
    ("VerifyJoinTokenPayload", Everybody, "user match expiresAt"),
    ("VoidMatchPayload", Everybody, "match pending"),
];

/// Every entry point with its rule.
pub fn entries() -> impl Iterator<Item = (&'static str, Rule)> {
    ENTRIES.iter().flat_map(|(rule, names)| names.split_whitespace().map(|name| (name, *rule)))
}

/// Every field, by its object and its name, and who sees it.
pub fn fields() -> impl Iterator<Item = ((&'static str, &'static str), Seen)> {
    let each = |of, seen, names: &'static str| {
        names.split_whitespace().map(move |name| ((of, name), seen))
    };
    FIELDS.iter().flat_map(move |(of, seen, names)| each(*of, *seen, names))
}

static ENTRY: LazyLock<HashMap<&str, Rule>> = LazyLock::new(|| entries().collect());
static FIELD: LazyLock<HashMap<(&str, &str), Seen>> = LazyLock::new(|| fields().collect());

/// Who may use that entry point.
pub fn of_entry(name: &str) -> Rule {
    ENTRY.get(name).copied().unwrap_or(Admin)
}

/// Who sees that field, such as `User.email`.
pub fn of_field(field: &str) -> Seen {
    let known = field.split_once('.').and_then(|named| FIELD.get(&named));
    known.copied().unwrap_or(Admins)
}

/// Who finds a thing of that type by its id.
pub fn of_node(of: &str) -> Seen {
    let found = NODES.iter().find(|(_, names)| names.split(' ').any(|name| name == of));
    found.map_or(Admins, |(seen, _)| *seen)
}

/// Whether what is asked for depends on who asks: an entry point or a field.
pub fn is_personal(of: &str, name: &str) -> bool {
    match of {
        _ if name.starts_with("__") => false,
        "Query" | "Mutation" | "Subscription" => of_entry(name) != Anyone,
        of => FIELD.get(&(of, name)) != Some(&Everybody),
    }
}

/// Refuses whoever may not use that entry point.
///
/// # Errors
/// UNAUTHENTICATED for those who are nobody, FORBIDDEN for others.
pub fn check(entry: &str, viewer: &Viewer) -> Result<(), Error> {
    let role = match (of_entry(entry), viewer) {
        (Anyone, _) | (ServerOrAdmin, Viewer::Server(_)) => return Ok(()),
        (ServerOrAdmin, Viewer::Anonymous) => {
            let message = "this takes a game server's key or an admin";
            return Err(Error::Unauthenticated(message.into()));
        }
        (ServerOrAdmin, Viewer::User(who)) if who.role < Role::Admin => {
            return Err(Error::Forbidden("this is for game servers and admins".into()));
        }
        (SignedIn, _) => Role::Player,
        (Moderator, _) => Role::Moderator,
        (Admin | ServerOrAdmin, _) => Role::Admin,
    };
    match viewer {
        Viewer::Anonymous => Err(Error::Unauthenticated("sign in first".into())),
        Viewer::Server(_) => {
            Err(Error::Forbidden("this is for people, not for game servers".into()))
        }
        Viewer::User(who) if who.role < role => {
            Err(Error::Forbidden(format!("this takes the role {}", role.as_str())))
        }
        Viewer::User(_) => Ok(()),
    }
}

/// Whether this lets whoever asks see something that is theirs, or is not.
pub fn lets(seen: Seen, viewer: &Viewer, theirs: bool) -> bool {
    match seen {
        Everybody => true,
        Owner => theirs,
        OwnerAndModerators => theirs || viewer.is_at_least(Role::Moderator),
        OwnerAndAdmins => theirs || viewer.is_at_least(Role::Admin),
        OwnerAndServers => theirs || matches!(viewer, Viewer::Server(_)),
        Moderators => viewer.is_at_least(Role::Moderator),
        Admins => viewer.is_at_least(Role::Admin),
    }
}
