"""Work that no longer opens a case, once the case went to another place

Revision ID: 0019
Revises: 0018

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("task", sa.Column("opens", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade():
    with op.batch_alter_table("task") as task:
        task.drop_column("opens")
