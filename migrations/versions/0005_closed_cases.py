"""Close the cases in which everything has ended

Revision ID: 0005
Revises: 0004

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BEGUN = 'EXISTS (SELECT 1 FROM instance WHERE instance.case_id = "case".id)'
LIVE = """EXISTS (SELECT 1 FROM instance WHERE instance.case_id = "case".id
          AND instance.status IN ('running', 'scheduled'))"""


def upgrade():
    """As of today; each case says from here on, as an event, when it closes and opens again."""
    op.execute(f"""UPDATE "case" SET status = 'closed' WHERE {BEGUN} AND NOT {LIVE}""")


def downgrade():
    op.execute("""UPDATE "case" SET status = 'open'""")
