"""Several files of one channel each as one image of several channels.

Microscopes often write a file for each channel, named alike but for one part. That part names the
channels, and what the names share names the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from adapters.formats.base import Block, ImageSource, SourceChannel, SourceMetadata
from store.errors import Invalid
from store.pixels.base import Layout

_TOKEN = re.compile(r"[A-Za-z]+\d*|\d+|[^A-Za-z\d]+")
_SEPARATORS = "-_. "


@dataclass(frozen=True, slots=True)
class CombinedSource:
    """One image whose channel `c` is the only channel of source `c`."""

    name: str
    layout: Layout
    description: SourceMetadata
    sources: tuple[ImageSource, ...]
    series: int = 0

    @property
    def format(self) -> str:
        """Format of the parts."""
        return self.sources[0].format

    def blocks(self) -> Iterator[Block]:
        """Yield the samples, channel after channel. See `ImageSource.blocks`."""
        for c, source in enumerate(self.sources):
            for block in source.blocks():
                yield replace(block, c=c)


def combine_channels(sources: Sequence[ImageSource]) -> ImageSource:
    """Return one image that has each source as a channel, in the order given.

    Metadata comes from the first source that has it; names, colours and windows of channels from
    the source of that channel.

    Raises
    ------
    Invalid
        If a source has several channels, or if sizes or sample types differ.
    """
    if not sources:
        raise Invalid("files", "there is no file to combine")
    first = sources[0].layout
    for source in sources:
        layout = source.layout
        if layout.size_c != 1:
            raise Invalid(
                "files",
                f"{source.name} has {layout.size_c} channels; only files of one channel each can be"
                " combined",
            )
        if layout != first:
            raise Invalid(
                "files",
                f"{source.name} is {_say(layout)}, but {sources[0].name} is {_say(first)};"
                " channels of one image must be alike",
            )
    name, labels = shared_name([source.name for source in sources])
    return CombinedSource(
        name=name,
        layout=replace(first, size_c=len(sources)),
        description=_merged(sources, labels),
        sources=tuple(sources),
    )


def shared_name(names: Sequence[str]) -> tuple[str, list[str]]:
    """Return what file names share and, for each, the part in which it differs.

    Parts are words with the digits that follow them, so that ``d0`` and ``d1`` differ and not only
    ``0`` and ``1``. Endings such as ``.tif`` are left out.

    >>> shared_name(["human_D03f00d0.tif", "human_D03f00d1.tif"])
    ('human_D03f00', ['d0', 'd1'])
    >>> shared_name(["plate_A01_ch1.tif", "plate_A01_ch2.tif"])
    ('plate_A01', ['ch1', 'ch2'])
    """
    stems = [PurePath(name).stem for name in names]
    words = [_TOKEN.findall(stem) for stem in stems]
    shortest = min(map(len, words))
    start = next((i for i in range(shortest) if len({w[i] for w in words}) > 1), shortest)
    end = 0
    while end < shortest - start and len({w[-1 - end] for w in words}) == 1:
        end += 1
    before = "".join(words[0][:start]).rstrip(_SEPARATORS)
    after = "".join(words[0][len(words[0]) - end :]).strip(_SEPARATORS)
    labels = ["".join(w[start : len(w) - end]).strip(_SEPARATORS) for w in words]
    if not all(labels) or len(set(labels)) < len(labels):
        labels = [f"{stem} {number}" for number, stem in enumerate(stems, 1)]
        if len(set(stems)) == len(stems):
            labels = stems
    return "_".join(part for part in (before, after) if part) or stems[0], labels


def _merged(sources: Sequence[ImageSource], labels: Sequence[str]) -> SourceMetadata:
    everything = [source.description for source in sources]
    channels: list[SourceChannel] = []
    for description, label in zip(everything, labels, strict=True):
        channel = description.channels[0] if description.channels else SourceChannel()
        channels.append(replace(channel, name=channel.name or label))
    original: dict[str, str] = {}
    for source, description in zip(sources, everything, strict=True):
        original.update({f"{source.name}: {k}": v for k, v in description.original.items()})
    return replace(
        everything[0],
        physical_size_x=_first([d.physical_size_x for d in everything]),
        physical_size_y=_first([d.physical_size_y for d in everything]),
        physical_size_z=_first([d.physical_size_z for d in everything]),
        time_increment=_first([d.time_increment for d in everything]),
        acquired_at=min((d.acquired_at for d in everything if d.acquired_at), default=None),
        channels=tuple(channels),
        original=original,
        ome_xml=None,
    )


def _first(values: Sequence[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _say(layout: Layout) -> str:
    return (
        f"{layout.size_x} × {layout.size_y}, z {layout.size_z}, t {layout.size_t}, {layout.dtype}"
    )
