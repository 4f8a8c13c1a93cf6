"""Corrections: which submission a correction goes back to

Revision ID: 0006
Revises: 0005

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    with op.batch_alter_table('submission') as batch:
        batch.add_column(sa.Column('origin_id', ID, nullable=True))
        batch.create_foreign_key(op.f('fk_submission_origin_id'), 'submission', ['origin_id'], ['id'])
        batch.create_index(op.f('ix_submission_supersedes_id'), ['supersedes_id'], unique=False)


def downgrade():
    with op.batch_alter_table('submission') as batch:
        batch.drop_index(op.f('ix_submission_supersedes_id'))
        batch.drop_constraint(op.f('fk_submission_origin_id'), type_='foreignkey')
        batch.drop_column('origin_id')
