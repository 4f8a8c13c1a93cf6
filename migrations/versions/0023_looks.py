"""Who opened which record

Revision ID: 0023
Revises: 0022

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (["user_id", "at"], ["case_id", "at"], ["at"], ["batch", "id"])


def upgrade():
    op.create_table(
        "look",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("record_id", BIG, nullable=False),
        sa.Column("via", sa.String(length=3), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look")),
    )
    for columns in INDEXES:
        op.create_index(op.f(f"ix_look_{'_'.join(columns)}"), "look", columns)


def downgrade():
    op.drop_table("look")
