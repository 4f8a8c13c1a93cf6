"""What the OpenAPI description says beside the operations: how to sign in, what problems look like."""

from __future__ import annotations

from typing import Any

from app.api.caller import TOKEN

TITLE = "守望 Shouwang"
VERSION = "1.0.0"
OPENAPI = "3.0.3"
TEXT = f"""\
A city's child-protection plan that runs: reports, tasks, cases, deadlines and releases.
The rules of access are those of the pages: what a person may not see answers 404, and is in no list.

**Signing in.** A program posts name and password to `/api/v1/tokens` and sends the token it gets as
header `{TOKEN}` for eight hours. A token is never read from an address or a body, and where one is
sent, a session cookie is not looked at. A browser that is signed in on the pages sends its session
cookie; every write must then carry the header `X-CSRFToken` (from `/api/v1/session`), because a
cookie also comes along when another site makes the call. Filing a report and asking after one need
no sign-in. Bodies are read as JSON only where they say so; other sites get no CORS headers.

**Problems** are `application/problem+json` (RFC 9457) with `code` for programs and `detail` in the
language of `Accept-Language` (zh, en). Answers that do not fit carry `fields`: path → what is wrong.

**Twice is once.** Send `Idempotency-Key` with a task's answers: the same again gives the first
result; something else under the same key is refused. A stale `version` is refused with 409.

**Pages.** A list ends with `after`; give it back to get the next page. Empty means the end.
"""


def options() -> dict[str, Any]:
    """The parts of the description that apispec takes as they are."""
    return {
        "info": {"description": TEXT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": [], "csrf": []}],
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": TOKEN},
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "csrf": {
                    "type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "for writes by a session",
                },
            }
        },
    }  # fmt: skip
