//! What holds where the settings are silent.

use super::{
    Http, Instances, LadderSettings, LatencyStep, Matchmaking, ModeSettings, Modes,
    MongodbSettings, RatingSettings, RedisSettings, RegionSettings, Regions, SqlSettings,
    TierSettings,
};

impl Default for Modes {
    fn default() -> Self {
        let mode = |id: &str, name: &str, team_size, ready_check_seconds, rating| ModeSettings {
            id: id.into(),
            name: name.into(),
            team_size,
            team_count: 2,
            ready_check_seconds,
            start_deadline_seconds: super::two_minutes(),
            play_deadline_seconds: super::two_hours(),
            spectator_delay_seconds: 0,
            rating,
        };
        // Fitted on histories of each size, by the log-loss of what they predict; `docs/ratings.md` has the figures.
        let fitted = |start_volatility, period_days, team_share, team_scale| RatingSettings {
            start_volatility,
            period_days,
            team_share,
            team_scale,
            ..RatingSettings::default()
        };
        Self(vec![
            mode("1v1", "Duel", 1, 0, RatingSettings::default()),
            mode("2v2", "Doubles", 2, 0, fitted(0.018, 0.5, 0.43, 2.0)),
            mode("4v4", "Squads", 4, 15, fitted(0.018, 0.3, 0.23, 4.0)),
        ])
    }
}

impl Default for Regions {
    fn default() -> Self {
        let region = |id: &str, name: &str| RegionSettings { id: id.into(), name: name.into() };
        Self(vec![
            region("eu-west", "Europe West"),
            region("eu-north", "Europe North"),
            region("us-east", "US East"),
            region("us-west", "US West"),
            region("sa-east", "South America East"),
            region("asia-east", "Asia East"),
            region("oceania", "Oceania"),
        ])
    }
}

impl Default for RatingSettings {
    fn default() -> Self {
        Self {
            start_mmr: 1500.0,
            start_deviation: 350.0,
            start_volatility: 0.016,
            tau: 0.5,
            period_days: 1.0,
            team_share: 0.4,
            team_scale: 2.0,
            guard_streak: 0,
            guard_deviation: 200.0,
            guard_chance_below: 0.75,
        }
    }
}

impl Default for LadderSettings {
    fn default() -> Self {
        let tier = |name: &str, from_mmr, divisions| TierSettings {
            name: name.into(),
            from_mmr,
            divisions,
        };
        Self {
            placements: 10,
            placements_short: 5,
            placements_short_below: 110.0,
            demotion_margin_mmr: 25.0,
            demotion_after_matches: 3,
            inactive_after_days: 30,
            unlisted_above_deviation: 0.0,
            tiers: vec![
                tier("Bronze", 953.0, 4),
                tier("Silver", 1205.0, 4),
                tier("Gold", 1456.0, 4),
                tier("Platinum", 1683.0, 4),
                tier("Diamond", 1894.0, 4),
                tier("Master", 2113.0, 1),
                tier("Grandmaster", 2402.0, 1),
            ],
        }
    }
}

impl Default for Matchmaking {
    fn default() -> Self {
        let step = |from_seconds, max_ms| LatencyStep { from_seconds, max_ms };
        Self {
            tick_ms: 500,
            tolerance_start_mmr: 200.0,
            tolerance_least_mmr: 20.0,
            tolerance_most_mmr: 600.0,
            tolerance_widens_seconds: 120,
            mmr_per_second: 1.0,
            starves_seconds: 60,
            premade_mmr: 0.0,
            rematch_after_seconds: 2,
            latency: vec![step(0, 60), step(30, 100), step(75, 150), step(150, 210)],
            ticket_ttl_seconds: 600,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            get: true,
            introspection: true,
            graphiql: true,
            console: true,
            persisted_queries: true,
            trusted_documents: std::path::PathBuf::new(),
            secure_cookies: true,
            strict_transport: false,
        }
    }
}

impl Default for SqlSettings {
    fn default() -> Self {
        Self {
            connections: 20,
            acquire_timeout_ms: 1_000,
            statement_timeout_ms: 2_000,
            results_together: 128,
            results_lanes: 4,
        }
    }
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { prefix: "rankedhonor:".into(), timeout_ms: 300 }
    }
}

impl Default for MongodbSettings {
    fn default() -> Self {
        Self { database: "rankedhonor".into(), timeout_ms: 1_000 }
    }
}

impl Default for Instances {
    fn default() -> Self {
        Self { lease_ms: 3_000 }
    }
}
