"""People away for a time, who is on duty, and who ended a post

Revision ID: 0018
Revises: 0021

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0018"
down_revision = "0021"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "former_post",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", BIG, nullable=True),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_former_post_user_id_user")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_former_post_unit_id_unit")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_former_post_ended_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_post")),
    )
    op.create_index(op.f("ix_former_post_user_id"), "former_post", ["user_id"])
    op.create_table(
        "absence",
        sa.Column("id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.Column("substitute_id", BIG, nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", BIG, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", BIG, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_absence_user_id_user")),
        sa.ForeignKeyConstraint(["substitute_id"], ["user.id"], name=op.f("fk_absence_substitute_id_user")),
        sa.ForeignKeyConstraint(["entered_by"], ["user.id"], name=op.f("fk_absence_entered_by_user")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_absence_ended_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index(op.f("ix_absence_user_id_ends_at"), "absence", ["user_id", "ends_at"])
    op.create_index(op.f("ix_absence_ends_at"), "absence", ["ends_at"])
    op.create_table(
        "duty",
        sa.Column("id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shift", sa.String(length=8), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", BIG, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_duty_unit_id_unit")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_duty_user_id_user")),
        sa.ForeignKeyConstraint(["entered_by"], ["user.id"], name=op.f("fk_duty_entered_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
        sa.UniqueConstraint("unit_id", "role", "day", "shift", name=op.f("uq_duty_unit_id_role_day_shift")),
    )
    op.create_index(op.f("ix_duty_user_id_day"), "duty", ["user_id", "day"])


def downgrade():
    for name in ("duty", "absence", "former_post"):
        op.drop_table(name)
