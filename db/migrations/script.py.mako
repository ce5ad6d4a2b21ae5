"""${message}"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
oldest_code = ${repr(config.attributes["oldest_code"])}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
