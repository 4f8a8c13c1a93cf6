"""Official papers, their numbers, and templates that staff put in place of the shipped ones

Revision ID: 0008
Revises: 0006

"""
from alembic import op
import sqlalchemy as sa

import app.models.types


# revision identifiers, used by Alembic.
revision = '0008'
down_revision = '0006'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
INSTANT = app.models.types.Instant(timezone=True)


def upgrade():
    op.create_table('paper_number',
    sa.Column('unit_id', ID, autoincrement=False, nullable=False),
    sa.Column('word', sa.String(length=20), nullable=False),
    sa.Column('year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('last', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_paper_number_unit_id')),
    sa.PrimaryKeyConstraint('unit_id', 'word', 'year', name=op.f('pk_paper_number'))
    )
    op.create_table('paper_template',
    sa.Column('id', ID, nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('uploaded_at', INSTANT, nullable=False),
    sa.Column('uploaded_by', ID, nullable=False),
    sa.ForeignKeyConstraint(['uploaded_by'], ['user.id'], name=op.f('fk_paper_template_uploaded_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paper_template')),
    sa.UniqueConstraint('kind', 'version', name=op.f('uq_paper_template_kind_version'))
    )
    op.create_table('paper',
    sa.Column('id', ID, nullable=False),
    sa.Column('case_id', ID, nullable=False),
    sa.Column('task_id', ID, nullable=True),
    sa.Column('unit_id', ID, nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('release_id', ID, nullable=False),
    sa.Column('template', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('former_id', ID, nullable=True),
    sa.Column('word', sa.String(length=20), nullable=False),
    sa.Column('year', sa.Integer(), nullable=True),
    sa.Column('ordinal', sa.Integer(), nullable=True),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('rests_on', sa.JSON(), nullable=False),
    sa.Column('docx', sa.LargeBinary(), nullable=True),
    sa.Column('pdf', sa.LargeBinary(), nullable=True),
    sa.Column('drafted_at', INSTANT, nullable=False),
    sa.Column('drafted_by', ID, nullable=False),
    sa.Column('issued_at', INSTANT, nullable=True),
    sa.Column('issued_by', ID, nullable=True),
    sa.Column('withdrawn_seq', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_paper_case_id')),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_paper_task_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_paper_unit_id')),
    sa.ForeignKeyConstraint(['release_id'], ['release.id'], name=op.f('fk_paper_release_id')),
    sa.ForeignKeyConstraint(['former_id'], ['paper.id'], name=op.f('fk_paper_former_id')),
    sa.ForeignKeyConstraint(['drafted_by'], ['user.id'], name=op.f('fk_paper_drafted_by')),
    sa.ForeignKeyConstraint(['issued_by'], ['user.id'], name=op.f('fk_paper_issued_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paper')),
    sa.UniqueConstraint('unit_id', 'word', 'year', 'ordinal', name=op.f('uq_paper_unit_id_word_year_ordinal'))
    )
    op.create_index(op.f('ix_paper_case_id_drafted_at'), 'paper', ['case_id', 'drafted_at'], unique=False)


def downgrade():
    op.drop_table('paper')
    op.drop_table('paper_template')
    op.drop_table('paper_number')
