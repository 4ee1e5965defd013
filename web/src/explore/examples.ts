// Operations to begin with, a tab each.

import { session } from '../api/session';

/** Whoever is signed in to the console needs no other token. */
const SIGNED_IN =
  session.get().phase === 'out' ? JSON.stringify({ Authorization: 'Bearer paste-the-access-token-here' }, null, 2) : undefined;

export const EXAMPLES: { query: string; variables?: string; headers?: string }[] = [
  {
    query: `# Welcome. Each tab is an operation to try; press the play button.
query Leaderboard {
  leaderboard(mode: "1v1", first: 10) {
    totalCount
    nodes {
      rank
      mmr
      user { username country }
      standing { wins losses streak tier { label } }
    }
  }
}
`,
  },
  {
    query: `mutation Register($input: RegisterInput!) {
  register(input: $input) {
    user { id username }
    accessToken
    accessTokenExpiresAt
  }
}
`,
    variables: JSON.stringify(
      { input: { username: 'ada', email: 'ada@example.com', password: 'a long enough phrase', region: 'eu-west' } },
      null,
      2,
    ),
  },
  {
    query: `# For a player: whoever is signed in to the console, or whose access token is in the headers editor below.
mutation JoinQueue {
  joinQueue(input: { mode: "1v1", regions: [{ region: "eu-west", latencyMs: 20 }] }) {
    ticket { id state mmr mmrTolerance estimatedWaitSeconds joinedAt }
  }
}
`,
    headers: SIGNED_IN,
  },
  {
    query: `# For a player: whoever is signed in to the console, or whose access token is in the headers editor below.
subscription QueueStatus {
  queueStatus {
    state
    waitedSeconds
    mmrTolerance
    estimatedWaitSeconds
    match { id status region { name } teams { players { user { username } mmrBefore } } }
  }
}
`,
    headers: SIGNED_IN,
  },
  {
    query: `subscription RankChanges {
  rankChanged {
    cursor
    at
    user { username }
    mode { id }
    mmrBefore
    mmrAfter
    rankBefore
    rankAfter
    tierAfter { label }
  }
}
`,
  },
];
