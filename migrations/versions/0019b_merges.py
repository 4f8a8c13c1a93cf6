"""Files of one child that were merged; links of reports that ended; a child's id number as a blind index

Revision ID: 0019b
Revises: 0019

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0019b"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LASTING = sa.text("undone_at IS NULL")


def upgrade():
    op.create_table(
        "case_merge",
        sa.Column("id", BIG, nullable=False),
        sa.Column("alias_id", BIG, nullable=False),
        sa.Column("survivor_id", BIG, nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", BIG, nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", BIG, nullable=True),
        sa.ForeignKeyConstraint(["alias_id"], ["case.id"], name=op.f("fk_case_merge_alias_id_case")),
        sa.ForeignKeyConstraint(["survivor_id"], ["case.id"], name=op.f("fk_case_merge_survivor_id_case")),
        sa.ForeignKeyConstraint(["merged_by"], ["user.id"], name=op.f("fk_case_merge_merged_by_user")),
        sa.ForeignKeyConstraint(["undone_by"], ["user.id"], name=op.f("fk_case_merge_undone_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_merge")),
    )
    op.create_index(
        "ix_case_merge_alias", "case_merge", ["alias_id"], unique=True, sqlite_where=LASTING, postgresql_where=LASTING
    )
    op.create_index(
        "ix_case_merge_survivor", "case_merge", ["survivor_id"], sqlite_where=LASTING, postgresql_where=LASTING
    )
    op.add_column("report_link", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("child", sa.Column("id_index", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_child_id_index"), "child", ["id_index"])


def downgrade():
    op.drop_index(op.f("ix_child_id_index"), table_name="child")
    with op.batch_alter_table("child") as child:
        child.drop_column("id_index")
    with op.batch_alter_table("report_link") as link:
        link.drop_column("ended_at")
    op.drop_index("ix_case_merge_survivor", table_name="case_merge")
    op.drop_index("ix_case_merge_alias", table_name="case_merge")
    op.drop_table("case_merge")
