"""Samples that auditors drew

Revision ID: 0004
Revises: 0003

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('audit_sample',
    sa.Column('id', ID, nullable=False),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('drawn_at', app.models.types.Instant(timezone=True), nullable=False),
    sa.Column('seed', sa.String(length=64), nullable=False),
    sa.Column('process', sa.String(length=40), nullable=False),
    sa.Column('paths', sa.JSON(), nullable=False),
    sa.Column('frame', sa.Integer(), nullable=False),
    sa.Column('case_ids', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_audit_sample_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_sample'))
    )


def downgrade():
    op.drop_table('audit_sample')
