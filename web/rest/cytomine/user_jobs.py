"""User jobs: the accounts under which jobs draw, with keys of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.job_accounts import JobAccount
from adapters.keys import KeyPair
from store.catalog import receipt
from web.rest.cytomine import parameters, users
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, slice_of, sliced
from web.rest.cytomine.marshal.users import job_user
from web.rest.cytomine.resource import Answer, resource

USER_JOB = domain("UserJob")


async def _written(
    hub: Hub, accounts: Sequence[JobAccount], keys: KeyPair | None = None
) -> list[dict[str, Any]]:
    wanted = sorted({one.job.owner_id for one in accounts})
    people = await hub.people.by_ids(wanted) if wanted else []
    humans = {one.id: one for one in people if one is not None}
    return [
        job_user(one.user, one.job, humans.get(one.job.owner_id), keys, jobNumber=one.job.number)
        for one in accounts
    ]


async def create(request: Request, hub: Hub) -> Answer:
    """Open a job of a software in a project and return its account with its keys."""
    given = await parameters.object_of(request)
    with receipt() as noted:
        job = await hub.external_jobs.open(
            parameters.required(given, "software"), parameters.required(given, "project")
        )
    account = await hub.job_accounts.get(job.user_job_id or 0)
    keys = await users.readable_keys(request, hub, account.user.id)
    (item,) = await _written(hub, [account], keys)
    return {
        "message": f"UserJob {item['id']} added",
        "callback": {
            "method": "be.cytomine.AddUserJobCommand",
            "userjobID": str(item["id"]),
            "projectID": str(job.project_id),
        },
        "printMessage": True,
        "userJob": item,
        "userjob": item,
        "command": noted.command_id,
    }


async def one(request: Request, hub: Hub) -> Answer:
    """Return the account of a job; its keys only to who asked for the job, and to itself."""
    account = await hub.job_accounts.get(request.path_params["id"])
    keys = await users.readable_keys(request, hub, account.user.id)
    (item,) = await _written(hub, [account], keys)
    return item


async def of_project(request: Request, hub: Hub) -> Answer:
    """List the accounts of a project's jobs, of those that drew on an image; or as a tree."""
    given = request.query_params
    accounts = await hub.job_accounts.of_project(
        request.path_params["id"], parameters.whole(given, "image")
    )
    if parameters.flag(given, "tree"):
        return await _tree(hub, accounts)
    which = slice_of(given)
    stop = None if which.limit is None else which.offset + which.limit
    return collection(await _written(hub, accounts[which.offset : stop]), len(accounts), which)


async def _tree(hub: Hub, accounts: Sequence[JobAccount]) -> dict[str, Any]:
    """Write accounts below the software of their jobs."""
    operations = await hub.external.many(sorted({one.job.operation_id for one in accounts}))
    leaves: dict[int, list[dict[str, Any]]] = {}
    for item in await _written(hub, accounts):
        leaf = _node(item["id"], f"#{item['jobNumber']} {item['username']}", folder=False)
        leaves.setdefault(item["software"], []).append(leaf | {"isChecked": False})
    nodes = [
        _node(id, operations[id].name if id in operations else "", folder=True)
        | {"children": children}
        for id, children in leaves.items()
    ]
    return _node(-1, "Jobs", folder=True) | {"children": nodes, "hideCheckbox": True}


def _node(id: int, name: str, *, folder: bool) -> dict[str, Any]:
    return {"id": id, "name": name, "title": name, "key": id, "isFolder": folder, "children": []}


async def of_software(request: Request, hub: Hub) -> Answer:
    """List the accounts of a project's jobs of one software."""
    project_id, id = (request.path_params[name] for name in ("project", "software"))
    accounts = await hub.job_accounts.of_project(project_id)
    kept = [one for one in accounts if one.job.operation_id == id]
    items = await _written(hub, kept)
    return sliced(request, items, lambda item: item)


ROUTES = [
    *(
        route
        for name in ("userJob", "userjob")
        for route in (
            *resource(f"/api/{name}", post=create),
            *resource(f"/api/{name}/{{id:number}}", get=one),
            *resource(f"/api/project/{{id:number}}/{name}", get=of_project),
            *resource(f"/api/project/{{project:number}}/software/{{software:number}}/{name}",
                      get=of_software),
        )
    ),
]  # fmt: skip
