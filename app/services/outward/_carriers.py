"""Who takes a letter out of the house: a mail server, or a gateway that sends text messages.

Each call ends within a few timeouts and raises when the letter was not taken. TLS is verified; a
mail server without it is trusted on this machine only.
"""

from __future__ import annotations

import hashlib
import hmac
import smtplib
import ssl
import urllib.request
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

import orjson

from app import clock
from app.db import settings
from app.services.outward._letters import Letter
from app.settings import LOOPBACK, MailServer

TIMEOUT = 10
"""Seconds that each answer may take."""


def mail(letter: Letter) -> None:
    """Hand a letter to the mail server. Raises OSError (smtplib's errors are such) unless it was taken."""
    server = settings().outward.mail
    assert server is not None, "nothing goes by mail where no server is set"
    domain = server.sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = server.sender, letter.to, letter.subject
    message["Date"], message["Message-ID"] = format_datetime(clock.real_now()), f"<{letter.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    smtp = _connected(server, domain)
    try:
        if server.user:
            smtp.login(server.user, server.password)
        smtp.send_message(message)
        with suppress(OSError):  # taken already: a poor farewell must not send it again
            smtp.quit()
    finally:
        smtp.close()


def _connected(server: MailServer, name: str) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT, context=context)
    smtp = smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT)
    try:
        smtp.ehlo()
        if smtp.has_extn("starttls") or server.host not in LOOPBACK:
            smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp


class _Refuse(urllib.request.HTTPRedirectHandler):
    """A gateway that moved is not followed: what we send is for the address that was set."""

    def redirect_request(self, *_: Any) -> None:
        """Nowhere: urllib then raises HTTPError."""


def sms(letter: Letter) -> None:
    """Hand a letter to the gateway, signed. Raises OSError unless it answers with a 2xx."""
    known = settings().outward
    body = orjson.dumps({"id": letter.id, "to": letter.to, "text": letter.text, "urgent": letter.urgent})
    timestamp = str(int(clock.real_now().timestamp()))
    signature = hmac.new(known.webhook_secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(  # noqa: S310 - settings allow https only, and http on this machine
        known.webhook_url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": letter.id,
            "Shouwang-Timestamp": timestamp,
            "Shouwang-Signature": f"sha256={signature}",
        },
    )
    with urllib.request.build_opener(_Refuse).open(request, timeout=TIMEOUT):
        pass
