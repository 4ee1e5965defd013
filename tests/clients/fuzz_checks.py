"""What every answer to made-up operations has to be: JSON, quick enough, and each error with a code that says whose fault it is."""

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

KNOWN = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "BAD_USER_INPUT",
    "CONFLICT",
    "RATE_LIMITED",
    "QUERY_TOO_COMPLEX",
}


@schemathesis.check
def coded_error(ctx, response, case):
    assert response.status_code < 500, f"status {response.status_code}"
    body = response.json()
    assert "data" in body or body.get("errors"), "neither data nor errors"
    for error in body.get("errors", []):
        code = error.get("extensions", {}).get("code")
        assert code in KNOWN, f"{code}: {error.get('message')}"


def text(*samples):
    """Sometimes one that is right, sometimes anything."""
    return st.one_of(st.sampled_from(samples), st.text(max_size=40)).map(nodes.String)


schemathesis.graphql.scalar("ModeId", text("1v1", "2v2", "4v4"))
schemathesis.graphql.scalar("RegionId", text("eu-west", "us-east"))
