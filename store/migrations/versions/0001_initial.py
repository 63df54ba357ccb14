"""The first schema: every noun of the hub, the counters of ids, and the spatial index."""

import time
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_initial"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
KEY_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")

FIRST_ID, FIRST_PLANE, LAST_ID = 1000, 2**40, 2**53 - 1

# Two blocks taken at once by nextval and setval overlap, so whoever takes more than one id is alone
# with the sequence. The lock is the session's, given back at once: nobody waits for a commit.
TAKE_IDS = """
CREATE FUNCTION take_ids(amount bigint, kind text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  counter CONSTANT regclass := ('ids_' || kind)::regclass;
  lock CONSTANT bigint := 7318349394477056 + counter::oid::bigint;
  first bigint;
BEGIN
  IF amount < 1 THEN
    RAISE EXCEPTION 'take_ids: % ids were asked for, at least 1 is needed', amount;
  END IF;
  IF amount = 1 THEN
    PERFORM pg_advisory_lock_shared(lock);
    BEGIN
      first := nextval(counter);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
      PERFORM pg_advisory_unlock_shared(lock);
      RAISE;
    END;
    PERFORM pg_advisory_unlock_shared(lock);
  ELSE
    PERFORM pg_advisory_lock(lock);
    BEGIN
      first := nextval(counter);
      PERFORM setval(counter, first + amount - 1);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
      PERFORM pg_advisory_unlock(lock);
      RAISE;
    END;
    PERFORM pg_advisory_unlock(lock);
  END IF;
  RETURN first;
END
$$
"""


def index(name: str, table: str, *columns: Any, unique: bool = False, where: str = "") -> None:
    """Create an index, partial where `where` says, which both databases word alike."""
    partial = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    op.create_index(name, table, list(columns), unique=unique, **partial)


def upgrade() -> None:
    create_people()
    create_access()
    create_history()
    create_activity()
    create_sources()
    create_ontologies()
    create_files()
    create_operations()
    create_containers()
    create_jobs()
    create_images()
    create_files_of_images()
    create_links_of_containers()
    create_slices_of_images()
    create_screens()
    create_rois()
    create_annotations()
    create_results()
    create_groups_of_images_and_rois()
    if op.get_context().dialect.name == "postgresql":
        create_counters_on_postgresql()
        create_spatial_index_on_postgresql()
    else:
        create_counters_on_sqlite()
        create_spatial_index_on_sqlite()
    insert_fixed_rows()


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first schema; delete the database.")


def create_counters_on_postgresql() -> None:
    op.execute(f"CREATE SEQUENCE ids_main START {FIRST_ID} MAXVALUE {FIRST_PLANE - 1}")
    op.execute(f"CREATE SEQUENCE ids_plane START {FIRST_PLANE} MAXVALUE {LAST_ID}")
    op.execute(f"CREATE SEQUENCE ids_event MAXVALUE {LAST_ID}")
    op.execute(TAKE_IDS)


def create_counters_on_sqlite() -> None:
    ids = op.create_table(
        "ids",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_ids"),
    )
    starts = {"main": FIRST_ID, "plane": FIRST_PLANE, "event": 1}
    op.bulk_insert(ids, [{"name": name, "next": first} for name, first in starts.items()])


def create_spatial_index_on_postgresql() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(
        "CREATE INDEX gist_shape_box ON shape"
        " USING gist (image_id, box(point(x0, y0), point(x1, y1))) WHERE trashed_by IS NULL"
    )


def create_spatial_index_on_sqlite() -> None:
    """Make the R*Tree; the triggers that fill it are in `store.migrations.triggers`."""
    op.execute("CREATE VIRTUAL TABLE shape_box USING rtree_i32(id, x0, x1, y0, y1, k0, k1)")


def insert_fixed_rows() -> None:
    """Insert the groups every hub has; nobody's rows may lie in the first two."""
    names = {0: "system", 1: "user", 3: "commons"}
    groups = sa.table(
        "group_",
        *(sa.column(name) for name in ("id", "name", "name_key", "level", "created_at")),
    )
    now = time.time_ns() // 1_000_000
    op.bulk_insert(
        groups,
        [
            {"id": id, "name": name, "name_key": name, "level": 0, "created_at": now}
            for id, name in names.items()
        ],
    )


def create_people() -> None:
    op.create_table(
        "group_",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("level", ID, server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_group_"),
    )
    index("ix_group__trashed_by", "group_", "trashed_by", where="trashed_by IS NOT NULL")
    index("ux_group__name_key_live", "group_", "name_key", unique=True, where="trashed_by IS NULL")
    op.create_table(
        "user_",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("kind", sa.String(), server_default=sa.text("'human'"), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("username_key", KEY_TEXT, nullable=False),
        sa.Column("first_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("middle_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("institution", sa.String(), nullable=True),
        sa.Column("language", sa.String(), server_default=sa.text("'en'"), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("default_group_id", ID, nullable=False),
        sa.Column("public_key", sa.String(), nullable=True),
        sa.Column("private_key_sealed", sa.String(), nullable=True),
        sa.Column("admin_open_until", ID, nullable=True),
        sa.Column("human_id", ID, nullable=True),
        sa.Column("job_id", ID, nullable=True),
        sa.CheckConstraint("kind IN ('human', 'job')", name=op.f("ck_user__kind")),
        sa.ForeignKeyConstraint(
            ["default_group_id"], ["group_.id"], name="fk_user__default_group_id"
        ),
        sa.ForeignKeyConstraint(["human_id"], ["user_.id"], name="fk_user__human_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_"),
    )
    index("ix_user__default_group_id", "user_", "default_group_id")
    index("ix_user__human_id", "user_", "human_id", where="human_id IS NOT NULL")
    index("ix_user__trashed_by", "user_", "trashed_by", where="trashed_by IS NOT NULL")
    index("ux_user__public_key", "user_", "public_key", unique=True)
    index(
        "ux_user__username_key_live",
        "user_",
        "username_key",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "membership",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("leader", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_membership_group_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_membership_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
    )
    index("ix_membership_group_id", "membership", "group_id")
    index("ux_membership_user_id_group_id", "membership", "user_id", "group_id", unique=True)
    op.create_table(
        "user_role",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_user_role_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_role"),
    )
    index("ux_user_role_user_id_role", "user_role", "user_id", "role", unique=True)


def create_access() -> None:
    op.create_table(
        "grant_",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("grantee_group_id", ID, nullable=True),
        sa.Column("link_hash", sa.String(), nullable=True),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("expires_at", ID, nullable=True),
        sa.Column("given_by", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.CheckConstraint(
            "level IN ('read', 'annotate', 'write', 'manage')", name=op.f("ck_grant__level")
        ),
        sa.CheckConstraint(
            "target_type IN ('project', 'dataset', 'screen', 'plate', 'image')",
            name=op.f("ck_grant__target_type"),
        ),
        sa.CheckConstraint(
            "CASE WHEN user_id IS NULL THEN 0 ELSE 1 END + CASE WHEN grantee_group_id IS NULL THEN 0 ELSE 1 END + CASE WHEN link_hash IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("ck_grant__one_grantee"),
        ),
        sa.ForeignKeyConstraint(["given_by"], ["user_.id"], name="fk_grant__given_by"),
        sa.ForeignKeyConstraint(
            ["grantee_group_id"], ["group_.id"], name="fk_grant__grantee_group_id"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_grant__user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_grant_"),
    )
    index("ix_grant__given_by", "grant_", "given_by")
    index("ix_grant__target_type_target_id", "grant_", "target_type", "target_id")
    index(
        "ux_grant__grantee_group_id_target_type_target_id",
        "grant_",
        "grantee_group_id",
        "target_type",
        "target_id",
        unique=True,
    )
    index("ux_grant__link_hash", "grant_", "link_hash", unique=True)
    index(
        "ux_grant__user_id_target_type_target_id",
        "grant_",
        "user_id",
        "target_type",
        "target_id",
        unique=True,
    )
    op.create_table(
        "session_",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("seen_at", ID, nullable=False),
        sa.Column("expires_at", ID, nullable=False),
        sa.Column("clipboard", JSON, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_session__group_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_session__user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_session_"),
    )
    index("ix_session__expires_at", "session_", "expires_at")
    index("ix_session__group_id", "session_", "group_id")
    index("ix_session__user_id", "session_", "user_id")
    index("ux_session__key_hash", "session_", "key_hash", unique=True)
    op.create_table(
        "token",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("expires_at", ID, nullable=True),
        sa.Column("used_at", ID, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_token_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
    )
    index("ix_token_user_id", "token", "user_id")
    index("ux_token_hash", "token", "hash", unique=True)
    op.create_table(
        "label",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_label_group_id"),
        sa.PrimaryKeyConstraint("id", name="pk_label"),
    )
    index("ix_label_group_id", "label", "group_id")
    index("ux_label_key", "label", "key", unique=True)
    op.create_table(
        "label_object",
        sa.Column("label_id", ID, autoincrement=False, nullable=False),
        sa.Column("object_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_label_object_label_id"),
        sa.PrimaryKeyConstraint("label_id", "object_id", name="pk_label_object"),
    )
    index("ix_label_object_object_id_label_id", "label_object", "object_id", "label_id")


def create_history() -> None:
    op.create_table(
        "command",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("image_id", ID, nullable=True),
        sa.Column("summary", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("undoable", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("stack", sa.String(), server_default=sa.text("'undo'"), nullable=False),
        sa.Column("transaction_key", sa.String(), nullable=True),
        sa.Column("undoes_id", ID, nullable=True),
        sa.CheckConstraint("stack IN ('undo', 'redo', 'none')", name=op.f("ck_command_stack")),
        sa.ForeignKeyConstraint(["undoes_id"], ["command.id"], name="fk_command_undoes_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_command_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_command"),
    )
    index("ix_command_image_id_id", "command", "image_id", "id", where="image_id IS NOT NULL")
    index("ix_command_project_id_id", "command", "project_id", "id", where="project_id IS NOT NULL")
    index("ix_command_undoes_id", "command", "undoes_id", where="undoes_id IS NOT NULL")
    index("ix_command_user_id_stack_id", "command", "user_id", "stack", "id")
    op.create_table(
        "change",
        sa.Column("command_id", ID, autoincrement=False, nullable=False),
        sa.Column("position", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("noun", sa.String(), nullable=False),
        sa.Column("first_id", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("before", JSON, nullable=True),
        sa.Column("after", JSON, nullable=True),
        sa.CheckConstraint("kind IN ('show', 'hide', 'set')", name=op.f("ck_change_kind")),
        sa.ForeignKeyConstraint(["command_id"], ["command.id"], name="fk_change_command_id"),
        sa.PrimaryKeyConstraint("command_id", "position", name="pk_change"),
    )
    index("ix_change_noun_first_id_last_id", "change", "noun", "first_id", "last_id")
    op.create_table(
        "event",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=True),
        sa.Column("project_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    index("ix_event_at", "event", "at")


def create_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("image_id", ID, nullable=True),
        sa.Column("slice", ID, nullable=True),
        sa.Column("at", ID, nullable=False),
        sa.Column("data", JSON, nullable=True),
        sa.CheckConstraint(
            "kind IN ('view', 'position', 'connection', 'action')", name=op.f("ck_activity_kind")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_activity_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_activity"),
    )
    index("ix_activity_at", "activity", "at")
    index("ix_activity_image_id_at", "activity", "image_id", "at", where="image_id IS NOT NULL")
    index("ix_activity_project_id_user_id_at", "activity", "project_id", "user_id", "at")
    index("ix_activity_user_id", "activity", "user_id")


def create_sources() -> None:
    op.create_table(
        "setting",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", JSON, nullable=True),
        sa.Column("reading_role", ID, server_default=sa.text("13"), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )
    op.create_table(
        "source",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("credential_sealed", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("checked_at", ID, nullable=True),
        sa.Column("health", JSON, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_source_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_source_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
    )
    index("ix_source_owner_id", "source", "owner_id")
    index("ix_source_trashed_by", "source", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_source_group_id_name_key_live",
        "source",
        "group_id",
        "name_key",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "external_ref",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_external_ref_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_external_ref"),
    )
    index("ix_external_ref_target_type_target_id", "external_ref", "target_type", "target_id")
    index(
        "ux_external_ref_source_id_target_type_external_id",
        "external_ref",
        "source_id",
        "target_type",
        "external_id",
        unique=True,
    )
    op.create_table(
        "saved_search",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("query", JSON, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_saved_search_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_saved_search_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_search"),
    )
    index("ix_saved_search_group_id", "saved_search", "group_id")
    index(
        "ix_saved_search_owner_id_name_key_id_live",
        "saved_search",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_saved_search_trashed_by", "saved_search", "trashed_by", where="trashed_by IS NOT NULL"
    )


def create_ontologies() -> None:
    op.create_table(
        "ontology",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_ontology_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_ontology_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ontology"),
    )
    index("ix_ontology_owner_id", "ontology", "owner_id")
    index("ix_ontology_trashed_by", "ontology", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_ontology_group_id_name_key_live",
        "ontology",
        "group_id",
        "name_key",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "term",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("ontology_id", ID, nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("color", ID, server_default=sa.text("-1"), nullable=False),
        sa.ForeignKeyConstraint(["ontology_id"], ["ontology.id"], name="fk_term_ontology_id"),
        sa.PrimaryKeyConstraint("id", name="pk_term"),
    )
    index("ix_term_ontology_id", "term", "ontology_id")
    index("ix_term_trashed_by", "term", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_term_ontology_id_name_key_live",
        "term",
        "ontology_id",
        "name_key",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "relation_term",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("relation", ID, server_default=sa.text("21"), nullable=False),
        sa.Column("parent_term_id", ID, nullable=False),
        sa.Column("child_term_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["child_term_id"], ["term.id"], name="fk_relation_term_child_term_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_relation_term_owner_id"),
        sa.ForeignKeyConstraint(
            ["parent_term_id"], ["term.id"], name="fk_relation_term_parent_term_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_relation_term"),
    )
    index("ix_relation_term_child_term_id", "relation_term", "child_term_id")
    index("ix_relation_term_owner_id", "relation_term", "owner_id")
    index("ix_relation_term_parent_term_id", "relation_term", "parent_term_id")
    index(
        "ix_relation_term_trashed_by", "relation_term", "trashed_by", where="trashed_by IS NOT NULL"
    )
    index(
        "ux_relation_term_parent_term_id_child_term_id_relation_live",
        "relation_term",
        "parent_term_id",
        "child_term_id",
        "relation",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_files() -> None:
    op.create_table(
        "storage",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_storage_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_storage_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_storage"),
    )
    index("ix_storage_group_id", "storage", "group_id")
    index("ix_storage_owner_id", "storage", "owner_id")
    index("ix_storage_trashed_by", "storage", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "storage_member",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("storage_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("level", sa.String(), server_default=sa.text("'read'"), nullable=False),
        sa.CheckConstraint("level IN ('read', 'write')", name=op.f("ck_storage_member_level")),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_storage_member_owner_id"),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name="fk_storage_member_storage_id"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_storage_member_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_storage_member"),
    )
    index("ix_storage_member_owner_id", "storage_member", "owner_id")
    index("ix_storage_member_storage_id", "storage_member", "storage_id")
    index(
        "ix_storage_member_trashed_by",
        "storage_member",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index("ix_storage_member_user_id", "storage_member", "user_id")
    index(
        "ux_storage_member_storage_id_user_id_live",
        "storage_member",
        "storage_id",
        "user_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "stored_file",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("storage_id", ID, nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column(
            "media_type",
            sa.String(),
            server_default=sa.text("'application/octet-stream'"),
            nullable=False,
        ),
        sa.Column("size", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("status", ID, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_stored_file_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_stored_file_owner_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["stored_file.id"], name="fk_stored_file_parent_id"),
        sa.ForeignKeyConstraint(["storage_id"], ["storage.id"], name="fk_stored_file_storage_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stored_file"),
    )
    index("ix_stored_file_group_id", "stored_file", "group_id")
    index("ix_stored_file_owner_id", "stored_file", "owner_id")
    index("ix_stored_file_parent_id", "stored_file", "parent_id")
    index("ix_stored_file_sha256", "stored_file", "sha256")
    index("ix_stored_file_storage_id_id", "stored_file", "storage_id", "id")
    index("ix_stored_file_trashed_by", "stored_file", "trashed_by", where="trashed_by IS NOT NULL")


def create_operations() -> None:
    op.create_table(
        "operation",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("release", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("source", sa.String(), server_default=sa.text("'builtin'"), nullable=False),
        sa.Column("command", sa.String(), nullable=True),
        sa.Column("steps", JSON, nullable=True),
        sa.Column("deprecated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locality", sa.String(), nullable=True),
        sa.CheckConstraint(
            "source IN ('builtin', 'external', 'script', 'pipeline')",
            name=op.f("ck_operation_source"),
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_operation_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_operation_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operation"),
    )
    index("ix_operation_group_id", "operation", "group_id")
    index("ix_operation_owner_id", "operation", "owner_id")
    index("ix_operation_trashed_by", "operation", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_operation_name_release_live",
        "operation",
        "name",
        "release",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "port",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("operation_id", ID, nullable=False),
        sa.Column("direction", sa.String(), server_default=sa.text("'in'"), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("default", sa.String(), nullable=True),
        sa.Column("position", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("server_set", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("choices", JSON, nullable=True),
        sa.Column("limits", JSON, nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_port_direction")),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name="fk_port_operation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_port"),
    )
    index("ix_port_operation_id", "port", "operation_id")
    index("ix_port_trashed_by", "port", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_port_operation_id_direction_name_live",
        "port",
        "operation_id",
        "direction",
        "name",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_containers() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("label_id", ID, nullable=True),
        sa.Column("made_for_project_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_dataset_group_id"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_dataset_label_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_dataset_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dataset"),
    )
    index(
        "ix_dataset_group_id_name_key_id_live",
        "dataset",
        "group_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_dataset_label_id_name_key_id_live",
        "dataset",
        "label_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_dataset_name_key_id_live", "dataset", "name_key", "id", where="trashed_by IS NULL")
    index(
        "ix_dataset_owner_id_name_key_id_live",
        "dataset",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_dataset_trashed_by", "dataset", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "project",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("label_id", ID, nullable=True),
        sa.Column("ontology_id", ID, nullable=True),
        sa.Column("mode", sa.String(), server_default=sa.text("'classic'"), nullable=False),
        sa.Column("closed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("blind", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("downloadable", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("hide_members", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hide_managers", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("inbox_dataset_id", ID, nullable=True),
        sa.CheckConstraint(
            "mode IN ('classic', 'restricted', 'read_only')", name=op.f("ck_project_mode")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_project_group_id"),
        sa.ForeignKeyConstraint(
            ["inbox_dataset_id"], ["dataset.id"], name="fk_project_inbox_dataset_id"
        ),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_project_label_id"),
        sa.ForeignKeyConstraint(["ontology_id"], ["ontology.id"], name="fk_project_ontology_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_project_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
    )
    index(
        "ix_project_group_id_name_key_id_live",
        "project",
        "group_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_project_inbox_dataset_id",
        "project",
        "inbox_dataset_id",
        where="inbox_dataset_id IS NOT NULL",
    )
    index(
        "ix_project_label_id_name_key_id_live",
        "project",
        "label_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_project_name_key_id_live", "project", "name_key", "id", where="trashed_by IS NULL")
    index("ix_project_ontology_id", "project", "ontology_id", where="ontology_id IS NOT NULL")
    index(
        "ix_project_owner_id_name_key_id_live",
        "project",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_project_trashed_by", "project", "trashed_by", where="trashed_by IS NOT NULL")


def create_jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("operation_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("user_job_id", ID, nullable=True),
        sa.Column("number", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'not_launched'"), nullable=False),
        sa.Column("progress", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("priority", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("queued_at", ID, nullable=True),
        sa.Column("started_at", ID, nullable=True),
        sa.Column("finished_at", ID, nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", ID, nullable=True),
        sa.Column("heartbeat_at", ID, nullable=True),
        sa.Column("attempts", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("cancel_asked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("favorite", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("log_file_id", ID, nullable=True),
        sa.Column("options", JSON, nullable=True),
        sa.CheckConstraint(
            "state IN ('not_launched', 'queued', 'running', 'succeeded', 'failed', 'indeterminate', 'waiting', 'previewed', 'killed', 'retrying')",
            name=op.f("ck_job_state"),
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_job_group_id"),
        sa.ForeignKeyConstraint(["log_file_id"], ["stored_file.id"], name="fk_job_log_file_id"),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name="fk_job_operation_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_job_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_job_project_id"),
        sa.ForeignKeyConstraint(["user_job_id"], ["user_.id"], name="fk_job_user_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    index(
        "desc_job_queue",
        "job",
        sa.literal_column("priority DESC"),
        "id",
        where="state IN ('queued', 'retrying')",
    )
    index("ix_job_group_id_id_live", "job", "group_id", "id", where="trashed_by IS NULL")
    index("ix_job_lease", "job", "lease_until", where="state = 'running'")
    index("ix_job_log_file_id", "job", "log_file_id", where="log_file_id IS NOT NULL")
    index("ix_job_operation_id", "job", "operation_id")
    index("ix_job_owner_id_id_live", "job", "owner_id", "id", where="trashed_by IS NULL")
    index("ix_job_project_id", "job", "project_id", where="project_id IS NOT NULL")
    index("ix_job_project_id_id_live", "job", "project_id", "id", where="trashed_by IS NULL")
    index("ix_job_state_lease_until", "job", "state", "lease_until")
    index("ix_job_trashed_by", "job", "trashed_by", where="trashed_by IS NOT NULL")
    index("ix_job_user_job_id", "job", "user_job_id", where="user_job_id IS NOT NULL")
    index(
        "ux_job_operation_id_project_id_number_live",
        "job",
        "operation_id",
        "project_id",
        "number",
        unique=True,
        where="trashed_by IS NULL",
    )
    index(
        "ux_job_unbound_live",
        "job",
        "operation_id",
        "number",
        unique=True,
        where="trashed_by IS NULL AND project_id IS NULL",
    )
    op.create_table(
        "job_parameter",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("port_id", ID, nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_parameter_job_id"),
        sa.ForeignKeyConstraint(["port_id"], ["port.id"], name="fk_job_parameter_port_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_parameter"),
    )
    index("ix_job_parameter_job_id", "job_parameter", "job_id")
    index("ix_job_parameter_port_id", "job_parameter", "port_id")
    index(
        "ix_job_parameter_trashed_by", "job_parameter", "trashed_by", where="trashed_by IS NOT NULL"
    )
    index(
        "ux_job_parameter_job_id_port_id_live",
        "job_parameter",
        "job_id",
        "port_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "job_data",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("file_id", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_job_data_file_id"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_data_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_data"),
    )
    index("ix_job_data_file_id", "job_data", "file_id", where="file_id IS NOT NULL")
    index("ix_job_data_job_id", "job_data", "job_id")
    index("ix_job_data_trashed_by", "job_data", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "job_io",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("port", sa.String(), nullable=False),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("generation", ID, nullable=True),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_job_io_direction")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_io_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_io"),
    )
    index("ix_job_io_job_id_direction", "job_io", "job_id", "direction")
    index("ix_job_io_target_type_target_id", "job_io", "target_type", "target_id")
    op.create_table(
        "job_log",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("level", sa.String(), server_default=sa.text("'info'"), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_log_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_log"),
    )
    index("ix_job_log_job_id_id", "job_log", "job_id", "id")


def create_images() -> None:
    op.create_table(
        "image",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("label_id", ID, nullable=True),
        sa.Column("acquired_at", ID, nullable=True),
        sa.Column("series", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("format", sa.String(), nullable=True),
        sa.Column("file_id", ID, nullable=True),
        sa.Column("state", sa.String(), server_default=sa.text("'ready'"), nullable=False),
        sa.Column("slice_base", ID, nullable=True),
        sa.Column("slice_count", ID, nullable=True),
        sa.Column("magnification", sa.Double(), nullable=True),
        sa.Column("fps", sa.Double(), nullable=True),
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("acquisition", JSON, nullable=True),
        sa.Column("made_by_job", ID, nullable=True),
        sa.Column("roi_count", ID, server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "state IN ('declared', 'importing', 'ready')", name=op.f("ck_image_state")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_image_file_id"),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_image_group_id"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_image_label_id"),
        sa.ForeignKeyConstraint(["made_by_job"], ["job.id"], name="fk_image_made_by_job"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_image_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
    )
    index("ix_image_file_id", "image", "file_id", where="file_id IS NOT NULL")
    index("ix_image_group_id_id_live", "image", "group_id", "id", where="trashed_by IS NULL")
    index(
        "ix_image_group_id_name_key_id_live",
        "image",
        "group_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_image_id_live", "image", "id", where="trashed_by IS NULL")
    index(
        "ix_image_label_id_name_key_id_live",
        "image",
        "label_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_image_made_by_job", "image", "made_by_job", where="made_by_job IS NOT NULL")
    index("ix_image_name_key_id_live", "image", "name_key", "id", where="trashed_by IS NULL")
    index("ix_image_owner_id_id_live", "image", "owner_id", "id", where="trashed_by IS NULL")
    index(
        "ix_image_owner_id_name_key_id_live",
        "image",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_image_trashed_by", "image", "trashed_by", where="trashed_by IS NOT NULL")
    index("ux_image_slice_base", "image", "slice_base", unique=True)
    op.create_table(
        "pixels",
        sa.Column("image_id", ID, autoincrement=False, nullable=False),
        sa.Column("size_t", ID, nullable=True),
        sa.Column("size_c", ID, nullable=True),
        sa.Column("size_z", ID, nullable=True),
        sa.Column("size_y", ID, nullable=True),
        sa.Column("size_x", ID, nullable=True),
        sa.Column("dtype", sa.String(), nullable=True),
        sa.Column("rgb", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("significant_bits", ID, nullable=True),
        sa.Column("physical_size_x", sa.Double(), nullable=True),
        sa.Column("physical_size_y", sa.Double(), nullable=True),
        sa.Column("physical_size_z", sa.Double(), nullable=True),
        sa.Column("time_increment", sa.Double(), nullable=True),
        sa.Column("levels", JSON, nullable=False),
        sa.Column("store_key", sa.String(), nullable=True),
        sa.Column("generation", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("bytes", ID, nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_pixels_image_id"),
        sa.PrimaryKeyConstraint("image_id", name="pk_pixels"),
    )
    op.create_table(
        "channel",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("color", ID, server_default=sa.text("-1"), nullable=False),
        sa.Column("lut", sa.String(), nullable=True),
        sa.Column("emission_nm", sa.Double(), nullable=True),
        sa.Column("excitation_nm", sa.Double(), nullable=True),
        sa.Column("fluor", sa.String(), nullable=True),
        sa.Column("nd_filter", sa.Double(), nullable=True),
        sa.Column("pinhole_um", sa.Double(), nullable=True),
        sa.Column("pockel_cell", ID, nullable=True),
        sa.Column("modes", JSON, nullable=True),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_channel_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_channel"),
    )
    index("ux_channel_image_id_position", "channel", "image_id", "position", unique=True)
    op.create_table(
        "rendering",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("model", sa.String(), server_default=sa.text("'color'"), nullable=False),
        sa.Column("z", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("t", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("projection", sa.String(), nullable=True),
        sa.Column("channels", JSON, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_rendering_image_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_rendering_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rendering"),
    )
    index("ix_rendering_user_id", "rendering", "user_id", where="user_id IS NOT NULL")
    index("ux_rendering_image_id_user_id", "rendering", "image_id", "user_id", unique=True)
    index("ux_rendering_imported", "rendering", "image_id", unique=True, where="user_id IS NULL")
    op.create_table(
        "label_set",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("store_key", sa.String(), nullable=False),
        sa.Column("generation", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("made_by_job", ID, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_label_set_group_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_label_set_image_id"),
        sa.ForeignKeyConstraint(["made_by_job"], ["job.id"], name="fk_label_set_made_by_job"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_label_set_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_label_set"),
    )
    index("ix_label_set_group_id", "label_set", "group_id")
    index("ix_label_set_image_id", "label_set", "image_id")
    index("ix_label_set_made_by_job", "label_set", "made_by_job", where="made_by_job IS NOT NULL")
    index("ix_label_set_owner_id", "label_set", "owner_id")
    index("ix_label_set_trashed_by", "label_set", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_label_set_image_id_name_live",
        "label_set",
        "image_id",
        "name",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_files_of_images() -> None:
    op.create_table(
        "image_file",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("file_id", ID, nullable=False),
        sa.Column("role", sa.String(), server_default=sa.text("'original'"), nullable=False),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("progress", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.CheckConstraint(
            "role IN ('original', 'companion', 'associated')", name=op.f("ck_image_file_role")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_image_file_file_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_image_file_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image_file"),
    )
    index("ix_image_file_file_id", "image_file", "file_id")
    index("ix_image_file_image_id", "image_file", "image_id")
    index("ix_image_file_trashed_by", "image_file", "trashed_by", where="trashed_by IS NOT NULL")


def create_links_of_containers() -> None:
    op.create_table(
        "project_dataset",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name="fk_project_dataset_dataset_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_project_dataset_owner_id"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_project_dataset_project_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project_dataset"),
    )
    index("ix_project_dataset_dataset_id", "project_dataset", "dataset_id")
    index("ix_project_dataset_owner_id", "project_dataset", "owner_id")
    index("ix_project_dataset_project_id", "project_dataset", "project_id")
    index(
        "ix_project_dataset_project_id_name_key_dataset_id_live",
        "project_dataset",
        "project_id",
        "name_key",
        "dataset_id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_project_dataset_trashed_by",
        "project_dataset",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index(
        "ux_project_dataset_project_id_dataset_id_live",
        "project_dataset",
        "project_id",
        "dataset_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "dataset_image",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name="fk_dataset_image_dataset_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_dataset_image_image_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_dataset_image_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_image"),
    )
    index("ix_dataset_image_dataset_id", "dataset_image", "dataset_id")
    index(
        "ix_dataset_image_dataset_id_name_key_image_id_live",
        "dataset_image",
        "dataset_id",
        "name_key",
        "image_id",
        where="trashed_by IS NULL",
    )
    index("ix_dataset_image_image_id", "dataset_image", "image_id")
    index("ix_dataset_image_owner_id", "dataset_image", "owner_id")
    index(
        "ix_dataset_image_trashed_by", "dataset_image", "trashed_by", where="trashed_by IS NOT NULL"
    )
    index(
        "ux_dataset_image_dataset_id_image_id_live",
        "dataset_image",
        "dataset_id",
        "image_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "placement",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'live'"), nullable=False),
        sa.Column("slice_base", ID, nullable=True),
        sa.Column("physical_size_x", sa.Double(), nullable=True),
        sa.Column("physical_size_y", sa.Double(), nullable=True),
        sa.Column("physical_size_z", sa.Double(), nullable=True),
        sa.Column("fps", sa.Double(), nullable=True),
        sa.Column("magnification", sa.Double(), nullable=True),
        sa.Column("reviewer_id", ID, nullable=True),
        sa.Column("review_started_at", ID, nullable=True),
        sa.Column("review_stopped_at", ID, nullable=True),
        sa.Column("added_by", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "state IN ('live', 'left', 'excluded')", name=op.f("ck_placement_state")
        ),
        sa.ForeignKeyConstraint(["added_by"], ["user_.id"], name="fk_placement_added_by"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_placement_image_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_placement_project_id"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["user_.id"], name="fk_placement_reviewer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_placement"),
    )
    index("ix_placement_added_by", "placement", "added_by")
    index("ix_placement_project_id_state_id", "placement", "project_id", "state", "id")
    index("ix_placement_reviewer_id", "placement", "reviewer_id", where="reviewer_id IS NOT NULL")
    index("ux_placement_image_id_project_id", "placement", "image_id", "project_id", unique=True)
    index("ux_placement_slice_base", "placement", "slice_base", unique=True)
    op.create_table(
        "project_representative",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_.id"], name="fk_project_representative_owner_id"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_project_representative_project_id"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_.id"], name="fk_project_representative_user_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project_representative"),
    )
    index("ix_project_representative_owner_id", "project_representative", "owner_id")
    index("ix_project_representative_project_id", "project_representative", "project_id")
    index(
        "ix_project_representative_trashed_by",
        "project_representative",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index("ix_project_representative_user_id", "project_representative", "user_id")
    index(
        "ux_project_representative_project_id_user_id_live",
        "project_representative",
        "project_id",
        "user_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "default_layer",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_default_layer_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_default_layer_project_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_default_layer_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_default_layer"),
    )
    index("ix_default_layer_owner_id", "default_layer", "owner_id")
    index("ix_default_layer_project_id", "default_layer", "project_id")
    index(
        "ix_default_layer_trashed_by", "default_layer", "trashed_by", where="trashed_by IS NOT NULL"
    )
    index("ix_default_layer_user_id", "default_layer", "user_id")
    index(
        "ux_default_layer_project_id_user_id_live",
        "default_layer",
        "project_id",
        "user_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "project_operation",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("operation_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_project_operation_operation_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_project_operation_owner_id"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_project_operation_project_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project_operation"),
    )
    index("ix_project_operation_operation_id", "project_operation", "operation_id")
    index("ix_project_operation_owner_id", "project_operation", "owner_id")
    index("ix_project_operation_project_id", "project_operation", "project_id")
    index(
        "ix_project_operation_trashed_by",
        "project_operation",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index(
        "ux_project_operation_project_id_operation_id_live",
        "project_operation",
        "project_id",
        "operation_id",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_slices_of_images() -> None:
    op.create_table(
        "image_slice",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("placement_id", ID, nullable=True),
        sa.Column("base_id", ID, nullable=True),
        sa.Column("c", ID, nullable=False),
        sa.Column("z", ID, nullable=False),
        sa.Column("t", ID, nullable=False),
        sa.Column("mime", sa.String(), nullable=True),
        sa.Column("file_id", ID, nullable=True),
        sa.Column("color", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["base_id"], ["image_slice.id"], name="fk_image_slice_base_id"),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_image_slice_file_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_image_slice_image_id"),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placement.id"], name="fk_image_slice_placement_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_image_slice"),
    )
    index("ix_image_slice_base_id", "image_slice", "base_id", where="base_id IS NOT NULL")
    index("ix_image_slice_file_id", "image_slice", "file_id", where="file_id IS NOT NULL")
    index("ix_image_slice_image_id", "image_slice", "image_id")
    index(
        "ix_image_slice_placement_id",
        "image_slice",
        "placement_id",
        where="placement_id IS NOT NULL",
    )
    index("ix_image_slice_trashed_by", "image_slice", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_image_slice_image_id_placement_id_c_z_t_live",
        "image_slice",
        "image_id",
        "placement_id",
        "c",
        "z",
        "t",
        unique=True,
        where="trashed_by IS NULL",
    )
    index(
        "ux_image_slice_own_live",
        "image_slice",
        "image_id",
        "c",
        "z",
        "t",
        unique=True,
        where="trashed_by IS NULL AND placement_id IS NULL",
    )


def create_screens() -> None:
    op.create_table(
        "screen",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("label_id", ID, nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("protocol_id", sa.String(), nullable=True),
        sa.Column("protocol_description", sa.String(), nullable=True),
        sa.Column("reagent_id", sa.String(), nullable=True),
        sa.Column("reagent_description", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_screen_group_id"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_screen_label_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_screen_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_screen"),
    )
    index(
        "ix_screen_group_id_name_key_id_live",
        "screen",
        "group_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_screen_label_id_name_key_id_live",
        "screen",
        "label_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_screen_name_key_id_live", "screen", "name_key", "id", where="trashed_by IS NULL")
    index(
        "ix_screen_owner_id_name_key_id_live",
        "screen",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_screen_trashed_by", "screen", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "plate",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("label_id", ID, nullable=True),
        sa.Column("rows", ID, nullable=True),
        sa.Column("columns", ID, nullable=True),
        sa.Column("row_naming", sa.String(), nullable=True),
        sa.Column("column_naming", sa.String(), nullable=True),
        sa.Column("field_index", ID, nullable=True),
        sa.Column("origin_x", sa.Double(), nullable=True),
        sa.Column("origin_y", sa.Double(), nullable=True),
        sa.Column("origin_unit", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_plate_group_id"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_plate_label_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_plate_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plate"),
    )
    index(
        "ix_plate_group_id_name_key_id_live",
        "plate",
        "group_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_plate_label_id_name_key_id_live",
        "plate",
        "label_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_plate_name_key_id_live", "plate", "name_key", "id", where="trashed_by IS NULL")
    index(
        "ix_plate_owner_id_name_key_id_live",
        "plate",
        "owner_id",
        "name_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_plate_trashed_by", "plate", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "screen_plate",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("screen_id", ID, nullable=False),
        sa.Column("plate_id", ID, nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_screen_plate_owner_id"),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name="fk_screen_plate_plate_id"),
        sa.ForeignKeyConstraint(["screen_id"], ["screen.id"], name="fk_screen_plate_screen_id"),
        sa.PrimaryKeyConstraint("id", name="pk_screen_plate"),
    )
    index("ix_screen_plate_owner_id", "screen_plate", "owner_id")
    index("ix_screen_plate_plate_id", "screen_plate", "plate_id")
    index("ix_screen_plate_screen_id", "screen_plate", "screen_id")
    index(
        "ix_screen_plate_screen_id_name_key_plate_id_live",
        "screen_plate",
        "screen_id",
        "name_key",
        "plate_id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_screen_plate_trashed_by", "screen_plate", "trashed_by", where="trashed_by IS NOT NULL"
    )
    index(
        "ux_screen_plate_screen_id_plate_id_live",
        "screen_plate",
        "screen_id",
        "plate_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "acquisition",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("plate_id", ID, nullable=False),
        sa.Column("max_fields", ID, nullable=True),
        sa.Column("started_at", ID, nullable=True),
        sa.Column("ended_at", ID, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_acquisition_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_acquisition_owner_id"),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name="fk_acquisition_plate_id"),
        sa.PrimaryKeyConstraint("id", name="pk_acquisition"),
    )
    index("ix_acquisition_group_id", "acquisition", "group_id")
    index("ix_acquisition_owner_id", "acquisition", "owner_id")
    index("ix_acquisition_plate_id_id", "acquisition", "plate_id", "id")
    index("ix_acquisition_trashed_by", "acquisition", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "well",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("plate_id", ID, nullable=False),
        sa.Column("row", ID, nullable=False),
        sa.Column("column", ID, nullable=False),
        sa.Column("color", ID, nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("external_description", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_well_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_well_owner_id"),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name="fk_well_plate_id"),
        sa.PrimaryKeyConstraint("id", name="pk_well"),
    )
    index("ix_well_group_id", "well", "group_id")
    index("ix_well_owner_id", "well", "owner_id")
    index("ix_well_plate_id", "well", "plate_id")
    index("ix_well_trashed_by", "well", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_well_plate_id_row_column_live",
        "well",
        "plate_id",
        "row",
        "column",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "well_sample",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("well_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("acquisition_id", ID, nullable=True),
        sa.Column("position", ID, nullable=False),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("timepoint", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name="fk_well_sample_acquisition_id"
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_well_sample_group_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_well_sample_image_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_well_sample_owner_id"),
        sa.ForeignKeyConstraint(["well_id"], ["well.id"], name="fk_well_sample_well_id"),
        sa.PrimaryKeyConstraint("id", name="pk_well_sample"),
    )
    index(
        "ix_well_sample_acquisition_id",
        "well_sample",
        "acquisition_id",
        where="acquisition_id IS NOT NULL",
    )
    index("ix_well_sample_group_id", "well_sample", "group_id")
    index("ix_well_sample_image_id", "well_sample", "image_id")
    index("ix_well_sample_owner_id", "well_sample", "owner_id")
    index("ix_well_sample_trashed_by", "well_sample", "trashed_by", where="trashed_by IS NOT NULL")
    index("ix_well_sample_well_id", "well_sample", "well_id")
    index(
        "ux_well_sample_well_id_position_live",
        "well_sample",
        "well_id",
        "position",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_rois() -> None:
    op.create_table(
        "roi",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("kind", sa.String(), server_default=sa.text("'user'"), nullable=False),
        sa.Column("original_id", ID, nullable=True),
        sa.Column("reviewer_id", ID, nullable=True),
        sa.Column("status", ID, nullable=True),
        sa.CheckConstraint(
            "kind IN ('user', 'algo', 'reviewed', 'region')", name=op.f("ck_roi_kind")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["user_.id"], name="fk_roi_author_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_roi_image_id"),
        sa.ForeignKeyConstraint(["original_id"], ["roi.id"], name="fk_roi_original_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_roi_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_roi_project_id"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["user_.id"], name="fk_roi_reviewer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roi"),
    )
    index(
        "ix_roi_author_id_project_id_live",
        "roi",
        "author_id",
        "project_id",
        where="trashed_by IS NULL",
    )
    index("ix_roi_image_id", "roi", "image_id")
    index(
        "ix_roi_image_id_project_id_kind_id_live",
        "roi",
        "image_id",
        "project_id",
        "kind",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_roi_original_id", "roi", "original_id", where="original_id IS NOT NULL")
    index("ix_roi_owner_id", "roi", "owner_id")
    index("ix_roi_project_id", "roi", "project_id", where="project_id IS NOT NULL")
    index("ix_roi_project_id_id_live", "roi", "project_id", "id", where="trashed_by IS NULL")
    index("ix_roi_reviewer_id", "roi", "reviewer_id", where="reviewer_id IS NOT NULL")
    index("ix_roi_trashed_by", "roi", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "shape",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("roi_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("c", ID, nullable=True),
        sa.Column("z", ID, nullable=True),
        sa.Column("t", ID, nullable=True),
        sa.Column("footprint", sa.LargeBinary(), nullable=False),
        sa.Column("wkt", sa.String(), nullable=False),
        sa.Column("params", JSON, nullable=True),
        sa.Column("style", JSON, nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("bits", sa.LargeBinary(), nullable=True),
        sa.Column("label", ID, nullable=True),
        sa.Column("area", sa.Double(), nullable=False),
        sa.Column("perimeter", sa.Double(), nullable=False),
        sa.Column("cx", sa.Double(), nullable=False),
        sa.Column("cy", sa.Double(), nullable=False),
        sa.Column("x0", sa.Double(), nullable=False),
        sa.Column("y0", sa.Double(), nullable=False),
        sa.Column("x1", sa.Double(), nullable=False),
        sa.Column("y1", sa.Double(), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("points", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.CheckConstraint(
            "kind IN ('rectangle', 'ellipse', 'polygon', 'polyline', 'line', 'point', 'mask', 'label')",
            name=op.f("ck_shape_kind"),
        ),
        sa.ForeignKeyConstraint(["roi_id"], ["roi.id"], name="fk_shape_roi_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shape"),
    )
    index("desc_shape_image_id_size", "shape", "image_id", sa.literal_column("size DESC"), "id")
    index("ix_shape_roi_id_id", "shape", "roi_id", "id")
    index("ix_shape_trashed_by", "shape", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "roi_term",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("roi_id", ID, nullable=False),
        sa.Column("term_id", ID, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("expected_term_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["user_.id"], name="fk_roi_term_author_id"),
        sa.ForeignKeyConstraint(
            ["expected_term_id"], ["term.id"], name="fk_roi_term_expected_term_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_roi_term_owner_id"),
        sa.ForeignKeyConstraint(["roi_id"], ["roi.id"], name="fk_roi_term_roi_id"),
        sa.ForeignKeyConstraint(["term_id"], ["term.id"], name="fk_roi_term_term_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roi_term"),
    )
    index("ix_roi_term_author_id", "roi_term", "author_id")
    index(
        "ix_roi_term_expected_term_id",
        "roi_term",
        "expected_term_id",
        where="expected_term_id IS NOT NULL",
    )
    index("ix_roi_term_owner_id", "roi_term", "owner_id")
    index("ix_roi_term_roi_id", "roi_term", "roi_id")
    index("ix_roi_term_term_id", "roi_term", "term_id")
    index("ix_roi_term_trashed_by", "roi_term", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_roi_term_roi_id_term_id_author_id_live",
        "roi_term",
        "roi_id",
        "term_id",
        "author_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "track",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("color", ID, server_default=sa.text("-1"), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_track_group_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_track_image_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_track_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_track_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_track"),
    )
    index("ix_track_group_id", "track", "group_id")
    index("ix_track_image_id", "track", "image_id")
    index("ix_track_owner_id", "track", "owner_id")
    index("ix_track_project_id", "track", "project_id", where="project_id IS NOT NULL")
    index("ix_track_trashed_by", "track", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_track_image_id_project_id_name_key_live",
        "track",
        "image_id",
        "project_id",
        "name_key",
        unique=True,
        where="trashed_by IS NULL",
    )
    index(
        "ux_track_unbound_live",
        "track",
        "image_id",
        "name_key",
        unique=True,
        where="trashed_by IS NULL AND project_id IS NULL",
    )
    op.create_table(
        "roi_track",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("roi_id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("rank", ID, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_roi_track_owner_id"),
        sa.ForeignKeyConstraint(["roi_id"], ["roi.id"], name="fk_roi_track_roi_id"),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"], name="fk_roi_track_track_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roi_track"),
    )
    index("ix_roi_track_owner_id", "roi_track", "owner_id")
    index("ix_roi_track_roi_id", "roi_track", "roi_id")
    index("ix_roi_track_track_id", "roi_track", "track_id")
    index("ix_roi_track_trashed_by", "roi_track", "trashed_by", where="trashed_by IS NOT NULL")
    index(
        "ux_roi_track_track_id_rank_live",
        "roi_track",
        "track_id",
        "rank",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_annotations() -> None:
    op.create_table(
        "annotation",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_key", KEY_TEXT, nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("description_html", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description_id", ID, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ns", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("text_key", KEY_TEXT, nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("whole", ID, nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=True),
        sa.Column("at", ID, nullable=True),
        sa.Column("file_id", ID, nullable=True),
        sa.Column("extra", JSON, nullable=True),
        sa.CheckConstraint(
            "kind IN ('tag', 'map', 'comment', 'file', 'long', 'double', 'boolean', 'timestamp', 'xml')",
            name=op.f("ck_annotation_kind"),
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_annotation_file_id"),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_annotation_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_annotation_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation"),
    )
    index("ix_annotation_file_id", "annotation", "file_id", where="file_id IS NOT NULL")
    index("ix_annotation_group_id", "annotation", "group_id")
    index(
        "ix_annotation_kind_ns_id_live",
        "annotation",
        "kind",
        "ns",
        "id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_annotation_kind_text_key_id_live",
        "annotation",
        "kind",
        "text_key",
        "id",
        where="trashed_by IS NULL",
    )
    index("ix_annotation_owner_id", "annotation", "owner_id")
    index("ix_annotation_trashed_by", "annotation", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "key_value",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.CheckConstraint("length(key) <= 500", name=op.f("ck_key_value_key_length")),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name="fk_key_value_annotation_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_key_value"),
    )
    index("ix_key_value_annotation_id_position", "key_value", "annotation_id", "position")
    index("ix_key_value_key_annotation_id", "key_value", "key", "annotation_id")
    index("ix_key_value_trashed_by", "key_value", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "annotation_link",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name="fk_annotation_link_annotation_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_annotation_link_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_link"),
    )
    index("ix_annotation_link_annotation_id", "annotation_link", "annotation_id")
    index("ix_annotation_link_owner_id", "annotation_link", "owner_id")
    index(
        "ix_annotation_link_target_type_target_id_live",
        "annotation_link",
        "target_type",
        "target_id",
        where="trashed_by IS NULL",
    )
    index(
        "ix_annotation_link_trashed_by",
        "annotation_link",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index(
        "ux_annotation_link_live",
        "annotation_link",
        "annotation_id",
        "target_id",
        "target_type",
        "owner_id",
        unique=True,
        where="trashed_by IS NULL",
    )


def create_results() -> None:
    op.create_table(
        "result_table",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("image_id", ID, nullable=True),
        sa.Column("made_by_job", ID, nullable=True),
        sa.Column("columns", JSON, nullable=False),
        sa.Column("file_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_result_table_file_id"),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_result_table_group_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_result_table_image_id"),
        sa.ForeignKeyConstraint(["made_by_job"], ["job.id"], name="fk_result_table_made_by_job"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_result_table_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_result_table"),
    )
    index("ix_result_table_file_id", "result_table", "file_id", where="file_id IS NOT NULL")
    index("ix_result_table_group_id", "result_table", "group_id")
    index("ix_result_table_image_id", "result_table", "image_id", where="image_id IS NOT NULL")
    index(
        "ix_result_table_made_by_job",
        "result_table",
        "made_by_job",
        where="made_by_job IS NOT NULL",
    )
    index("ix_result_table_owner_id", "result_table", "owner_id")
    index(
        "ix_result_table_trashed_by", "result_table", "trashed_by", where="trashed_by IS NOT NULL"
    )
    op.create_table(
        "result_row",
        sa.Column("table_id", ID, autoincrement=False, nullable=False),
        sa.Column("row_no", ID, autoincrement=False, nullable=False),
        sa.Column("roi_id", ID, nullable=True),
        sa.Column("label", ID, nullable=True),
        sa.Column("c", ID, nullable=True),
        sa.Column("z", ID, nullable=True),
        sa.Column("t", ID, nullable=True),
        sa.Column("cells", JSON, nullable=False),
        sa.ForeignKeyConstraint(["roi_id"], ["roi.id"], name="fk_result_row_roi_id"),
        sa.ForeignKeyConstraint(["table_id"], ["result_table.id"], name="fk_result_row_table_id"),
        sa.PrimaryKeyConstraint("table_id", "row_no", name="pk_result_row"),
    )
    index("ix_result_row_roi_id", "result_row", "roi_id", where="roi_id IS NOT NULL")
    index(
        "ix_result_row_table_id_label", "result_row", "table_id", "label", where="label IS NOT NULL"
    )
    op.create_table(
        "workspace_object",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("class_", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=True),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("used_at", ID, nullable=True),
        sa.Column("expires_at", ID, nullable=False),
        sa.Column("bytes", ID, server_default=sa.text("0"), nullable=False),
        sa.Column("store_key", sa.String(), nullable=True),
        sa.Column("value", JSON, nullable=True),
        sa.Column("provenance", JSON, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_.id"], name="fk_workspace_object_user_id"),
        sa.PrimaryKeyConstraint("key", name="pk_workspace_object"),
    )
    index("ix_workspace_object_expires_at", "workspace_object", "expires_at")
    index("ix_workspace_object_user_id_key", "workspace_object", "user_id", "key")


def create_groups_of_images_and_rois() -> None:
    op.create_table(
        "image_group",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", KEY_TEXT, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_image_group_group_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_image_group_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_image_group_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image_group"),
    )
    index("ix_image_group_group_id", "image_group", "group_id")
    index("ix_image_group_owner_id", "image_group", "owner_id")
    index("ix_image_group_project_id", "image_group", "project_id")
    index("ix_image_group_trashed_by", "image_group", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "image_group_item",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("image_group_id", ID, nullable=False),
        sa.Column("image_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["image_group_id"], ["image_group.id"], name="fk_image_group_item_image_group_id"
        ),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_image_group_item_image_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_image_group_item_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image_group_item"),
    )
    index("ix_image_group_item_image_group_id", "image_group_item", "image_group_id")
    index("ix_image_group_item_image_id", "image_group_item", "image_id")
    index("ix_image_group_item_owner_id", "image_group_item", "owner_id")
    index(
        "ix_image_group_item_trashed_by",
        "image_group_item",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index(
        "ux_image_group_item_image_group_id_image_id_live",
        "image_group_item",
        "image_group_id",
        "image_id",
        unique=True,
        where="trashed_by IS NULL",
    )
    op.create_table(
        "roi_group",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=True),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("version", ID, server_default=sa.text("1"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("image_group_id", ID, nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group_.id"], name="fk_roi_group_group_id"),
        sa.ForeignKeyConstraint(
            ["image_group_id"], ["image_group.id"], name="fk_roi_group_image_group_id"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_roi_group_owner_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_roi_group_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roi_group"),
    )
    index("ix_roi_group_group_id", "roi_group", "group_id")
    index(
        "ix_roi_group_image_group_id",
        "roi_group",
        "image_group_id",
        where="image_group_id IS NOT NULL",
    )
    index("ix_roi_group_owner_id", "roi_group", "owner_id")
    index("ix_roi_group_project_id", "roi_group", "project_id")
    index("ix_roi_group_trashed_by", "roi_group", "trashed_by", where="trashed_by IS NOT NULL")
    op.create_table(
        "roi_group_item",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("trashed_by", ID, nullable=True),
        sa.Column("roi_group_id", ID, nullable=False),
        sa.Column("roi_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_.id"], name="fk_roi_group_item_owner_id"),
        sa.ForeignKeyConstraint(
            ["roi_group_id"], ["roi_group.id"], name="fk_roi_group_item_roi_group_id"
        ),
        sa.ForeignKeyConstraint(["roi_id"], ["roi.id"], name="fk_roi_group_item_roi_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roi_group_item"),
    )
    index("ix_roi_group_item_owner_id", "roi_group_item", "owner_id")
    index("ix_roi_group_item_roi_group_id", "roi_group_item", "roi_group_id")
    index("ix_roi_group_item_roi_id", "roi_group_item", "roi_id")
    index(
        "ix_roi_group_item_trashed_by",
        "roi_group_item",
        "trashed_by",
        where="trashed_by IS NOT NULL",
    )
    index(
        "ux_roi_group_item_roi_group_id_roi_id_live",
        "roi_group_item",
        "roi_group_id",
        "roi_id",
        unique=True,
        where="trashed_by IS NULL",
    )
