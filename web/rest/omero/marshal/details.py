"""What stands around every object: its owner, its group, and what the caller may do to it.

A `Frame` is made once per answer from the accounts and groups its rows name; the same details are
one object however often they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store.access.capabilities import Can
from store.tables.people import Group, GroupLevel, User
from web.rest.omero.links import Links
from web.rest.omero.marshal.values import SYSTEM_DETAILS, present, typed

PERMS = {
    GroupLevel.private: "rw----",
    GroupLevel.read_only: "rwr---",
    GroupLevel.read_annotate: "rwra--",
    GroupLevel.read_write: "rwrw--",
}


def permissions(level: int, can: Can) -> dict[str, Any]:
    """Return the policy of a group of this level and what the caller may do."""
    return {
        "@type": "TBD#Permissions",
        "perm": PERMS[GroupLevel(level)],
        "canAnnotate": bool(can & Can.ANNOTATE),
        "canDelete": bool(can & Can.DELETE),
        "canEdit": bool(can & Can.EDIT),
        "canLink": bool(can & Can.PLACE),
        "isUserRead": True,
        "isUserWrite": True,
        "isGroupRead": level >= GroupLevel.read_only,
        "isGroupAnnotate": level >= GroupLevel.read_annotate,
        "isGroupWrite": level >= GroupLevel.read_write,
        "isWorldRead": False,
        "isWorldWrite": False,
    }


def experimenter(person: User) -> dict[str, Any]:
    """Return an account; an e-mail that the caller may not see was taken out before."""
    return present(
        {
            "@id": person.id,
            "@type": typed("Experimenter"),
            "UserName": person.username,
            "FirstName": person.first_name,
            "MiddleName": person.middle_name or None,
            "LastName": person.last_name,
            "Email": person.email or None,
            "Institution": person.institution or None,
            "omero:details": SYSTEM_DETAILS,
        }
    )


def experimenter_group(group: Group, can: Can = Can.NOTHING) -> dict[str, Any]:
    """Return a group with its own policy."""
    return present(
        {
            "@id": group.id,
            "@type": typed("ExperimenterGroup"),
            "Name": group.name,
            "Description": group.description or None,
            "omero:details": {
                "@type": "TBD#Details",
                "permissions": permissions(group.level, can),
            },
        }
    )


class Frame:
    """Addresses, owners, groups and shared details of one answer."""

    def __init__(self, links: Links, people: Iterable[User], groups: Iterable[Group]) -> None:
        self.links = links
        self.owners: Mapping[int, dict[str, Any]] = {one.id: experimenter(one) for one in people}
        known = list(groups)
        self.groups: Mapping[int, dict[str, Any]] = {
            one.id: experimenter_group(one) for one in known
        }
        self._levels = {one.id: one.level for one in known}
        self._made: dict[tuple[int, int, Can], dict[str, Any]] = {}

    def details(self, owner_id: int, group_id: int, can: Can) -> dict[str, Any]:
        """Return ``omero:details`` of a row with this owner and group.

        The answer is shared between rows: write it, never change it.
        """
        key = (owner_id, group_id, can)
        found = self._made.get(key)
        if found is None:
            found = present(
                {
                    "@type": "TBD#Details",
                    "owner": self.owners.get(owner_id),
                    "group": self.groups.get(group_id),
                    "permissions": permissions(self._levels.get(group_id, 0), can),
                }
            )
            self._made[key] = found
        return found

    def normalised(self, items: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Shrink owners and groups of the items to their numbers; return each in full once."""
        owners: dict[int, Any] = {}
        groups: dict[int, Any] = {}
        shrunk: dict[int, dict[str, Any]] = {}
        for item in items:
            details = item["omero:details"]
            small = shrunk.get(id(details))
            if small is None:
                small = dict(details)
                for name, seen in (("owner", owners), ("group", groups)):
                    full = details.get(name)
                    if full is not None:
                        seen.setdefault(full["@id"], full)
                        small[name] = {"@id": full["@id"]}
                shrunk[id(details)] = small
            item["omero:details"] = small  # type: ignore[index]  # items are dicts just made
        return {"experimenters": list(owners.values()), "experimenterGroups": list(groups.values())}
