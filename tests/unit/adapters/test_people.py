"""Accounts, groups, roles and grants: who may change whom, and what can never be lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from adapters.filters import Condition
from adapters.people import People, ensure_root
from store.access.load import load_actor, load_link
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database, connect
from store.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from store.paging import Keyset, OrderKey
from store.statement import cols, table
from store.tables.access import Grant, Session, Token
from store.tables.containers import Project
from store.tables.files import Storage
from store.tables.history import Change, Command
from store.tables.people import GroupLevel, Role, User
from store.unit import Unit
from tests.fixtures.people import QUICK, everything_stored

ROOT = 2


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = connect(database_url)
    await ensure_root(opened, "root's password", QUICK)
    yield opened
    await opened.close()


async def people(database: Database, user_id: int | None = ROOT, **limits: Any) -> People:
    actor = Actor.nobody() if user_id is None else await load_actor(database, user_id, **limits)
    return People(Catalog(database, actor), QUICK)


async def person(database: Database, username: str = "mira", **fields: Any) -> User:
    return await (await people(database)).create(username, "a good password", **fields)


async def project(database: Database, owner: User) -> Project:
    actor = await load_actor(database, owner.id)

    async def work(unit: Unit) -> Project:
        return await unit.add(
            Project(
                id=await unit.take_ids(),
                created_at=now_ms(),
                name="Mitosis",
                name_key="mitosis",
                owner_id=owner.id,
                group_id=owner.default_group_id,
            )
        )

    return await Catalog(database, actor).write("create_project", work)


def by_name(limit: int = 10) -> Keyset:
    return Keyset((OrderKey("username_key", str), OrderKey("id", int)), limit)


# the first administrator


async def test_the_first_administrator_is_made_once(database_url: str) -> None:
    database = connect(database_url)
    made_up = await ensure_root(database, passwords=QUICK)
    again = await ensure_root(database, passwords=QUICK)
    root = await people(database)
    actor = await load_actor(database, ROOT)
    memberships = (await root.groups.of_users([ROOT]))[0]
    assert made_up is not None
    assert len(made_up) >= 12
    assert again is None
    assert (await root.get(ROOT)).username == "root"
    assert (await root.roles.of([ROOT]))[0] == [Role.admin, Role.super_admin]
    assert [one.group_id for one in memberships] == [0, 1, 3]
    assert actor.administrator
    assert not actor.full
    await database.close()


async def test_a_given_password_of_the_first_administrator_is_not_told_back(
    database_url: str,
) -> None:
    database = connect(database_url)
    assert await ensure_root(database, "chosen before", QUICK) is None
    await database.close()


async def test_a_weak_password_of_the_first_administrator_is_refused(database_url: str) -> None:
    database = connect(database_url)
    with pytest.raises(Invalid, match="8 characters"):
        await ensure_root(database, "short", QUICK)
    await database.close()


# making accounts


async def test_a_person_without_groups_lies_in_commons_and_has_a_storage(
    database: Database,
) -> None:
    mira = await person(database, first_name="Mira", email="mira@lab.example")
    own = Catalog(database, await load_actor(database, mira.id))
    storage = await own.all(Storage)
    memberships = (await (await people(database)).groups.of_users([mira.id]))[0]
    assert mira.default_group_id == 3
    assert [one.group_id for one in memberships] == [1, 3]
    assert [one.name for one in storage] == ["mira storage"]
    assert storage[0].owner_id == mira.id
    assert (await (await people(database)).roles.of([mira.id]))[0] == [Role.user]


async def test_the_first_group_of_a_new_person_is_the_default(database: Database) -> None:
    root = await people(database)
    lab = await root.groups.create("lab", level=GroupLevel.read_annotate)
    readers = await root.groups.create("readers", level=GroupLevel.read_only)
    mira = await person(database, groups=[lab.id, readers.id])
    actor = await load_actor(database, mira.id)
    assert mira.default_group_id == lab.id
    assert set(actor.groups) == {1, lab.id, readers.id}
    assert actor.groups[lab.id].level == 2


async def test_a_user_name_is_unique_whatever_its_case(database: Database) -> None:
    await person(database, "Mira")
    with pytest.raises(Conflict):
        await person(database, "mIRA")


@pytest.mark.parametrize("name", ["", " mira", "mi:ra", "mi/ra", "mi\x00ra", "x" * 256, "a\nb"])
async def test_a_user_name_that_some_door_could_not_carry_is_refused(
    database: Database, name: str
) -> None:
    with pytest.raises(Invalid):
        await person(database, name)


async def test_a_deleted_name_can_be_taken_again(database: Database) -> None:
    first = await person(database)
    await (await people(database)).delete(first.id)
    second = await person(database)
    found = await (await people(database)).by_username("MIRA")
    assert found is not None
    assert found.id == second.id != first.id


async def test_only_an_administrator_makes_accounts(database: Database) -> None:
    mira = await person(database)
    with pytest.raises(Forbidden):
        await (await people(database, mira.id)).create("friend", "a good password")


async def test_a_token_without_the_admin_scope_does_not_administer(database: Database) -> None:
    limited = await people(database, ROOT, scopes=["write"])
    with pytest.raises(Forbidden):
        await limited.create("friend", "a good password")
    with pytest.raises(Forbidden):
        await limited.groups.create("club")
    with pytest.raises(Forbidden):
        await limited.roles.give(ROOT, Role.user)
    unlimited = await people(database, ROOT, scopes=["admin"])
    assert (await unlimited.create("friend", "a good password")).username == "friend"


async def test_a_refused_account_leaves_nothing_behind(database: Database) -> None:
    before = await everything_stored(database)
    with pytest.raises(NotFound):
        await person(database, groups=[987_654])
    assert await everything_stored(database) == before


# seeing people


async def test_e_mail_is_for_its_owner_and_administrators(database: Database) -> None:
    mira = await person(database, email="mira@lab.example")
    other = await person(database, "other")
    for reader, seen in ((mira.id, True), (ROOT, True), (other.id, False)):
        there = await people(database, reader)
        page = await there.page(by_name())
        mails = {
            (await there.get(mira.id)).email,
            next(row.email for row in page.rows if row.id == mira.id),
            (await there.by_ids([mira.id]))[0].email,  # type: ignore[union-attr]  # she is there
        }
        assert mails == {"mira@lab.example" if seen else None}


async def test_no_reader_gets_a_password_hash(database: Database) -> None:
    mira = await person(database)
    for reader in (mira.id, ROOT):
        there = await people(database, reader)
        rows = [await there.get(mira.id), *(await there.page(by_name())).rows]
        assert {row.password_hash for row in rows} == {None}
        assert {row.private_key_sealed for row in rows} == {None}


async def test_people_cannot_be_filtered_or_ordered_by_what_is_hidden(database: Database) -> None:
    there = await people(database)
    with pytest.raises(Invalid):
        await there.page(by_name(), Condition("email", "starts_with", "m"))
    with pytest.raises(Invalid):
        await there.page(Keyset((OrderKey("password_hash", str), OrderKey("id", int)), 10))


async def test_people_are_listed_by_group(database: Database) -> None:
    lab = await (await people(database)).groups.create("lab")
    inside = await person(database, "inside", groups=[lab.id])
    await person(database, "outside")
    there = await people(database)
    page = await there.page(by_name(), group_id=lab.id)
    assert [row.id for row in page.rows] == [inside.id]
    assert await there.count(group_id=lab.id) == 1
    assert await there.count() == 3


async def test_nobody_sees_people(database: Database) -> None:
    nobody = await people(database, None)
    assert await nobody.by_ids([ROOT]) == [None]
    assert await nobody.by_username("root") is None
    with pytest.raises(NotFound):
        await nobody.get(ROOT)


async def test_the_name_of_a_deleted_person_stays_readable(database: Database) -> None:
    mira = await person(database)
    await (await people(database)).delete(mira.id)
    there = await people(database, (await person(database, "other")).id)
    found = await there.by_ids([987, mira.id])
    assert found[0] is None
    assert found[1] is not None
    assert found[1].username == "mira"
    with pytest.raises(NotFound):
        await there.get(mira.id)


# changing accounts


async def test_one_changes_ones_own_profile_but_not_ones_name(database: Database) -> None:
    mira = await person(database)
    own = await people(database, mira.id)
    changed = await own.change(mira.id, first_name="Mira", email="m@lab.example")
    assert (changed.first_name, changed.email) == ("Mira", "m@lab.example")
    assert changed.version == mira.version + 1
    for fields in ({"username": "boss"}, {"enabled": False}):
        with pytest.raises(Forbidden):
            await own.change(mira.id, **fields)
    with pytest.raises(Invalid):
        await own.change(mira.id, password_hash="x")


async def test_one_does_not_change_somebody_else(database: Database) -> None:
    mira, other = await person(database), await person(database, "other")
    with pytest.raises(Forbidden):
        await (await people(database, mira.id)).change(other.id, first_name="Silly")


async def test_a_stale_change_is_refused(database: Database) -> None:
    mira = await person(database)
    own = await people(database, mira.id)
    await own.change(mira.id, first_name="Mira")
    with pytest.raises(Conflict, match="version"):
        await own.change(mira.id, last_name="Late", expected=mira.version)


async def test_a_new_password_needs_the_present_one(database: Database) -> None:
    mira = await person(database)
    own = await people(database, mira.id)
    with pytest.raises(Unauthenticated):
        await own.set_password(mira.id, "another password", current="a wrong password")
    with pytest.raises(Unauthenticated):
        await own.set_password(mira.id, "another password")
    await own.set_password(mira.id, "another password", current="a good password")
    await own.set_password(mira.id, "a third password", current="another password")


async def test_an_administrator_sets_passwords_of_others_only_below(database: Database) -> None:
    mira, admin = await person(database), await person(database, "admin", admin=True)
    there = await people(database, admin.id)
    await there.set_password(mira.id, "set by an administrator")
    with pytest.raises(Forbidden, match="super-administrator"):
        await there.set_password(ROOT, "set by an administrator")
    with pytest.raises(Forbidden):
        await (await people(database, mira.id)).set_password(admin.id, "set by a member")


async def test_history_names_who_set_a_password_and_holds_no_hash(database: Database) -> None:
    mira = await person(database)
    await (await people(database, mira.id)).set_password(
        mira.id, "another password", current="a good password"
    )
    hub = Catalog(database, Actor.system())
    commands = await hub.all(Command, hub.select(Command).order_by(cols(Command).id.desc()))
    assert (commands[0].verb, commands[0].user_id) == ("set_password", mira.id)
    assert not commands[0].undoable
    assert all("argon2" not in str((row.before, row.after)) for row in await hub.all(Change))


# administrators


async def test_the_last_administrator_stays(database: Database) -> None:
    hub = People(Catalog(database, Actor.system()), QUICK)
    for attempt in (
        hub.delete(ROOT),
        hub.change(ROOT, enabled=False),
        hub.roles.take(ROOT, Role.super_admin),
        hub.roles.define(ROOT, Role.user),
    ):
        with pytest.raises(Conflict, match="last"):
            await attempt
    actor = await load_actor(database, ROOT)
    assert actor.administrator
    assert 0 in actor.groups


async def test_a_plain_administrator_does_not_stand_in_for_the_last_super_administrator(
    database: Database,
) -> None:
    await person(database, "admin", admin=True)
    hub = People(Catalog(database, Actor.system()), QUICK)
    with pytest.raises(Conflict, match="last super-administrator"):
        await hub.delete(ROOT)


async def test_the_first_administrator_goes_when_another_is_there(database: Database) -> None:
    heir = await person(database, "heir", admin=True)
    await (await people(database)).roles.give(heir.id, Role.super_admin)
    await (await people(database, heir.id)).delete(ROOT)
    with pytest.raises(Unauthenticated):
        await load_actor(database, ROOT)
    assert await ensure_root(database, "root's password", QUICK) is None


async def test_a_disabled_administrator_does_not_count(database: Database) -> None:
    heir = await person(database, "heir", admin=True)
    root = await people(database)
    await root.roles.give(heir.id, Role.super_admin)
    await root.change(heir.id, enabled=False)
    hub = People(Catalog(database, Actor.system()), QUICK)
    with pytest.raises(Conflict, match="last"):
        await hub.delete(ROOT)


async def test_two_administrators_cannot_remove_each_other_at_the_same_moment(
    database: Database,
) -> None:
    heir = await person(database, "heir", admin=True)
    await (await people(database)).roles.give(heir.id, Role.super_admin)
    one, other = await people(database, ROOT), await people(database, heir.id)
    results = await asyncio.gather(one.delete(heir.id), other.delete(ROOT), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Impact"]
    hub = Catalog(database, Actor.system())
    assert len(await hub.all(User)) == 1


async def test_membership_of_system_follows_the_role(database: Database) -> None:
    mira = await person(database)
    root = await people(database)
    await root.roles.give(mira.id, Role.admin)
    assert 0 in (await load_actor(database, mira.id)).groups
    await root.roles.take(mira.id, Role.admin)
    assert 0 not in (await load_actor(database, mira.id)).groups
    with pytest.raises(Conflict):
        await root.groups.put_member(0, mira.id)
    with pytest.raises(Conflict):
        await root.groups.remove_member(0, ROOT)


async def test_super_administrators_are_made_by_their_like(database: Database) -> None:
    admin, mira = await person(database, "admin", admin=True), await person(database)
    there = await people(database, admin.id)
    heir = await person(database, "heir")
    await (await people(database)).roles.give(heir.id, Role.super_admin)
    await there.roles.give(mira.id, Role.admin)
    with pytest.raises(Forbidden):
        await there.roles.give(mira.id, Role.super_admin)
    with pytest.raises(Forbidden):
        await there.roles.take(ROOT, Role.super_admin)
    with pytest.raises(Forbidden):
        await there.roles.define(ROOT, Role.user)
    with pytest.raises(Forbidden):
        await there.delete(ROOT)


async def test_a_guest_only_reads(database: Database) -> None:
    guest = await person(database, "guest", guest=True)
    actor = await load_actor(database, guest.id)
    assert actor.read_only
    await (await people(database)).roles.define(guest.id, Role.user)
    assert not (await load_actor(database, guest.id)).read_only


async def test_one_does_not_delete_oneself(database: Database) -> None:
    admin = await person(database, "admin", admin=True)
    with pytest.raises(Forbidden):
        await (await people(database, admin.id)).delete(admin.id)


async def test_deleting_an_account_ends_its_credentials_and_keeps_its_objects(
    database: Database,
) -> None:
    mira = await person(database)
    mitosis = await project(database, mira)
    await (await people(database, mira.id)).tokens.create("script")
    impact = await (await people(database)).delete(mira.id)
    hub = Catalog(database, Actor.system())
    assert impact.counts == {"user": 1}
    assert await hub.all(Token) == []
    assert await hub.all(Session) == []
    assert (await hub.one(Project, mitosis.id)).owner_id == mira.id
    with pytest.raises(Unauthenticated):
        await load_actor(database, mira.id)


# groups


async def test_the_level_of_a_group_decides_for_its_members(database: Database) -> None:
    root = await people(database)
    lab = await root.groups.create("lab", level=GroupLevel.private)
    owner = await person(database, "owner", groups=[lab.id])
    mate = await person(database, "mate", groups=[lab.id])
    mitosis = await project(database, owner)
    with pytest.raises(NotFound):
        await Catalog(database, await load_actor(database, mate.id)).one(Project, mitosis.id)
    await root.groups.change(lab.id, level=GroupLevel.read_only)
    seen = await Catalog(database, await load_actor(database, mate.id)).one(Project, mitosis.id)
    assert seen.name == "Mitosis"


async def test_the_built_in_groups_keep_name_and_level(database: Database) -> None:
    root = await people(database)
    for id in (0, 1, 3):
        with pytest.raises(Conflict):
            await root.groups.change(id, level=GroupLevel.read_write)
        with pytest.raises(Conflict):
            await root.groups.change(id, name="mine")
        with pytest.raises(Conflict):
            await root.groups.delete(id)
    assert (await root.groups.change(3, description="For all")).description == "For all"


async def test_a_leader_adds_members_to_their_own_group_only(database: Database) -> None:
    root = await people(database)
    leader = await person(database, "leader")
    mira = await person(database)
    lab = await root.groups.create("lab", leaders=[leader.id])
    other = await root.groups.create("other")
    there = await people(database, leader.id)
    joined = await there.groups.put_member(lab.id, mira.id)
    assert not joined.leader
    assert (await there.groups.put_member(lab.id, mira.id, leader=True)).leader
    assert lab.id in (await load_actor(database, mira.id)).groups
    with pytest.raises(Forbidden):
        await there.groups.put_member(other.id, mira.id)
    with pytest.raises(Forbidden):
        await there.groups.change(lab.id, level=GroupLevel.read_write)
    await there.groups.remove_member(lab.id, mira.id)
    assert lab.id not in (await load_actor(database, mira.id)).groups


async def test_a_plain_member_adds_nobody(database: Database) -> None:
    lab = await (await people(database)).groups.create("lab")
    mira = await person(database, groups=[lab.id])
    other = await person(database, "other")
    with pytest.raises(Forbidden):
        await (await people(database, mira.id)).groups.put_member(lab.id, other.id)


async def test_who_left_a_group_no_longer_sees_what_they_own_there(database: Database) -> None:
    root = await people(database)
    lab = await root.groups.create("lab")
    mira = await person(database, groups=[lab.id])
    mitosis = await project(database, mira)
    with pytest.raises(Conflict, match="default"):
        await root.groups.remove_member(lab.id, mira.id)
    await root.groups.put_member(3, mira.id)
    await (await people(database, mira.id)).groups.set_default(mira.id, 3)
    await root.groups.remove_member(lab.id, mira.id)
    with pytest.raises(NotFound):
        await Catalog(database, await load_actor(database, mira.id)).one(Project, mitosis.id)


async def test_a_default_group_must_be_ones_own_and_hold_data(database: Database) -> None:
    root = await people(database)
    lab = await root.groups.create("lab")
    mira = await person(database)
    own = await people(database, mira.id)
    for group_id in (lab.id, 1):
        with pytest.raises(Conflict):
            await own.groups.set_default(mira.id, group_id)
    with pytest.raises(Forbidden):
        await own.groups.set_default(ROOT, 3)


async def test_a_group_goes_only_when_it_is_empty(database: Database) -> None:
    root = await people(database)
    lab = await root.groups.create("lab")
    mira = await person(database, groups=[lab.id])
    await project(database, mira)
    with pytest.raises(Conflict, match="default group"):
        await root.groups.delete(lab.id)
    await root.groups.put_member(3, mira.id)
    await root.groups.set_default(mira.id, 3)
    with pytest.raises(Conflict, match="still holds"):
        await root.groups.delete(lab.id)
    club = await root.groups.create("club", members=[mira.id])
    await root.groups.delete(club.id)
    assert await root.groups.by_name("club") is None
    assert (await root.groups.create("Club")).id != club.id


# grants


async def test_a_grant_opens_one_object_and_ends_when_taken_back(database: Database) -> None:
    owner, friend = await person(database, "owner"), await person(database, "friend")
    mitosis = await project(database, owner)
    grants = (await people(database, owner.id)).grants
    grant = await grants.give("project", mitosis.id, "read", user_id=friend.id)
    actor = await load_actor(database, friend.id)
    assert (await Catalog(database, actor).one(Project, mitosis.id)).name == "Mitosis"
    assert actor.grants == {mitosis.id: "read"}
    again = await grants.give("project", mitosis.id, "annotate", user_id=friend.id)
    assert (again.id, again.level) == (grant.id, "annotate")
    await grants.revoke(grant.id)
    with pytest.raises(NotFound):
        await Catalog(database, await load_actor(database, friend.id)).one(Project, mitosis.id)


async def test_a_grant_to_a_group_reaches_its_members(database: Database) -> None:
    owner = await person(database, "owner")
    lab = await (await people(database)).groups.create("lab")
    mate = await person(database, "mate", groups=[lab.id])
    mitosis = await project(database, owner)
    await (await people(database, owner.id)).grants.give(
        "project", mitosis.id, "write", group_id=lab.id
    )
    assert (await load_actor(database, mate.id)).projects == {mitosis.id: "write"}


async def test_whoever_may_only_read_gives_nothing_on(database: Database) -> None:
    owner, friend = await person(database, "owner"), await person(database, "friend")
    mitosis = await project(database, owner)
    grant = await (await people(database, owner.id)).grants.give(
        "project", mitosis.id, "write", user_id=friend.id
    )
    theirs = (await people(database, friend.id)).grants
    with pytest.raises(Forbidden):
        await theirs.give("project", mitosis.id, "read", user_id=ROOT)
    with pytest.raises(Forbidden):
        await theirs.give("project", mitosis.id, "manage", user_id=friend.id)
    with pytest.raises(Forbidden):
        await theirs.revoke(grant.id)
    stranger = await person(database, "stranger")
    with pytest.raises(NotFound):
        await (await people(database, stranger.id)).grants.revoke(grant.id)


async def test_a_manager_by_grant_gives_on_what_they_manage(database: Database) -> None:
    owner, manager = await person(database, "owner"), await person(database, "manager")
    friend = await person(database, "friend")
    mitosis = await project(database, owner)
    await (await people(database, owner.id)).grants.give(
        "project", mitosis.id, "manage", user_id=manager.id
    )
    await (await people(database, manager.id)).grants.give(
        "project", mitosis.id, "annotate", user_id=friend.id
    )
    assert (await load_actor(database, friend.id)).projects == {mitosis.id: "annotate"}


async def test_a_grant_ends_by_time(database: Database) -> None:
    owner, friend = await person(database, "owner"), await person(database, "friend")
    mitosis = await project(database, owner)
    grants = (await people(database, owner.id)).grants
    with pytest.raises(Invalid):
        await grants.give("project", mitosis.id, "read", user_id=friend.id, expires_at=now_ms() - 1)
    await grants.give(
        "project", mitosis.id, "read", user_id=friend.id, expires_at=now_ms() + 60_000
    )
    assert (await load_actor(database, friend.id)).grants == {mitosis.id: "read"}
    await age(database, Grant, expires_at=now_ms() - 1)
    assert (await load_actor(database, friend.id)).grants == {}


async def age(database: Database, noun: Any, **values: Any) -> None:
    """Move stored moments into the past, as waiting would."""

    async def work(unit: Unit) -> None:
        await unit.execute(update(table(noun)).values(**values))

    await Catalog(database, Actor.system()).write("age", work)


async def test_a_secret_link_opens_for_reading_and_is_not_kept(database: Database) -> None:
    owner = await person(database, "owner")
    mitosis = await project(database, owner)
    made = await (await people(database, owner.id)).grants.give_link(
        "project", mitosis.id, "annotate"
    )
    visitor = await load_link(database, made.grant.link_hash or "")
    assert made.plain.startswith("ihl_")
    assert made.plain not in repr(made)
    assert (await Catalog(database, visitor).one(Project, mitosis.id)).id == mitosis.id
    assert visitor.can(mitosis).name == "READ"
    assert made.plain not in await everything_stored(database)


async def test_links_are_listed_only_to_whoever_makes_them(database: Database) -> None:
    owner, friend = await person(database, "owner"), await person(database, "friend")
    mitosis = await project(database, owner)
    theirs = (await people(database, owner.id)).grants
    grant = await theirs.give("project", mitosis.id, "write", user_id=friend.id)
    made = await theirs.give_link("project", mitosis.id)
    mine = (await people(database, friend.id)).grants
    listed = [
        {one.id for one in (await grants.of("project", [mitosis.id, 987]))[0]}
        for grants in (theirs, mine)
    ]
    assert listed == [{grant.id, made.grant.id}, {grant.id}]


async def test_a_link_does_not_give_more_than_annotating(database: Database) -> None:
    owner = await person(database, "owner")
    mitosis = await project(database, owner)
    with pytest.raises(Invalid):
        await (await people(database, owner.id)).grants.give_link("project", mitosis.id, "manage")


async def test_the_hub_itself_sees_every_row_of_people(database: Database) -> None:
    await person(database)
    hub = Catalog(database, Actor.system())
    names = await hub.rows(select(cols(User).username).order_by(cols(User).id))
    assert [row.username for row in names] == ["root", "mira"]
