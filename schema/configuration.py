"""What the hub is set to: facts for every client, and settings for those who may read them."""

from enum import Enum
from typing import Any

import strawberry

from schema.scalars import JSON, BigInt


@strawberry.enum(description="Who may read a setting.")
class SettingAudience(Enum):
    EVERYBODY = strawberry.enum_value(0, description="Also who is not signed in.")
    USERS = strawberry.enum_value(12, description="Who is signed in.")
    ADMINISTRATORS = strawberry.enum_value(13, description="Administrators only.")


@strawberry.type(description="What this hub is and what it takes, for any client to know.")
class Configuration:
    version: str = strawberry.field(description="Version of the hub.")
    database: str = strawberry.field(description="sqlite or postgresql.")
    public_reading: bool = strawberry.field(
        description="Whether anything can be read without signing in or a secret link."
    )
    session_hours: int = strawberry.field(
        description="Hours after which a sign-in that is not used ends."
    )
    upload_limit: BigInt = strawberry.field(description="Most bytes of one uploaded file.")
    body_limit: BigInt = strawberry.field(description="Most bytes of one GraphQL request.")
    memory_limit: BigInt = strawberry.field(
        description="Most bytes of memory that one running operation takes."
    )
    job_workers: int = strawberry.field(description="Jobs that run at once in a server process.")
    default_page: int = strawberry.field(description="Objects of a page if `first` is left out.")
    largest_page: int = strawberry.field(description="Most objects of a page.")
    longest_query: int = strawberry.field(description="Most characters of a query.")
    deepest_query: int = strawberry.field(description="Most levels of a query.")
    largest_answer: int = strawberry.field(description="Most objects a query may ask for at once.")
    sample_types: list[str] = strawberry.field(description="The types of samples that are kept.")
    import_formats: list[str] = strawberry.field(description="The files that can be imported.")
    export_formats: list[str] = strawberry.field(description="What images can be exported as.")
    picture_formats: list[str] = strawberry.field(description="What pictures can be sent as.")
    lookup_tables: list[str] = strawberry.field(description="The built-in lookup tables.")


@strawberry.type(description="A value that administrators set while the hub runs.")
class Setting:
    key: str = strawberry.field(description="What it is called.")
    value: JSON | None = strawberry.field(description="What it is set to.")
    audience: SettingAudience = strawberry.field(description="Who may read it.")

    @classmethod
    def of(cls, row: Any) -> "Setting":
        """Show a row."""
        return cls(
            key=row.key,
            value=None if row.value is None else JSON(row.value),
            audience=max(
                (one for one in SettingAudience if one.value <= row.reading_role),
                key=lambda one: int(one.value),
            ),
        )


@strawberry.input(description="A setting and its value.")
class SetSettingInput:
    key: str = strawberry.field(description="What it is called, at most 255 characters.")
    value: JSON | None = strawberry.field(description="Any JSON, at most 64 KiB.")
    audience: SettingAudience | None = strawberry.field(
        default=None,
        description="Who may read it; as before if left out, administrators for a new one.",
    )


@strawberry.input(description="A setting to remove.")
class RemoveSettingInput:
    key: str = strawberry.field(description="What it is called.")


@strawberry.type(description="The setting.")
class SettingPayload:
    setting: Setting = strawberry.field(description="As it is now.")


@strawberry.type(description="What was removed.")
class RemoveSettingPayload:
    removed_key: str = strawberry.field(description="The setting that is no more.")
