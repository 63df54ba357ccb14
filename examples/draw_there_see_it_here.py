"""Draw a region as an OMERO client does, see it in GraphQL at once, and delete it there.

Signs in with user name and password as scripts for OMERO.web do: IMAGEHUB_USER, IMAGEHUB_PASSWORD.
"""

import os
from typing import Any

import httpx

URL = os.environ["IMAGEHUB_URL"]
TOKEN = os.environ["IMAGEHUB_TOKEN"]
OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
SEEN = """
query Seen($name: String!) {
  images(first: 1, where: {name: {eq: $name}}) {
    nodes { rois(last: 20) { nodes { legacyId shapes { __typename } } } }
  }
}
"""


def sign_in(client: httpx.Client) -> None:
    """Go through token, servers and login."""
    base = client.get(f"{URL}/api/").json()["data"][-1]["url:base"]
    urls = client.get(base).json()
    token = client.get(urls["url:token"]).json()["data"]
    client.headers.update({"X-CSRFToken": token, "Referer": urls["url:login"]})
    (server,) = client.get(urls["url:servers"]).json()["data"]
    user = os.environ.get("IMAGEHUB_USER", "owner")
    password = os.environ.get("IMAGEHUB_PASSWORD", "imagehub-demo")
    form = {"username": user, "password": password, "server": server["id"]}
    client.post(urls["url:login"], data=form).raise_for_status()


def graphql(query: str, **variables: object) -> dict[str, Any]:
    """Return the data of one GraphQL operation."""
    sent = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(f"{URL}/graphql", json=sent, headers=headers).json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return answer["data"]


def seen(image: str, roi: int) -> list[str]:
    """Return the kinds of shape of a region of an image, as GraphQL tells them."""
    (found,) = graphql(SEEN, name=image)["images"]["nodes"]
    regions = [one for one in found["rois"]["nodes"] if int(one["legacyId"]) == roi]
    return [shape["__typename"] for one in regions for shape in one["shapes"]]


def main() -> None:
    """Draw with one dialect, read with the other."""
    ellipse = {
        "@id": 0, "oldId": "0:0", "@type": f"{OME}Ellipse", "X": 40.0, "Y": 30.0, "RadiusX": 12.0,
        "RadiusY": 8.0, "TheZ": 0, "TheT": 0, "Text": "drawn there",
    }  # fmt: skip
    rois = {"count": 1, "new": [ellipse], "modified": [], "deleted": {}, "empty_rois": {}}
    with httpx.Client(timeout=30) as client:
        sign_in(client)
        image = client.get(f"{URL}/api/v0/m/images/?limit=1").json()["data"][0]
        body = {"imageId": image["@id"], "rois": rois}
        saved = client.post(f"{URL}/iviewer/persist_rois/", json=body).json()["ids"]["0:0"]
        roi = int(saved.partition(":")[0])
        print(f"region {roi} of {image['Name']} in GraphQL: {seen(image['Name'], roi)}")
        client.delete(f"{URL}/api/v0/m/rois/{roi}/").raise_for_status()
        print(f"deleted there, seen here: {seen(image['Name'], roi)}")


if __name__ == "__main__":
    main()
