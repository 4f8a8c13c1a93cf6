"""The global log: order, tree, signed heads, anchors

Revision ID: 0002
Revises: 0001

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    state = op.create_table('log_state',
    sa.Column('id', ID, nullable=False),
    sa.Column('size', ID, nullable=False),
    sa.Column('frontier', sa.LargeBinary(), nullable=False),
    sa.Column('heads', ID, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_state'))
    )
    op.bulk_insert(state, [{'id': 1, 'size': 0, 'frontier': b'', 'heads': 0}])
    op.create_table('log_case',
    sa.Column('case_id', ID, autoincrement=False, nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_log_case'))
    )
    op.create_table('log_entry',
    sa.Column('position', ID, autoincrement=False, nullable=False),
    sa.Column('event_id', ID, nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['event.id'], name=op.f('fk_log_entry_event_id')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_log_entry')),
    sa.UniqueConstraint('event_id', name=op.f('uq_log_entry_event_id'))
    )
    op.create_table('log_node',
    sa.Column('level', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('index', ID, autoincrement=False, nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('level', 'index', name=op.f('pk_log_node'))
    )
    op.create_table('log_head',
    sa.Column('n', ID, autoincrement=False, nullable=False),
    sa.Column('size', ID, nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('n', name=op.f('pk_log_head'))
    )
    op.create_index(op.f('ix_log_head_size'), 'log_head', ['size'], unique=False)
    op.create_table('log_anchor',
    sa.Column('id', ID, nullable=False),
    sa.Column('n', ID, nullable=False),
    sa.Column('target', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', app.models.types.Instant(timezone=True), nullable=False),
    sa.Column('done_at', app.models.types.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['n'], ['log_head.n'], name=op.f('fk_log_anchor_n')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_anchor')),
    sa.UniqueConstraint('n', 'target', name=op.f('uq_log_anchor_n_target'))
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index('ix_log_anchor_waiting', 'log_anchor', ['target', 'n'], unique=False, sqlite_where=waiting, postgresql_where=waiting)


def downgrade():
    op.drop_index('ix_log_anchor_waiting', table_name='log_anchor')
    op.drop_table('log_anchor')
    op.drop_index(op.f('ix_log_head_size'), table_name='log_head')
    op.drop_table('log_head')
    op.drop_table('log_node')
    op.drop_table('log_entry')
    op.drop_table('log_case')
    op.drop_table('log_state')
