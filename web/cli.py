"""The command line: serve, demo, import, export, user, token, keys, migrate, doctor, schema, …

Every command prints what a script wants on standard output and everything for people on standard
error; an error is one line that says what to do, and exit status 1.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from asyncpg import PostgresError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from store.errors import HubError
from web.bootstrap import Services, assemble, prepare, read_settings

T = TypeVar("T")
people = Console(stderr=True, highlight=False)
app = typer.Typer(
    name="imagehub",
    help="One self-hosted hub for microscopy images.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
app.add_typer(user_app, name="user")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the hub.", envvar="IMAGEHUB_DATA", show_default="imagehub-data"
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME; default: SQLite in the data folder.",
        envvar="IMAGEHUB_DATABASE",
        show_default=False,
    ),
]


def main() -> None:
    """Run the command line; one line for an error the user can do something about."""
    try:
        app()
    except HubError as error:
        fail(error.message)
    except (ValueError, OSError, PostgresError) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(f"the database refused: {getattr(error, 'orig', None) or error}".splitlines()[0])
    except KeyboardInterrupt:
        fail("Stopped.", 130)


def fail(message: str, status: int = 1) -> None:
    """End with one line on standard error."""
    people.print(f"[bold red]imagehub:[/] {escape(message)}", soft_wrap=True)
    sys.exit(status)


def run(
    work: Callable[[Services], Awaitable[T]],
    data: Path | None,
    database: str | None,
    *,
    operations: bool = False,
) -> T:
    """Open the hub's stores, do the work as a command, and close them."""
    settings = read_settings(data=data, database=database, job_workers=0)

    async def whole() -> T:
        password = await prepare(settings, operations=operations)
        if password is not None:
            people.print(f"made the first administrator: root, password [bold]{password}[/]")
        services = assemble(settings)
        try:
            return await work(services)
        finally:
            await services.stop()

    return asyncio.run(whole())


def bar(description: str) -> Progress:
    """Return a progress bar on standard error, silent when nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn(description),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("[dim]{task.fields[what]}"),
        TimeElapsedColumn(),
        console=people,
        transient=True,
        disable=not people.is_terminal,
    )


@app.command()
def serve(
    data: Data = None,
    database: Database = None,
    host: Annotated[
        str | None, typer.Option(help="Where to listen.", envvar="IMAGEHUB_HOST")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port.", envvar="IMAGEHUB_PORT")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Server processes.", envvar="IMAGEHUB_WORKERS")
    ] = None,
) -> None:
    """Serve the hub.

    [dim]imagehub serve --data lab --port 8000[/]
    """
    from web.server import serve as listen

    listen(read_settings(data=data, database=database, host=host, port=port, workers=workers))


@app.command()
def demo(data: Data = None, database: Database = None) -> None:
    """Fill a hub with a demonstration of everything; safe to repeat.

    [dim]imagehub demo --data lab[/]
    """
    from adapters.demo import fill

    with bar("demo") as progress:
        task = progress.add_task("", total=100, what="")

        def report(done: int, total: int, what: str) -> None:
            progress.update(task, completed=100 * done / max(1, total), what=what)

        async def work(services: Services) -> str:
            return await fill(services.infrastructure, report)

        people.print(run(work, data, database, operations=True), soft_wrap=True)


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, or OME-Zarr folders.")],
    data: Data = None,
    database: Database = None,
    project: Annotated[
        str | None, typer.Option(help="Project to put the dataset into; made if new.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Dataset, by name or id; made if new.")
    ] = None,
    screen: Annotated[str | None, typer.Option(help="Screen to put the plate into.")] = None,
    plate: Annotated[
        str | None, typer.Option(help="Plate to put images into, by well names in file names.")
    ] = None,
    channels: Annotated[
        bool, typer.Option("--channels", help="The files are one channel each of one image.")
    ] = False,
    axis: Annotated[
        str, typer.Option(help="What an axis is that a file does not name: z, t or c.")
    ] = "z",
    again: Annotated[
        bool, typer.Option("--again", help="Import files the dataset has already.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the one image.")] = None,
    user: Annotated[
        str, typer.Option(help="On behalf of this account.", envvar="IMAGEHUB_USER")
    ] = "root",
) -> None:
    """Bring files in; prints id, tab, name of each image.

    [dim]imagehub import cells.tif --dataset Cells[/]
    [dim]imagehub import d0.tif d1.tif d2.tif --channels --project Screen --dataset Cells[/]
    """
    from web.importing import Wanted, import_paths

    wanted = Wanted(
        paths=paths, project=project, dataset=dataset, screen=screen, plate=plate,
        channels=channels, axis=axis, again=again, name=name, user=user,
    )  # fmt: skip

    with bar("import") as progress:
        task = progress.add_task("", total=100, what="")

        def report(fraction: float, what: str) -> None:
            progress.update(task, completed=100 * fraction, what=what)

        def made(id: int, name: str) -> None:
            progress.console.print(end="")
            print(f"{id}\t{name}", flush=True)  # noqa: T201  # the command's output

        def refused(path: Path, why: str) -> None:
            people.print(f"[bold red]refused[/] {escape(f'{path}: {why}')}", soft_wrap=True)

        async def work(services: Services) -> int:
            return await import_paths(services, wanted, report, made, refused)

        failures = run(work, data, database)
    if failures:
        sys.exit(1)


@app.command()
def export(
    id: Annotated[int, typer.Argument(help="The image's number.")],
    out: Annotated[Path, typer.Option(help="File or folder to make.")],
    format: Annotated[str, typer.Option(help="ome-tiff or ome-zarr.")] = "ome-tiff",
    data: Data = None,
    database: Database = None,
    user: Annotated[
        str, typer.Option(help="On behalf of this account.", envvar="IMAGEHUB_USER")
    ] = "root",
) -> None:
    """Write an image to a file.

    [dim]imagehub export 1234 --format ome-tiff --out cells.ome.tif[/]
    """
    from store.pixels.base import Progress as Step

    with bar("export") as progress:
        task = progress.add_task("", total=100, what=str(out))

        def report(step: Step) -> None:
            progress.update(task, completed=100 * step.done / max(1, step.total))

        async def work(services: Services) -> None:
            hub = services.hub(await acting(services, user))
            await hub.exports.to_path(id, format, out, report)

        run(work, data, database)
    people.print(f"wrote {out}")


@user_app.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="User name.")],
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
    group: Annotated[list[str] | None, typer.Option(help="Group to join; made if new.")] = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Make an account; the password comes from IMAGEHUB_PASSWORD or standard input.

    [dim]IMAGEHUB_PASSWORD=… imagehub user add ada --group lab[/]
    """
    password = _password()

    async def work(services: Services) -> int:
        from web.accounts import add_account

        return await add_account(services, name, password, admin=admin, groups=group or [])

    print(run(work, data, database))  # noqa: T201  # the command's output


@user_app.command("password")
def set_password(
    name: Annotated[str, typer.Argument(help="The account.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Set an account's password, from IMAGEHUB_PASSWORD or standard input.

    [dim]IMAGEHUB_PASSWORD=… imagehub user password root[/]
    """
    password = _password()

    async def work(services: Services) -> None:
        from web.accounts import change_password

        await change_password(services, name, password)

    run(work, data, database)
    people.print(f"{name} has a new password")


def _password() -> str:
    given = os.environ.get("IMAGEHUB_PASSWORD")  # noqa: TID251  # a secret, never a setting
    if given:
        return given
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="The account.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write, admin or workspace.")
    ] = None,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    data: Data = None,
    database: Database = None,
) -> None:
    """Make a bearer token and print only it.

    [dim]TOKEN=$(imagehub token ada)[/]
    """

    async def work(services: Services) -> str:
        from web.accounts import new_token

        return await new_token(services, name, label, scope or ["read", "write"])

    print(run(work, data, database))  # noqa: T201  # the command's output


@app.command()
def keys(
    name: Annotated[str, typer.Argument(help="The account.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Print the account's key pair: PUBLIC PRIVATE.

    [dim]imagehub keys ada[/]
    """

    async def work(services: Services) -> str:
        from web.accounts import key_pair

        return await key_pair(services, name)

    print(run(work, data, database))  # noqa: T201  # the command's output


@app.command()
def migrate(data: Data = None, database: Database = None) -> None:
    """Bring the database to this version's form.

    [dim]imagehub migrate --database postgresql://hub@localhost/hub[/]
    """
    from store.migrations.run import head, upgrade

    settings = read_settings(data=data, database=database)
    settings.data.mkdir(parents=True, exist_ok=True)
    asyncio.run(upgrade(settings.database_url))
    people.print(f"the database is at {head()}")


@app.command()
def doctor(
    data: Data = None,
    database: Database = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also read every sample and file.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Remove orphans and leftovers.")] = False,
) -> None:
    """Look for what is wrong: exit status 0 when nothing is.

    [dim]imagehub doctor --data lab[/]
    """
    from web.checkup import check

    settings = read_settings(data=data, database=database, job_workers=0)
    findings = asyncio.run(check(settings, deep=deep, repair=repair))
    for finding in findings:
        kind = (
            f"[green]removed[/] {finding.kind}" if finding.repaired else f"[red]{finding.kind}[/]"
        )
        people.print(f"[bold]{kind}:[/]", escape(finding.message), soft_wrap=True)
    if not all(finding.repaired for finding in findings):
        sys.exit(1)
    people.print("[green]Nothing is wrong.[/]" if not findings else "[green]Nothing is left.[/]")


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="The archive to make, a .tar file.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Write database, pixels and files to one archive, while the hub may go on running.

    [dim]imagehub backup hub-2026-11-20.tar[/]
    """
    from web.backup import write_backup

    with bar("backup") as progress:
        task = progress.add_task("", total=100, what="")

        def report(done: int, total: int, what: str) -> None:
            progress.update(task, completed=100 * done / max(1, total), what=what)

        lost = asyncio.run(write_backup(read_settings(data=data, database=database), out, report))
    for name in lost:
        people.print(f"[bold red]not in the archive[/] {name}: it is lost, see `imagehub doctor`")
    people.print(f"wrote {out}")


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="An archive of `imagehub backup`.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Fill an empty data folder and an empty database from an archive.

    [dim]imagehub restore hub-2026-11-20.tar --data restored[/]
    """
    from web.backup import read_backup

    asyncio.run(read_backup(read_settings(data=data, database=database), archive))
    people.print("restored")


@app.command()
def schema() -> None:
    """Print the GraphQL schema.

    [dim]imagehub schema > schema.graphql[/]
    """
    from resolvers.root import graphql_schema

    print(graphql_schema.as_str())  # noqa: T201  # the command's output


async def acting(services: Services, username: str) -> Any:
    """Return the actor of an account by name, with every right of its own."""
    from web.accounts import actor_named

    return await actor_named(services, username)


if __name__ == "__main__":
    main()
