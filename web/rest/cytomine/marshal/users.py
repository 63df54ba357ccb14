"""People, accounts of jobs, roles and groups as such clients know them."""

from __future__ import annotations

from typing import Any

from adapters.keys import KeyPair
from store.tables.people import Role
from web.rest.cytomine.domains import domain

AUTHORITY = {
    Role.guest: "ROLE_GUEST",
    Role.user: "ROLE_USER",
    Role.admin: "ROLE_ADMIN",
    Role.super_admin: "ROLE_SUPER_ADMIN",
}


def common(name: str, id: int, created: int | None, updated: int | None = None) -> dict[str, Any]:
    """Return what every object has; times are texts of milliseconds."""
    return {
        "class": domain(name).java,
        "id": id,
        "created": None if created is None else str(created),
        "updated": None if updated is None else str(updated),
        "deleted": None,
    }


def user(row: Any, keys: KeyPair | None = None, **more: Any) -> dict[str, Any]:
    """Write a person; e-mail of others was taken out by the service."""
    written = common("User", row.id, row.created_at, row.updated_at) | {
        "username": row.username,
        "name": _full_name(row),
        "fullName": _full_name(row),
        "firstname": row.first_name,
        "lastname": row.last_name,
        "email": row.email,
        "language": row.language.upper(),
        "origin": "SYSTEM",
        "algo": False,
        "isDeveloper": False,
        "enabled": row.enabled,
        "passwordExpired": False,
        "user": None,
    }
    return written | _halves(keys) | more


def job_user(
    row: Any, job: Any | None, human: Any | None, keys: KeyPair | None = None, **more: Any
) -> dict[str, Any]:
    """Write the account of a job; what of the job may not be seen is null."""
    written = common("UserJob", row.id, row.created_at, row.updated_at) | {
        "username": row.username,
        "name": row.username,
        "fullName": row.username,
        "humanUsername": None if human is None else human.username,
        "user": row.human_id,
        "firstname": None if human is None else human.first_name,
        "lastname": None if human is None else human.last_name,
        "email": None,
        "language": row.language.upper(),
        "origin": "JOB",
        "algo": True,
        "isDeveloper": False,
        "enabled": row.enabled,
        "passwordExpired": False,
        "job": row.job_id,
        "software": None if job is None else job.operation_id,
        "project": None if job is None else job.project_id,
    }
    return written | _halves(keys) | more


def role(one: Role) -> dict[str, Any]:
    """Write a role of the hub."""
    return common("SecRole", one.value, None) | {"authority": AUTHORITY[one]}


def held_role(row: Any) -> dict[str, Any]:
    """Write that somebody holds a role."""
    return common("SecUserSecRole", row.id, None) | {
        "user": row.user_id,
        "role": row.role,
        "authority": AUTHORITY[Role(row.role)],
    }


def group(row: Any, members: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Write a group; the number of it elsewhere is not kept."""
    written = common("Group", row.id, row.created_at, row.updated_at)
    written |= {"name": row.name, "gid": None}
    return written if members is None else written | {"users": members}


def membership(row: Any) -> dict[str, Any]:
    """Write that somebody belongs to a group."""
    return common("UserGroup", row.id, None) | {"user": row.user_id, "group": row.group_id}


def _full_name(row: Any) -> str:
    return f"{row.first_name} {row.last_name}".strip()


def _halves(keys: KeyPair | None) -> dict[str, Any]:
    return {} if keys is None else {"publicKey": keys.public, "privateKey": keys.private}
