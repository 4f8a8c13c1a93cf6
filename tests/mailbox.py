"""A mail server and a text-message gateway for tests: real sockets on this machine, which keep what they were given."""

from __future__ import annotations

import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import clock


@dataclass
class Mailbox:
    """What a mail server took: with `broken` it refuses all, with `rude` it hangs up once it has taken a letter."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    sign_ins: list[str] = field(default_factory=list)
    broken: bool = False
    rude: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None
    """When set, the server says nothing to a client that it has let `reached` it, until it may go on."""


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box: Mailbox = cast(Any, self.server).box
        box.reached.set()
        if box.go_on:
            box.go_on.wait()
        self._say("421 closed" if box.broken else "220 test")
        while not box.broken and (line := self.rfile.readline()):
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                box.letters.append(self._letter())
                self._say("250 taken")
                if box.rude:
                    return
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            elif verb == b"EHLO":
                self._say("250-test\r\n250 AUTH PLAIN")
            elif verb == b"AUTH":
                box.sign_ins.append(line.decode().strip())
                self._say("235 in")
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _letter(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return cast(EmailMessage, email.message_from_bytes(b"".join(lines), policy=email.policy.SMTP))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up in the middle is what some tests are about."""


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[misc]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mail_server(tls: Path | None = None) -> Iterator[Mailbox]:
    """A mail server; with `tls`, a file with certificate and key, encrypted from the first byte."""
    box = Mailbox()
    server = _Server(("127.0.0.1", 0), _Smtp)
    cast(Any, server).box = box
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _served(server) as port:
        box.port = port
        yield box


def certificate(path: Path) -> Path:
    """A certificate for localhost that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = clock.real_now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


@dataclass
class Gateway:
    """What a gateway was sent, headers and body; `answers` are the next statuses, then 200."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def gateway() -> Iterator[Gateway]:
    """A gateway that sends text messages."""
    made = Gateway()

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = made.answers.pop(0) if made.answers else 200
            if status == 200:
                made.taken.append((dict(self.headers), body))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: tests look at what was taken."""

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Desk)) as port:
        made.url = f"http://127.0.0.1:{port}/sms"
        yield made
