"""The second factor: six digits from an authenticator app (TOTP), for those who have set one up.

The secret is sealed under the installation's key, and a code counts once. Source: RFC 6238; issue "the
auditor's half", part 7; ADR 0015.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import or_, select, update

from app import clock
from app.db import changed, db, table, transaction
from app.models import User
from app.services import _seal
from app.services.audit import _qr

USER = table(User)
DIGITS, PERIOD, SECRET = 6, 30, 20
DRIFT = (0, -1, 1)
"""Steps by which a phone's clock may be wrong."""


def new_secret() -> str:
    """A fresh secret, in base32 as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET)).decode()


def sound(secret: str) -> bool:
    """Whether this is a secret such as ours."""
    try:
        return len(base64.b32decode(secret)) == SECRET
    except ValueError:
        return False


def uri(secret: str, username: str) -> str:
    """What the QR code says."""
    return f"otpauth://totp/{quote('守望')}:{quote(username)}?secret={secret}&issuer={quote('守望')}"


def qr(secret: str, username: str) -> str:
    """The same as an inline SVG."""
    return _qr.svg(uri(secret, username))


def code(secret: str, step: int) -> str:
    """The six digits of one half minute."""
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), PERIOD, enforce_key_length=False)  # noqa: S303 - RFC 6238
    return totp.generate(step * PERIOD).decode()


def enrolled(user_id: int) -> bool:
    """Whether this person has set up an authenticator."""
    return _sealed(user_id) is not None


def enrol(user_id: int, secret: str, typed: str) -> bool:
    """Keep the secret, when what was typed shows that the person's app has it."""
    step = _step(secret, typed) if sound(secret) else None
    if step is None:
        return False
    _keep(user_id, _seal.account_key().seal(secret, _place(user_id)), step)
    return True


def proves(user_id: int, typed: str) -> bool:
    """Whether this is the person's code now; the same code never counts twice, nor does an older one."""
    sealed = _sealed(user_id)
    step = _step(_seal.account_key().open(sealed, _place(user_id)), typed) if sealed is not None else None
    if step is None:
        return False
    unused = or_(USER.c.totp_step.is_(None), USER.c.totp_step < step)
    with transaction() as session:
        return changed(session, update(USER).where(USER.c.id == user_id, unused).values(totp_step=step)) == 1


def forget(user_id: int) -> None:
    """Take the authenticator away."""
    _keep(user_id, None, None)


def _keep(user_id: int, sealed: bytes | None, step: int | None) -> None:
    with transaction() as session:
        session.execute(update(USER).where(USER.c.id == user_id).values(totp=sealed, totp_step=step))


def _sealed(user_id: int) -> bytes | None:
    found: bytes | None = db.session.scalar(select(USER.c.totp).where(USER.c.id == user_id))
    return found


def _step(secret: str, typed: str) -> int | None:
    """The half minute to which a code belongs; None when it is not one of now."""
    now, given = int(clock.real_now().timestamp()) // PERIOD, "".join(typed.split())
    near = (now + drift for drift in DRIFT)
    return next((step for step in near if hmac.compare_digest(code(secret, step).encode(), given.encode())), None)


def _place(user_id: int) -> str:
    return f"user.totp:{user_id}"
