"""Notice addresses are confirmed by a code; a change of an account says why, and may be nobody's at the machine itself

Revision ID: 0024
Revises: 0023

"""

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    with op.batch_alter_table("user") as user:
        user.add_column(sa.Column("mail_confirmed", sa.Boolean(), server_default=sa.false(), nullable=False))
        user.add_column(sa.Column("sms_confirmed", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Whoever is told already goes on being told: nobody must stop hearing of a child in danger by an update.
    op.execute(sa.text('UPDATE "user" SET mail_confirmed = notice_mail, sms_confirmed = notice_sms'))
    op.create_table(
        "address_code",
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_address_code_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "channel", name=op.f("pk_address_code")),
    )
    with op.batch_alter_table("account_change") as change:
        change.add_column(sa.Column("why", sa.String(length=12), server_default="", nullable=False))
        change.alter_column("by_id", existing_type=BIG, nullable=True)


def downgrade():
    op.execute(sa.text("DELETE FROM account_change WHERE by_id IS NULL"))
    with op.batch_alter_table("account_change") as change:
        change.alter_column("by_id", existing_type=BIG, nullable=False)
        change.drop_column("why")
    op.drop_table("address_code")
    with op.batch_alter_table("user") as user:
        user.drop_column("sms_confirmed")
        user.drop_column("mail_confirmed")
