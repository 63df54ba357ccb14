"""Absolute addresses in answers: scheme, host and prefix are those of the request itself."""

from __future__ import annotations

from starlette.requests import Request

VERSION = "0"


class Links:
    """Writes addresses of one answer."""

    __slots__ = ("api", "host")

    def __init__(self, request: Request) -> None:
        self.host = str(request.base_url).rstrip("/")
        self.api = f"{self.host}/api/v{VERSION}"

    def to(self, *parts: str | int) -> str:
        """Return the address of a collection or an object: ``to("projects", 7, "datasets")``."""
        return f"{self.api}/m/{'/'.join(str(part) for part in parts)}/"

    def of(self, *parts: str | int) -> str:
        """Return an address below the version, outside the model: ``of("token")``."""
        return f"{self.api}/{'/'.join(str(part) for part in parts)}/"
