"""How often a code was tried for a report's number

Revision ID: 0010
Revises: 0008

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0010'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('code_try',
    sa.Column('number_index', sa.LargeBinary(length=16), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('since', app.models.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('number_index', name=op.f('pk_code_try'))
    )
    op.create_index(op.f('ix_code_try_since'), 'code_try', ['since'])


def downgrade():
    op.drop_table('code_try')
