"""Draw a polygon on an image with a name, list what is drawn there, and take it back."""

import os
from typing import Any

import httpx

URL = os.environ["IMAGEHUB_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['IMAGEHUB_TOKEN']}"}


def ask(query: str, **variables: object) -> dict[str, Any]:
    """Return the data of one GraphQL operation; raise on an error."""
    sent = {"query": query, "variables": variables}
    answer = httpx.post(f"{URL}/graphql", json=sent, headers=HEADERS).json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return answer["data"]


DRAW = """
mutation Draw($image: ID!, $wkt: WKT!) {
  createRoi(input: {image: $image, name: "from a script", shapes: [{wkt: $wkt, z: 0, t: 0}]}) {
    ... on RoiPayload { roi { id } }
    ... on Error { code message }
  }
}
"""
LIST = """
query List($image: ID!) {
  image(id: $image) {
    name
    rois(first: 10) { totalCount nodes { name shapes { __typename area wkt } } }
  }
}
"""
DELETE = """
mutation Delete($id: ID!) {
  delete(input: {ids: [$id]}) {
    ... on DeletePayload { commandId impact { noun count } }
    ... on Error { code message }
  }
}
"""


def main() -> None:
    """Draw, list, delete."""
    image = ask("{ images(first: 1) { nodes { id } } }")["images"]["nodes"][0]["id"]
    triangle = "POLYGON ((10 10, 60 10, 35 50, 10 10))"
    roi = ask(DRAW, image=image, wkt=triangle)["createRoi"]["roi"]["id"]
    found = ask(LIST, image=image)["image"]
    print(f"{found['name']} has {found['rois']['totalCount']} regions")
    for one in found["rois"]["nodes"]:
        for shape in one["shapes"]:
            print(f"  {one['name']}: {shape['__typename']} of {shape['area']:.0f} px²")
    gone = ask(DELETE, id=roi)["delete"]
    print(f"moved to the trash by command {gone['commandId']}")


if __name__ == "__main__":
    main()
