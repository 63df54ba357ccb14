"""The triggers that keep SQLite's spatial index in step with the shapes, all of them, in one list.

They are not part of any revision: rebuilding a table, which is how SQLite alters one, drops its
triggers without a word. So they are made again after each upgrade. PostgreSQL needs none.

The R*Tree keeps 32-bit integers and wraps what does not fit. Boxes are therefore rounded outwards
and clamped, the image is kept as its id modulo 2³¹, and a reader tests both again on the row.
"""

from __future__ import annotations

from sqlalchemy import Connection

LOW, HIGH = -(2**31), 2**31 - 1


def _floor(value: str) -> str:
    return (
        f"max({LOW}, min({HIGH}, CAST({value} AS INTEGER) - ({value} < CAST({value} AS INTEGER))))"
    )


def _ceil(value: str) -> str:
    return (
        f"max({LOW}, min({HIGH}, CAST({value} AS INTEGER) + ({value} > CAST({value} AS INTEGER))))"
    )


_INSERT = f"""INSERT INTO shape_box (id, x0, x1, y0, y1, k0, k1)
  SELECT new.id,
    {_floor("new.x0")},
    {_ceil("new.x1")},
    {_floor("new.y0")},
    {_ceil("new.y1")},
    new.image_id & {HIGH}, new.image_id & {HIGH}
  WHERE new.trashed_by IS NULL;"""

_DELETE = "DELETE FROM shape_box WHERE id = old.id;"

TRIGGERS: dict[str, str] = {
    "shape_box_insert": f"""CREATE TRIGGER shape_box_insert AFTER INSERT ON shape BEGIN
  {_INSERT}
END""",
    "shape_box_update": f"""CREATE TRIGGER shape_box_update
AFTER UPDATE OF id, image_id, x0, y0, x1, y1, trashed_by ON shape BEGIN
  {_DELETE}
  {_INSERT}
END""",
    "shape_box_delete": f"""CREATE TRIGGER shape_box_delete AFTER DELETE ON shape BEGIN
  {_DELETE}
END""",
}


def apply(connection: Connection) -> None:
    """Make every trigger anew; on PostgreSQL there is nothing to make."""
    if connection.dialect.name != "sqlite":
        return
    for name, statement in TRIGGERS.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(statement)
