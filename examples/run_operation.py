"""Smooth an image by mutation, watch the job over a web socket, and fetch the result's samples."""

import asyncio
import os

import httpx
import numpy as np
from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

URL = os.environ["IMAGEHUB_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['IMAGEHUB_TOKEN']}"}

FIRST_IMAGE = gql("{ images(first: 1) { nodes { id name } } }")
SMOOTH = gql("""
mutation Smooth($image: ID!) {
  runOperation(input: {operation: "filter.gaussian", image: $image, arguments: {sigma: 2}}) {
    ... on JobPayload { job { id } }
    ... on Error { code message }
  }
}
""")
WATCH = gql("subscription Watch($job: ID!) { jobProgress(id: $job) { state progress error } }")
RESULT = gql("""
query Result($job: ID!) {
  job(id: $job) {
    operationName
    arguments { name value }
    inputs { port object { ... on Image { name } } }
    outputs { object { ... on Image { name createdBy { id } region { url shape type } } } }
  }
}
""")


async def main() -> None:
    """Run it."""
    http = Client(transport=HTTPXAsyncTransport(url=f"{URL}/graphql", headers=HEADERS))
    async with http as session:
        image = (await session.execute(FIRST_IMAGE))["images"]["nodes"][0]
        asked = await session.execute(SMOOTH, variable_values={"image": image["id"]})
        job = asked["runOperation"]["job"]["id"]
        socket = WebsocketsTransport(
            url=URL.replace("http", "ws") + "/graphql",
            init_payload=HEADERS,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        async with Client(transport=socket) as watching:
            async for event in watching.subscribe(WATCH, variable_values={"job": job}):
                step = event["jobProgress"]
                print(step["state"], f"{step['progress']} %", step["error"] or "")
        result = (await session.execute(RESULT, variable_values={"job": job}))["job"]
    smoothed = result["outputs"][0]["object"]
    region = smoothed["region"]
    async with httpx.AsyncClient(base_url=URL, headers=HEADERS) as plain:
        raw = (await plain.get(region["url"])).raise_for_status().content
    samples = np.frombuffer(raw, region["type"]).reshape(region["shape"])
    print(f"{smoothed['name']}: mean {samples.mean():.2f}, from {image['name']}")


if __name__ == "__main__":
    asyncio.run(main())
