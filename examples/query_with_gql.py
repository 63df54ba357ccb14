"""Ask one GraphQL query with the `gql` package: projects, datasets, images and their channels."""

import os

from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

QUERY = gql("""
query Tree {
  viewer { username groups { group { name } } }
  projects(first: 5) {
    totalCount
    nodes {
      name
      datasets(first: 5) {
        nodes {
          name
          images(first: 3) {
            nodes {
              legacyId
              name
              pixels { sizeT sizeC sizeZ sizeY sizeX type }
              channels { name minimum maximum }
            }
          }
        }
      }
    }
  }
}
""")


def main() -> None:
    """Print the tree."""
    transport = HTTPXTransport(
        url=os.environ["IMAGEHUB_URL"] + "/graphql",
        headers={"Authorization": f"Bearer {os.environ['IMAGEHUB_TOKEN']}"},
    )
    answer = Client(transport=transport).execute(QUERY)
    print(f"{answer['viewer']['username']} sees {answer['projects']['totalCount']} projects")
    for project in answer["projects"]["nodes"]:
        print(project["name"])
        for dataset in project["datasets"]["nodes"]:
            print("  ", dataset["name"])
            for image in dataset["images"]["nodes"]:
                pixels = image["pixels"]
                sizes = " × ".join(str(pixels[f"size{axis}"]) for axis in "TCZYX")
                print(f"     {image['legacyId']} {image['name']}: {sizes} {pixels['type']}")
                for channel in image["channels"]:
                    print(f"        {channel['name']}: {channel['minimum']} … {channel['maximum']}")


if __name__ == "__main__":
    main()
