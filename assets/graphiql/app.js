// GraphiQL over this server's own HTTP and WebSocket. The headers editor's `Authorization` goes along on both.
const url = new URL("/graphql", location.href);
const socketUrl = new URL(url);
socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

const fetcher = (params, options) => {
  const headers = (options && options.headers) || {};
  return GraphiQL.createFetcher({
    url: url.href,
    wsClient: graphqlWs.createClient({
      url: socketUrl.href,
      lazy: true,
      connectionParams: () => {
        const name = Object.keys(headers).find((key) => key.toLowerCase() === "authorization");
        return name ? { authorization: headers[name] } : {};
      },
    }),
  })(params, options);
};

const signedIn = JSON.stringify({ Authorization: "Bearer paste-the-access-token-here" }, null, 2);

const tabs = [
  {
    query: `# Welcome to RankedHonor. Each tab is an operation to try; press the play button.
query Leaderboard {
  leaderboard(mode: "1v1", first: 10) {
    totalCount
    nodes { rank mmr user { username country } standing { wins losses streak tier { label } } }
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
      { input: { username: "ada", email: "ada@example.com", password: "a long enough phrase", region: "eu-west" } },
      null,
      2,
    ),
  },
  {
    query: `# Takes the access token of a player in the headers editor below.
mutation JoinQueue {
  joinQueue(input: { mode: "1v1", regions: [{ region: "eu-west", latencyMs: 20 }] }) {
    ticket { id state mmr mmrTolerance estimatedWaitSeconds joinedAt }
  }
}
`,
    headers: signedIn,
  },
  {
    query: `# Takes the access token of a player in the headers editor below.
subscription QueueStatus {
  queueStatus {
    state waitedSeconds mmrTolerance estimatedWaitSeconds
    match { id status region { name } teams { players { user { username } mmrBefore } } }
  }
}
`,
    headers: signedIn,
  },
  {
    query: `subscription RankChanges {
  rankChanged {
    cursor at user { username } mode { id } mmrBefore mmrAfter rankBefore rankAfter tierAfter { label }
  }
}
`,
  },
];

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultTabs: tabs, shouldPersistHeaders: false }),
);
