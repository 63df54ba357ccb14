"""The objects that events tell of, and the names of nouns in events."""

from collections.abc import Mapping
from typing import Any

from resolvers.loaders import NODES, RELATIONS, Relation, relation
from resolvers.queries.history import noun_of
from store.errors import Invalid
from store.tables import ALL
from store.unit import word

WORDS: dict[str, str] = {noun_of(word(noun)): word(noun) for noun in ALL}


def words_of(nouns: list[str] | None) -> list[str]:
    """Return the words that events hold for nouns such as ROI. Raises Invalid."""
    for noun in nouns or ():
        if noun not in WORDS:
            raise Invalid("nouns", f"there is no noun {noun[:40]!r}; Image and ROI are two.")
    return [WORDS[noun] for noun in nouns or ()]


@relation()
async def object_of_event(hub: Any, keys: list[Any]) -> Mapping[Any, Any]:
    """Keys are (noun, number); nouns that are no nodes have no object."""
    answer: dict[Any, Any] = {}
    for noun in {noun for noun, _number in keys} & NODES.keys():
        by_id = RELATIONS[NODES[noun]]
        assert isinstance(by_id, Relation)
        found = await by_id.batch(hub, [number for named, number in keys if named == noun])
        answer |= {(noun, number): one for number, one in found.items()}
    return answer
