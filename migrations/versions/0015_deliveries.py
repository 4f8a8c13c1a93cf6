"""Notices that leave the house

Revision ID: 0015
Revises: 0014

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")


def upgrade():
    with op.batch_alter_table("user") as user:
        user.add_column(sa.Column("notice_to", sa.LargeBinary(), nullable=True))
        user.add_column(sa.Column("notice_mail", sa.Boolean(), server_default=sa.false(), nullable=False))
        user.add_column(sa.Column("notice_sms", sa.Boolean(), server_default=sa.false(), nullable=False))
        user.add_column(sa.Column("notice_lang", sa.String(length=2), server_default="", nullable=False))
    op.create_table(
        "delivery",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("notice_id", BIG, nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("case_id", BIG, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_delivery_user_id_user")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_delivery_notice_id_notice")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_delivery_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("notice_id", "user_id", "channel", name=op.f("uq_delivery_notice_id_user_id_channel")),
        sa.UniqueConstraint("user_id", "day", "channel", name=op.f("uq_delivery_user_id_day_channel")),
    )
    op.create_index(
        "ix_delivery_waiting", "delivery", ["channel", "due_at", "id"], sqlite_where=WAITING, postgresql_where=WAITING
    )


def downgrade():
    op.drop_index("ix_delivery_waiting", table_name="delivery")
    op.drop_table("delivery")
    with op.batch_alter_table("user") as user:
        for name in ("notice_lang", "notice_sms", "notice_mail", "notice_to"):
            user.drop_column(name)
