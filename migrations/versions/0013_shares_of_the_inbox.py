"""Tasks handed on, watched tasks, saved filters; the inbox's index holds who has a task

Revision ID: 0013
Revises: 0012

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
OPEN = sa.text("status = 'open'")
TAKEN = sa.text("status = 'open' AND assignee_id IS NOT NULL")
OWNED = sa.text("status = 'open' AND owner_id IS NOT NULL")
BEFORE, MINE = ['unit_id', 'role', 'due_at', 'id'], ['assignee_id', 'due_at', 'id']


def _index(name, columns, where):
    op.drop_index(name, table_name='task')
    op.create_index(name, 'task', columns, sqlite_where=where, postgresql_where=where)


def upgrade():
    with op.batch_alter_table('task') as task:
        task.add_column(sa.Column('owner_id', ID, nullable=True))
        task.create_foreign_key(op.f('fk_task_owner_id'), 'user', ['owner_id'], ['id'])
    op.create_index('ix_task_owner', 'task', ['owner_id', 'due_at', 'id'], sqlite_where=OWNED, postgresql_where=OWNED)
    _index('ix_task_inbox', [*BEFORE, 'assignee_id'], OPEN)
    _index('ix_task_mine', MINE, TAKEN)
    op.create_table('task_mark',
    sa.Column('id', ID, nullable=False),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('task_id', ID, nullable=False),
    sa.Column('follow_up_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_task_mark_task_id')),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_task_mark_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_mark')),
    sa.UniqueConstraint('user_id', 'task_id', name=op.f('uq_task_mark_user_id_task_id'))
    )
    op.create_table('saved_filter',
    sa.Column('id', ID, nullable=False),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('view', sa.String(length=12), nullable=False),
    sa.Column('asked', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_saved_filter_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_filter')),
    sa.UniqueConstraint('user_id', 'name', name=op.f('uq_saved_filter_user_id_name'))
    )


def downgrade():
    op.drop_table('saved_filter')
    op.drop_table('task_mark')
    _index('ix_task_mine', MINE, OPEN)
    _index('ix_task_inbox', BEFORE, OPEN)
    op.drop_index('ix_task_owner', table_name='task')
    with op.batch_alter_table('task') as task:
        task.drop_constraint(op.f('fk_task_owner_id'), type_='foreignkey')
        task.drop_column('owner_id')
