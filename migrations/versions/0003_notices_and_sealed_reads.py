"""Whom a notice is for and who read it; openings of what is sealed; units that may not know of a case

Revision ID: 0003
Revises: 0002

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
INSTANT = app.models.types.Instant(timezone=True)
UNREAD = sa.text('read_at IS NULL')
UNREVIEWED = sa.text("why = 'glass' AND reviewed_at IS NULL")


def upgrade():
    with op.batch_alter_table('notice') as notice:
        notice.add_column(sa.Column('role', sa.String(length=40), nullable=False, server_default=''))
        notice.add_column(sa.Column('user_id', ID, nullable=True))
        notice.add_column(sa.Column('reader_id', ID, nullable=True))
        notice.create_foreign_key(op.f('fk_notice_user_id'), 'user', ['user_id'], ['id'])
        notice.create_foreign_key(op.f('fk_notice_reader_id'), 'user', ['reader_id'], ['id'])
    with op.batch_alter_table('notice') as notice:
        notice.alter_column('role', server_default=None)
    op.create_index('ix_notice_unread', 'notice', ['unit_id'], unique=False, sqlite_where=UNREAD, postgresql_where=UNREAD)
    op.create_table('sealed_read',
    sa.Column('id', ID, nullable=False),
    sa.Column('case_id', ID, nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('user_id', ID, nullable=False),
    sa.Column('submission_id', ID, nullable=True),
    sa.Column('why', sa.String(length=8), nullable=False),
    sa.Column('read_at', INSTANT, nullable=False),
    sa.Column('until', INSTANT, nullable=False),
    sa.Column('review_unit_id', ID, nullable=True),
    sa.Column('review_role', sa.String(length=40), nullable=False),
    sa.Column('reviewed_at', INSTANT, nullable=True),
    sa.Column('reviewed_by', ID, nullable=True),
    sa.Column('verdict', sa.String(length=8), nullable=False),
    sa.Column('review_seq', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_sealed_read_case_id')),
    sa.ForeignKeyConstraint(['review_unit_id'], ['unit.id'], name=op.f('fk_sealed_read_review_unit_id')),
    sa.ForeignKeyConstraint(['reviewed_by'], ['user.id'], name=op.f('fk_sealed_read_reviewed_by')),
    sa.ForeignKeyConstraint(['submission_id'], ['submission.id'], name=op.f('fk_sealed_read_submission_id')),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_sealed_read_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sealed_read')),
    sa.UniqueConstraint('case_id', 'seq', name=op.f('uq_sealed_read_case_id_seq'))
    )
    op.create_index(op.f('ix_sealed_read_user_id_case_id_until'), 'sealed_read', ['user_id', 'case_id', 'until'], unique=False)
    op.create_index('ix_sealed_read_review', 'sealed_read', ['review_unit_id', 'review_role'], unique=False,
                    sqlite_where=UNREVIEWED, postgresql_where=UNREVIEWED)
    op.create_table('case_bar',
    sa.Column('id', ID, nullable=False),
    sa.Column('case_id', ID, nullable=False),
    sa.Column('unit_index', sa.LargeBinary(), nullable=False),
    sa.Column('submission_id', ID, nullable=False),
    sa.Column('recorded_at', INSTANT, nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_case_bar_case_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['submission.id'], name=op.f('fk_case_bar_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_bar')),
    sa.UniqueConstraint('case_id', 'unit_index', name=op.f('uq_case_bar_case_id_unit_index'))
    )


def downgrade():
    op.drop_table('case_bar')
    op.drop_table('sealed_read')
    op.drop_index('ix_notice_unread', table_name='notice')
    with op.batch_alter_table('notice') as notice:
        notice.drop_constraint(op.f('fk_notice_reader_id'), type_='foreignkey')
        notice.drop_constraint(op.f('fk_notice_user_id'), type_='foreignkey')
        notice.drop_column('reader_id')
        notice.drop_column('user_id')
        notice.drop_column('role')
