"""A run that waits for a while, and the reminders of ours that are held

Revision ID: 0020
Revises: 0015

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0020"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LASTING = sa.text("ended_at IS NULL")


def upgrade():
    op.add_column("deadline", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case", sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "suspension",
        sa.Column("id", BIG, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("instance_id", BIG, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_suspension_case_id_case")),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_suspension_instance_id_instance")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_suspension_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspension")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_suspension_case_id_seq")),
    )
    op.create_index(
        "ix_suspension_lasting", "suspension", ["instance_id"], unique=True, sqlite_where=LASTING,
        postgresql_where=LASTING,
    )


def downgrade():
    op.drop_index("ix_suspension_lasting", table_name="suspension")
    op.drop_table("suspension")
    with op.batch_alter_table("case") as case:
        case.drop_column("held")
    with op.batch_alter_table("deadline") as deadline:
        deadline.drop_column("held_until")
