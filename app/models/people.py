"""Units in their region tree, and the people who hold posts in them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.types import Id, Instant


class Unit(Base):
    """A body at a place: a village committee, a police station, a county's civil affairs.

    `path` is the region it serves, as codes joined by "/" and closed by "/", so that a
    prefix test says "within": /620000/620700/620702/.
    """

    __tablename__ = "unit"
    __table_args__ = (Index(None, "path", "sector"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    path: Mapped[str] = mapped_column(String(120))
    level: Mapped[str] = mapped_column(String(12))
    sector: Mapped[str] = mapped_column(String(32))
    name_zh: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(120))


class User(Base):
    """A person who signs in; what they may do follows from their posts."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(60))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
    totp: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The sealed secret of the authenticator, and the half minute of the code that counted last."""
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    notice_to: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The sealed addresses at which the person wants notices; which of them, and the language (empty: both)."""
    notice_mail: Mapped[bool] = mapped_column(default=False, server_default=false())
    notice_sms: Mapped[bool] = mapped_column(default=False, server_default=false())
    mail_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether a code that went to the address came back; until then nothing else goes there."""
    sms_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    notice_lang: Mapped[str] = mapped_column(String(2), default="", server_default="")
    tours: Mapped[str] = mapped_column(String(120), default="", server_default="")
    """The tours of pages that the person has seen or skipped, with commas between."""
    posts: Mapped[list[Post]] = relationship(back_populates="user")


class Post(Base):
    """A role that a person holds in a unit (roles.json, and the posts auditor, policy, admin)."""

    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("user_id", "role", "unit_id"), Index(None, "unit_id", "role"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    role: Mapped[str] = mapped_column(String(40))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    user: Mapped[User] = relationship(back_populates="posts")
    unit: Mapped[Unit] = relationship()


class AccountChange(Base):
    """Who changed somebody's account or posts, and when; what a password or a secret was is nowhere.

    `what`: added, post_given, post_ended, left, password, factor. Times are real, in practice too. `by_id` is nobody
    where it was done at the machine itself; `why` is a key of services.leaving.WHY where something ended.
    """

    __tablename__ = "account_change"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    what: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(40), default="")
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    why: Mapped[str] = mapped_column(String(12), default="", server_default="")


class AddressCode(Base):
    """The code that proves that mail or messages to an address reach the person: asked for, sent, tried.

    The code itself is nowhere: it is made when it is sent, and only its keyed hash stays. One row for each channel.
    """

    __tablename__ = "address_code"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    code: Mapped[bytes | None] = mapped_column(LargeBinary)
    until: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(default=0)


class JobRun(Base):
    """When a job of the background last ran, and last failed, in any worker; `every` in seconds. Real time."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    every: Mapped[int]
    ran_at: Mapped[datetime] = mapped_column(Instant)
    failed_at: Mapped[datetime | None] = mapped_column(Instant)


class FormerPost(Base):
    """A post that ended: whose, when, why, and who ended it; nobody, where it was done at the machine itself."""

    __tablename__ = "former_post"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    role: Mapped[str] = mapped_column(String(40))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    ended_at: Mapped[datetime] = mapped_column(Instant)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    why: Mapped[str] = mapped_column(String(12))


class Absence(Base):
    """Somebody is away from `starts_at` until `ends_at`; rows are only ever added, and cut short, never deleted.

    `substitute_id`: who does their work meanwhile; nobody means whoever answers for it. Called off before it
    began, it ends when it would have begun.
    """

    __tablename__ = "absence"
    __table_args__ = (Index(None, "user_id", "ends_at"), Index(None, "ends_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    why: Mapped[str] = mapped_column(String(12))
    substitute_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    entered_at: Mapped[datetime] = mapped_column(Instant)
    entered_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class Duty(Base):
    """Who of a unit's post is on duty in one shift of one day; a gap is a row that is not there."""

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("unit_id", "role", "day", "shift"), Index(None, "user_id", "day"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    role: Mapped[str] = mapped_column(String(40))
    day: Mapped[date]
    shift: Mapped[str] = mapped_column(String(8))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    entered_at: Mapped[datetime] = mapped_column(Instant)
    entered_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
