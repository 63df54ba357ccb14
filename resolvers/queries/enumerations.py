"""Reading the lists of words that forms choose from; they are the same for everybody."""

from typing import Annotated

import strawberry

from adapters.enumerations import ENUMERATIONS, enumeration
from schema.enumerations import Enumeration


@strawberry.type
class EnumerationQueries:
    @strawberry.field(
        description="Every list of words that forms choose from: sample types, modes of "
        "microscopes, units, kinds, states, formats."
    )
    def enumerations(self) -> list[Enumeration]:
        return [Enumeration.of(name, entries) for name, entries in ENUMERATIONS.items()]

    @strawberry.field(description="One list of words.")
    def enumeration(
        self,
        name: Annotated[str, strawberry.argument(description="Such as PixelsType or UnitsLength.")],
    ) -> Enumeration | None:
        return Enumeration.of(name, enumeration(name))
