"""Read an image straight from the hub as OME-Zarr, with zarr-python over HTTP and a token."""

import os

import httpx
import zarr

URL = os.environ["IMAGEHUB_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['IMAGEHUB_TOKEN']}"}


def main() -> None:
    """Open the first image's full resolution lazily and read a corner."""
    query = "{ images(first: 1) { nodes { name zarrUrl } } }"
    answer = httpx.post(f"{URL}/graphql", json={"query": query}, headers=HEADERS).json()
    image = answer["data"]["images"]["nodes"][0]
    store = zarr.storage.FsspecStore.from_url(
        URL + image["zarrUrl"], storage_options={"headers": HEADERS}, read_only=True
    )
    group = zarr.open_group(store, mode="r")
    level = group["0"]
    corner = level[0, :, 0, :64, :64]
    print(f"{image['name']}: {level.shape} {level.dtype}, corner mean {corner.mean():.2f}")


if __name__ == "__main__":
    main()
