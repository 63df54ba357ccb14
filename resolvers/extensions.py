"""Between the text of a query and its execution: the document cache, the limits, the deadline.

Parsing and validating cost several times a small query's work, so both are remembered by the text.
Only valid documents are kept, and the cache is bounded by characters, not entries, because a parsed
document weighs in proportion to its text.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, GraphQLError
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from resolvers.limits import Limits, cost, shape_errors

overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 50_000
"""Comparing repeated fields is quadratic; the library's own budget allows seconds of it."""


@dataclass
class Known:
    """A valid document, and the costs of its operations that depend on no variable."""

    document: DocumentNode
    costs: dict[str | None, int] = field(default_factory=dict)


class Documents:
    """Valid documents by text, least recently used first to go."""

    def __init__(self, characters: int = 1_000_000) -> None:
        self._limit = characters
        self._held = 0
        self._known: OrderedDict[str, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, text: str) -> Known | None:
        """Return what is known of a text, and mark it as used."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    def add(self, text: str, document: DocumentNode) -> Known:
        """Remember a valid document; one longer than a tenth of the cache is not kept."""
        known = Known(document)
        if len(text) * 10 <= self._limit and text not in self._known:
            self._known[text] = known
            self._held += len(text)
            while self._held > self._limit:
                old, _ = self._known.popitem(last=False)
                self._held -= len(old)
        return known


class Guard(SchemaExtension):
    """Parse and validate once per text, and refuse what exceeds the limits, with the reason."""

    def __init__(self, documents: Documents, limits: Limits) -> None:
        self._documents = documents
        self._limits = limits
        self._known: Known | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        self._known = self._documents.get(context.query or "")
        if self._known is not None:
            context.graphql_document = self._known.document
        else:
            options: Any = {
                "max_lexical_tokens": self._limits.tokens,
                "max_comments": self._limits.tokens,
                "max_source_length": self._limits.characters,
            }
            context.parse_options = options
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None
        errors: list[GraphQLError] = []
        if self._known is None:
            errors = shape_errors(context.graphql_document, self._limits) or [
                _explained(error)
                for error in validate_document(
                    context.schema._schema, context.graphql_document, context.validation_rules
                )
            ]
            if not errors:
                self._known = self._documents.add(context.query or "", context.graphql_document)
        if self._known is not None:
            errors = self._cost_errors(self._known)
        context.pre_execution_errors = errors
        yield

    def _cost_errors(self, known: Known) -> list[GraphQLError]:
        context = self.execution_context
        name = context.operation_name
        objects = known.costs.get(name)
        if objects is None:
            found = cost(context.schema._schema, known.document, name, context.variables or {})
            objects = found.objects
            if found.fixed:
                known.costs[name] = objects
        if objects <= self._limits.objects:
            return []
        limit = self._limits.objects
        return [
            GraphQLError(
                f"This operation may return {objects:,} objects; at most {limit:,} are allowed. "
                "Ask for smaller pages or fewer levels.",
                extensions={
                    "code": "too_large",
                    "what": "objects",
                    "found": objects,
                    "limit": limit,
                },
            )
        ]


def _explained(error: GraphQLError) -> GraphQLError:
    if error.message != "Validation aborted.":
        return error
    return GraphQLError(
        "This document repeats the same fields too often to be checked. Ask in several requests.",
        extensions={"code": "too_large", "what": "repeated fields"},
    )


class Deadline(SchemaExtension):
    """Give up on a query or mutation that takes too long; a subscription may last."""

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.seconds

    async def on_execute(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise GraphQLError(
                f"This operation took longer than {self._seconds:g} s; ask for less at a time.",
                extensions={"code": "timeout", "seconds": self._seconds},
            ) from error
