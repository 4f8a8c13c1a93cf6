"""Files that people attach

Revision ID: 0011
Revises: 0010

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('attachment',
    sa.Column('id', ID, nullable=False),
    sa.Column('case_id', ID, nullable=False),
    sa.Column('task_id', ID, nullable=True),
    sa.Column('submission_id', ID, nullable=True),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('field', sa.String(length=64), nullable=False),
    sa.Column('sensitivity', sa.String(length=2), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('place', sa.String(length=40), nullable=False),
    sa.Column('head', sa.LargeBinary(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('stored_at', app.models.types.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_attachment_case_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['submission.id'], name=op.f('fk_attachment_submission_id')),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_attachment_task_id')),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_attachment_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachment')),
    sa.UniqueConstraint('place', name=op.f('uq_attachment_place'))
    )
    with op.batch_alter_table('attachment') as batch:
        batch.create_index(op.f('ix_attachment_case_id'), ['case_id'], unique=False)
        batch.create_index(op.f('ix_attachment_submission_id'), ['submission_id'], unique=False)
        batch.create_index(op.f('ix_attachment_task_id'), ['task_id'], unique=False)


def downgrade():
    op.drop_table('attachment')
