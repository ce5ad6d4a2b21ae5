"""A user's locale is chosen or empty. Stop the version before first: it writes the column that goes."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("chosen_locale", sa.String(), nullable=True))
    # Every user had nb-NO from the start, so that alone was chosen which differs from it.
    op.execute("""UPDATE "user" SET chosen_locale = locale WHERE locale <> 'nb-NO' AND deleted_at IS NULL""")
    op.drop_column("user", "locale")
