"""Finding where objects lie, and how much lies in containers."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.paths import NOUNS, Path
from resolvers.loaders import relation
from resolvers.queries.history import noun_of
from schema.context import Info
from schema.paths import ObjectPath, ObjectPaths, PathStep
from schema.scalars import split_id
from store.errors import Invalid
from store.tables import containers, screens

# The noun of a global id → the plain word the service knows.
_WORDS: dict[str, str] = {noun_of(word): word for word in NOUNS}


def show(path: Path) -> ObjectPath:
    """Show one path."""
    return ObjectPath(
        owner_key=path.owner_id,
        orphaned=path.orphaned,
        steps=[
            PathStep(key=step.id, noun=noun_of(step.noun), name=getattr(step.row, "name", None))
            for step in path.steps
        ],
    )


@relation(missing=int)
async def dataset_count_of_project(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.children(containers.Project, keys)
    return found


@relation(missing=int)
async def image_count_of_project(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(containers.Project, keys)
    return found


@relation(missing=int)
async def image_count_of_dataset(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(containers.Dataset, keys)
    return found


@relation(missing=int)
async def plate_count_of_screen(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.children(screens.Screen, keys)
    return found


@relation(missing=int)
async def image_count_of_screen(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(screens.Screen, keys)
    return found


@relation(missing=int)
async def well_count_of_plate(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.children(screens.Plate, keys)
    return found


@relation(missing=int)
async def image_count_of_plate(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(screens.Plate, keys)
    return found


@relation(missing=int)
async def image_count_of_acquisition(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(screens.Acquisition, keys)
    return found


@relation(missing=int)
async def image_count_of_well(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.counts.images(screens.Well, keys)
    return found


@strawberry.type
class PathQueries:
    @strawberry.field(
        description="Where objects lie: every way from a project, screen or other root down to "
        "each. Objects you may not see are left out; at most 500 at once."
    )
    async def paths(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(
                description="Projects, datasets, images, screens, plates, acquisitions, wells, "
                "well samples, regions, shapes; also of several kinds."
            ),
        ],
    ) -> list[ObjectPaths]:
        asked: dict[str, list[int]] = {}
        for id in ids:
            noun, number = split_id(id, "ids")
            if noun not in _WORDS:
                raise Invalid("ids", f"a {noun} has no place in a hierarchy.")
            asked.setdefault(noun, []).append(number)
        found = {
            noun: await info.context.hub.paths.of(_WORDS[noun], numbers)
            for noun, numbers in asked.items()
        }
        shown = []
        for id in dict.fromkeys(ids):
            noun, number = split_id(id, "ids")
            if number in found[noun]:
                shown.append(ObjectPaths(id=id, paths=[show(path) for path in found[noun][number]]))
        return shown
