"""Drafts of releases with every saved text and every move; a release may hold again what an older one held

Revision ID: 0022
Revises: 0019b

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0022"
down_revision = "0019b"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    with op.batch_alter_table("release") as release:
        release.drop_constraint(op.f("uq_release_hash"), type_="unique")
        release.create_index(op.f("ix_release_hash"), ["hash"])
    op.create_table(
        "release_draft",
        sa.Column("id", BIG, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("base_id", BIG, nullable=False),
        sa.Column("since_id", BIG, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("checked_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("made_by", BIG, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", BIG, nullable=True),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["base_id"], ["release.id"], name=op.f("fk_release_draft_base_id")),
        sa.ForeignKeyConstraint(["since_id"], ["release.id"], name=op.f("fk_release_draft_since_id")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_release_draft_release_id")),
        sa.ForeignKeyConstraint(["made_by"], ["user.id"], name=op.f("fk_release_draft_made_by")),
        sa.ForeignKeyConstraint(["submitted_by"], ["user.id"], name=op.f("fk_release_draft_submitted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_draft")),
    )
    op.create_index(op.f("ix_release_draft_state"), "release_draft", ["state"])
    op.create_table(
        "release_draft_file",
        sa.Column("id", BIG, nullable=False),
        sa.Column("draft_id", BIG, nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("saved_by", BIG, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["release_draft.id"], name=op.f("fk_release_draft_file_draft_id")),
        sa.ForeignKeyConstraint(["saved_by"], ["user.id"], name=op.f("fk_release_draft_file_saved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_draft_file")),
        sa.UniqueConstraint("draft_id", "path", "version", name=op.f("uq_release_draft_file_draft_id_path_version")),
    )
    op.create_table(
        "release_draft_move",
        sa.Column("id", BIG, nullable=False),
        sa.Column("draft_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["release_draft.id"], name=op.f("fk_release_draft_move_draft_id")),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_release_draft_move_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_draft_move")),
    )
    op.create_index(op.f("ix_release_draft_move_draft_id"), "release_draft_move", ["draft_id"])


def downgrade():
    op.drop_table("release_draft_move")
    op.drop_table("release_draft_file")
    op.drop_table("release_draft")
    with op.batch_alter_table("release") as release:
        release.drop_index(op.f("ix_release_hash"))
        release.create_unique_constraint(op.f("uq_release_hash"), ["hash"])
