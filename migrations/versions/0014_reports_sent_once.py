"""A report that is sent twice is one report

Revision ID: 0014
Revises: 0013

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("report") as batch:
        batch.add_column(sa.Column("idempotency_key", sa.String(length=64), nullable=True))
        batch.create_unique_constraint(op.f("uq_report_idempotency_key"), ["idempotency_key"])


def downgrade():
    with op.batch_alter_table("report") as batch:
        batch.drop_constraint(op.f("uq_report_idempotency_key"), type_="unique")
        batch.drop_column("idempotency_key")
