"""Integrations of the kind `slack`: Slack's Web API with a token of an app.

Slack answers 200 whatever happened; whether a call went through stands in the member `ok` of its body, and why it did
not in `error` (https://docs.slack.dev/reference/methods/auth.test).
"""

import re

from app.errors import AetherFlowError
from app.rules.integrations.findings import Failing, Finding, Healthy, Refused, judge_status
from app.rules.integrations.members import NoMembers, Token
from app.rules.integrations.services import HttpService
from app.rules.json_text import parse_json

BASE_URL = "https://slack.com/api/"

# What `error` says of a token that does not count, or does not count any more.
REFUSALS = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked", "org_login_required"}
)

# What Slack's own error names look like, so that nothing else comes into a row by this way.
_NAME = re.compile(r"[a-z_]{1,64}")


def connect_slack(config: NoMembers, credentials: Token) -> HttpService:
    """Return Slack's Web API, dressed with the token."""
    return HttpService(
        BASE_URL,
        headers=(("Authorization", f"Bearer {credentials.token}"),),
        check_method="POST",
        check_path="auth.test",
        judge=judge_answer,
    )


def judge_answer(status_code: int, body: bytes) -> Finding:
    """Return what an answer of Slack says of the token."""
    judged = judge_status(status_code)
    if not isinstance(judged, Healthy):
        return judged
    try:
        said = parse_json(body)
    except AetherFlowError:
        said = None
    if not isinstance(said, dict) or "ok" not in said:
        return Failing("PROTOCOL", "The answer is not one of Slack's.")
    if said["ok"] is True:
        return Healthy()
    error = said.get("error")
    name = error if isinstance(error, str) and _NAME.fullmatch(error) else "unknown"
    if name in REFUSALS:
        return Refused(f"Slack refuses the token: {name}.")
    return Failing("SLACK_ERROR", f"Slack answers with the error {name}.")
