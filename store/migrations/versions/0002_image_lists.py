"""Lists of images by offset, and their counts, are answered from indexes alone."""

import sqlalchemy as sa
from alembic import op

revision = "0002_image_lists"
down_revision = "0001_initial"
branch_labels = None
depends_on = None

LIVE = "trashed_by IS NULL"
WALKED = "ix_image_name_key_id_state_label_id_owner_id_group_id_live"
COUNTED = "ix_image_label_id_owner_id_group_id_state_live"


def index(name: str, *columns: str) -> None:
    """Create an index over live images."""
    op.create_index(
        name, "image", list(columns), sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE)
    )


def upgrade() -> None:
    index(WALKED, "name_key", "id", "state", "label_id", "owner_id", "group_id")
    index(COUNTED, "label_id", "owner_id", "group_id", "state")
    op.drop_index("ix_image_name_key_id_live", "image")


def downgrade() -> None:
    index("ix_image_name_key_id_live", "name_key", "id")
    op.drop_index(WALKED, "image")
    op.drop_index(COUNTED, "image")
