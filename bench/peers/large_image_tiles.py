"""Answers with tiles of large-image and the time each took; runs in large-image's environment."""

from __future__ import annotations

import base64
import json
import sys
import time

import large_image_source_zarr


def main() -> None:
    """Read ``{"tiles": [[x, y], …], "send": true}`` lines until the end of input."""
    path, options = sys.argv[1], json.loads(sys.argv[2])
    source = large_image_source_zarr.open(path, noCache=True, **options)
    top = source.levels - 1
    for line in sys.stdin:
        asked = json.loads(line)
        times, tile = [], b""
        for x, y in asked["tiles"]:
            source.cache.clear()  # of finished tiles, which are not the question
            start = time.perf_counter()
            tile = source.getTile(x, y, top)
            times.append((time.perf_counter() - start) * 1e3)
        answer: dict[str, object] = {"ms": times}
        if asked.get("send"):
            answer["tile"] = base64.b64encode(bytes(tile)).decode()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
