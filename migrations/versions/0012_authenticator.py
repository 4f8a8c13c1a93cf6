"""A second factor for those who have set one up

Revision ID: 0012
Revises: 0011

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('user') as user:
        user.add_column(sa.Column('totp', sa.LargeBinary(), nullable=True))
        user.add_column(sa.Column('totp_step', sa.BigInteger(), nullable=True))


def downgrade():
    with op.batch_alter_table('user') as user:
        user.drop_column('totp_step')
        user.drop_column('totp')
