"""The lists of words that forms choose from."""

from typing import Any

import strawberry


@strawberry.type(description="One word of an enumeration.")
class EnumerationEntry:
    id: int = strawberry.field(description="Its number, the same in every hub for ever.")
    value: str = strawberry.field(description="The word, as it is stored and sent.")
    symbol: str | None = strawberry.field(
        description="The short sign of a unit, such as µm, or the array name of a sample type, "
        "such as float32."
    )
    factor: float | None = strawberry.field(
        description="How many m, s, K, W, Pa, V or Hz one of this unit is; null for what is no "
        "measure, such as a pixel."
    )
    offset: float = strawberry.field(
        description="What is added after multiplying by the factor; other than 0 for temperatures."
    )
    description: str | None = strawberry.field(description="What to know about it.")


@strawberry.type(description="A list of words to choose from.")
class Enumeration:
    name: str = strawberry.field(description="What it is called, such as AcquisitionMode.")
    entries: list[EnumerationEntry] = strawberry.field(
        description="Its words, in the order to show them."
    )

    @classmethod
    def of(cls, name: str, entries: Any) -> "Enumeration":
        """Show the entries of `adapters.enumerations`."""
        return cls(
            name=name,
            entries=[
                EnumerationEntry(
                    id=one.id,
                    value=one.value,
                    symbol=one.symbol,
                    factor=one.factor,
                    offset=one.offset,
                    description=one.description,
                )
                for one in entries
            ],
        )
