"""The official client for Python, unmodified: a working day, each class of refusal, and the live tests that it ships.

Nothing is set but the base address and the token. What is expected comes from the published description of the API and
from recorded answers, not from this server.
"""

import importlib
import json
import pkgutil
import re
import unittest
import uuid
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from urllib.request import urlopen

import asana
import pytest
from asana.rest import ApiException

# A gid that no object has: only an import brings numbers below those that the server gives.
NOBODY = "1206761664935512"

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="session")
def api(server):
    """The client's interfaces by short names, speaking for the organization's first user."""
    return interfaces(configured(server, server.token))


def configured(server, token):
    configuration = asana.Configuration()
    configuration.host = server.api
    configuration.access_token = token
    return configuration


def interfaces(configuration):
    client = asana.ApiClient(configuration)
    return SimpleNamespace(
        client=client,
        users=asana.UsersApi(client),
        workspaces=asana.WorkspacesApi(client),
        projects=asana.ProjectsApi(client),
        sections=asana.SectionsApi(client),
        tasks=asana.TasksApi(client),
        stories=asana.StoriesApi(client),
        fields=asana.CustomFieldsApi(client),
        settings=asana.CustomFieldSettingsApi(client),
        attachments=asana.AttachmentsApi(client),
    )


@pytest.fixture
def project(api, server):
    """A project of the test's own."""
    project = api.projects.create_project(data(name="Autumn catalogue", team=server.team), {})
    yield project
    api.projects.delete_project(project["gid"])


@pytest.fixture
def task(api, project):
    """A task in it."""
    return api.tasks.create_task(data(name="Choose the paper", projects=[project["gid"]]), {})


def data(**members):
    return {"data": members}


def body(**members):
    """As some of the client's calls want it; it then repeats it in the query, which a server must overlook."""
    return {"body": data(**members)}


def names(records):
    return [record["name"] for record in records]


def gids(records):
    return [record["gid"] for record in records]


def unique(name):
    """Names of custom fields are unique in a workspace, and all tests share one."""
    return f"{name} {uuid.uuid4().hex[:8]}"


@contextmanager
def refused(status, message):
    """The call fails with this status and exactly this message, in the shape that every error has."""
    with pytest.raises(ApiException) as caught:
        yield caught
    error = caught.value
    assert error.status == status, error
    assert error.headers["Content-Type"].lower() == "application/json; charset=utf-8"
    answer = json.loads(error.body)
    assert list(answer) == ["errors"] and len(answer["errors"]) == 1, answer
    [told] = answer["errors"]
    assert "help" in told and "phrase" not in told, told
    if isinstance(message, re.Pattern):
        assert message.fullmatch(told["message"]), told["message"]
    else:
        assert told["message"] == message


# People and workspaces


def test_me_is_the_user_of_the_token(api, server):
    me = api.users.get_user("me", {})
    assert set(me) == {"gid", "email", "name", "photo", "resource_type", "workspaces"}
    assert me["gid"] == server.user
    assert (me["name"], me["email"], me["photo"]) == ("Mira Okafor", "mira@halcyon.example", None)
    assert me["workspaces"] == [
        {"gid": server.workspace, "name": "Halcyon Instruments", "resource_type": "workspace"}
    ]


def test_a_user_is_found_by_gid_and_by_email(api, server):
    for name in [server.user, "mira@halcyon.example", "me"]:
        assert api.users.get_user(name, {"opt_fields": "email"}) == {
            "gid": server.user,
            "email": "mira@halcyon.example",
        }


def test_users_are_listed(api, server):
    compact = {"gid": server.user, "name": "Mira Okafor", "resource_type": "user"}
    assert compact in list(api.users.get_users({"workspace": server.workspace}))
    assert compact in list(api.users.get_users_for_workspace(server.workspace, {}))


def test_workspaces_are_listed_and_read(api, server):
    assert list(api.workspaces.get_workspaces({})) == [
        {"gid": server.workspace, "name": "Halcyon Instruments", "resource_type": "workspace"}
    ]
    workspace = api.workspaces.get_workspace(server.workspace, {})
    assert {"gid", "name", "resource_type", "email_domains", "is_organization"} <= set(workspace)
    assert workspace["is_organization"] is True


# Projects


def test_a_fresh_project_reads_as_recorded_ones_do(api, server, project):
    fresh = api.projects.get_project(project["gid"], {})
    expected = {
        "archived": False,
        "color": None,
        "completed": False,
        "completed_at": None,
        "current_status": None,
        "current_status_update": None,
        "custom_field_settings": [],
        "custom_fields": [],
        "default_access_level": "editor",
        "default_view": "list",
        "due_date": None,
        "due_on": None,
        "gid": project["gid"],
        "name": "Autumn catalogue",
        "notes": "",
        "owner": {"gid": server.user, "name": "Mira Okafor", "resource_type": "user"},
        "public": True,
        "resource_type": "project",
        "start_on": None,
        "workspace": {"gid": server.workspace, "name": "Halcyon Instruments", "resource_type": "workspace"},
    }
    assert {name: fresh.get(name, "absent") for name in expected} == expected
    assert fresh["team"]["gid"] == server.team
    assert gids(fresh["members"]) == [server.user]
    assert TIME.fullmatch(fresh["created_at"]) and TIME.fullmatch(fresh["modified_at"])
    assert fresh["permalink_url"].startswith("http")
    # On request only, or of types that are yet to come.
    assert not {"html_notes", "project_brief", "created_from_template"} & set(fresh)


def test_a_project_is_made_in_three_ways(api, server):
    made = [
        api.projects.create_project(data(name="One", workspace=server.workspace, team=server.team), {}),
        api.projects.create_project_for_team(data(name="Two"), server.team, {}),
        api.projects.create_project_for_workspace(data(name="Three", team=server.team), server.workspace, {}),
    ]
    try:
        for listed in [
            api.projects.get_projects({"workspace": server.workspace}),
            api.projects.get_projects({"team": server.team}),
            api.projects.get_projects_for_team(server.team, {}),
            api.projects.get_projects_for_workspace(server.workspace, {}),
        ]:
            assert set(gids(made)) <= set(gids(listed))
    finally:
        for project in made:
            assert api.projects.delete_project(project["gid"]) == {}


def test_a_project_is_changed(api, project):
    changed = api.projects.update_project(
        data(name="Winter catalogue", notes="Earlier than last year", color="light-green", due_on="2027-01-15",
             start_on="2026-12-01", default_view="board", archived=True),
        project["gid"], {},
    )
    assert changed["name"] == "Winter catalogue"
    again = api.projects.get_project(project["gid"], {})
    assert (again["notes"], again["color"], again["default_view"]) == ("Earlier than last year", "light-green", "board")
    assert (again["start_on"], again["due_on"], again["due_date"]) == ("2026-12-01", "2027-01-15", "2027-01-15")
    assert again["archived"] is True


def test_archived_projects_are_told_apart(api, server, project):
    api.projects.update_project(data(archived=True), project["gid"], {})
    with_archived = api.projects.get_projects_for_team(server.team, {"archived": True})
    without = api.projects.get_projects_for_team(server.team, {"archived": False})
    assert project["gid"] in gids(with_archived)
    assert project["gid"] not in gids(without)


def test_members_join_and_leave(api, server):
    # Not the fixture: who has left may not delete it any more.
    project = api.projects.create_project(data(name="Left behind", team=server.team), {})
    joined = api.projects.add_members_for_project(data(members=server.user), project["gid"], {})
    assert gids(joined["members"]) == [server.user]
    left = api.projects.remove_members_for_project(data(members="me"), project["gid"], {"opt_fields": "members"})
    assert left == {"gid": project["gid"], "members": []}


def test_task_counts_come_when_asked_for(api, project):
    for name, completed in [("a", True), ("b", False), ("c", False)]:
        api.tasks.create_task(data(name=name, projects=[project["gid"]], completed=completed), {})
    assert api.projects.get_task_counts_for_project(project["gid"], {}) == {}
    wanted = {"opt_fields": "num_tasks,num_incomplete_tasks,num_completed_tasks,num_milestones"}
    assert api.projects.get_task_counts_for_project(project["gid"], wanted) == {
        "num_tasks": 3, "num_incomplete_tasks": 2, "num_completed_tasks": 1, "num_milestones": 0,
    }


# Sections


def test_sections_are_made_moved_and_listed(api, project):
    doing = api.sections.create_section_for_project(project["gid"], body(name="Doing"))
    done = api.sections.create_section_for_project(project["gid"], body(name="Done", insert_after=doing["gid"]))
    api.sections.create_section_for_project(project["gid"], body(name="To do", insert_before=doing["gid"]))
    review = api.sections.create_section_for_project(project["gid"], body(name="Review"))

    def ours():
        return [name for name in names(api.sections.get_sections_for_project(project["gid"], {})) if name in order]

    order = ["To do", "Doing", "Done", "Review"]
    assert ours() == order
    moved = api.sections.insert_section_for_project(
        project["gid"], body(section=review["gid"], before_section=done["gid"])
    )
    assert moved == {}
    assert ours() == ["To do", "Doing", "Review", "Done"]
    api.sections.insert_section_for_project(project["gid"], body(section=review["gid"], after_section=done["gid"]))
    assert ours() == order


def test_a_section_is_read_renamed_and_deleted(api, project):
    made = api.sections.create_section_for_project(project["gid"], body(name="Soon"))
    section = api.sections.get_section(made["gid"], {})
    assert (section["gid"], section["name"], section["resource_type"]) == (made["gid"], "Soon", "section")
    assert section["project"] == {"gid": project["gid"], "name": "Autumn catalogue", "resource_type": "project"}
    renamed = api.sections.update_section(made["gid"], {**body(name="Later"), "opt_fields": "name"})
    assert renamed == {"gid": made["gid"], "name": "Later"}
    assert api.sections.delete_section(made["gid"]) == {}
    assert made["gid"] not in gids(api.sections.get_sections_for_project(project["gid"], {}))


def test_a_section_with_tasks_stays(api, project, task):
    section = api.sections.create_section_for_project(project["gid"], body(name="Full"))
    api.sections.add_task_for_section(section["gid"], body(task=task["gid"]))
    with refused(400, re.compile(r".+")):
        api.sections.delete_section(section["gid"])
    assert gids(api.tasks.get_tasks_for_section(section["gid"], {})) == [task["gid"]]


# Tasks


def test_a_fresh_task_reads_as_recorded_ones_do(api, server):
    made = api.tasks.create_task(data(name="Call the printer", workspace=server.workspace, assignee="me"), {})
    task = api.tasks.get_task(made["gid"], {})
    me = {"gid": server.user, "name": "Mira Okafor", "resource_type": "user"}
    expected = {
        "actual_time_minutes": None,
        "assignee": me,
        "completed": False,
        "completed_at": None,
        "custom_fields": [],
        "due_at": None,
        "due_on": None,
        "followers": [me],
        "gid": made["gid"],
        "hearted": False,
        "hearts": [],
        "liked": False,
        "likes": [],
        "memberships": [],
        "name": "Call the printer",
        "notes": "",
        "num_hearts": 0,
        "num_likes": 0,
        "parent": None,
        "projects": [],
        "resource_subtype": "default_task",
        "resource_type": "task",
        "start_at": None,
        "start_on": None,
        "tags": [],
        "workspace": {"gid": server.workspace, "name": "Halcyon Instruments", "resource_type": "workspace"},
    }
    assert {name: task.get(name, "absent") for name in expected} == expected
    assert task["assignee_status"] in {"inbox", "upcoming"}
    assert TIME.fullmatch(task["created_at"]) and TIME.fullmatch(task["modified_at"])
    assert task["permalink_url"].startswith("http")
    unasked = {"assigned_by", "created_by", "dependencies", "dependents", "external", "html_notes", "num_subtasks"}
    assert not (unasked | {"is_rendered_as_separator", "approval_status", "completed_by"}) & set(task)
    assert list(task)[0] == "gid"
    api.tasks.delete_task(made["gid"])


def test_a_task_is_made_with_everything(api, server, project):
    section = api.sections.create_section_for_project(project["gid"], body(name="Print"))
    parent = api.tasks.create_task(data(name="Whole", projects=[project["gid"]]), {})
    made = api.tasks.create_task(
        data(
            assignee="mira@halcyon.example",
            completed=False,
            due_on="2026-12-24",
            followers=["me"],
            html_notes="<body>Matt <strong>and</strong> glossy</body>",
            liked=True,
            memberships=[{"project": project["gid"], "section": section["gid"]}],
            name="Order paper – 80 g/m² „weiß“ 🌿",
            resource_subtype="milestone",
        ),
        {},
    )
    wanted = "name,notes,html_notes,due_on,due_at,resource_subtype,liked,num_likes,likes.user,assignee.email,"
    wanted += "memberships.(project|section).name,projects.name,followers.name"
    user = {"gid": server.user}
    task = api.tasks.get_task(made["gid"], {"opt_fields": wanted})
    [like] = task.pop("likes")
    assert like["user"]["gid"] == server.user
    assert task == {
        "gid": made["gid"],
        "name": "Order paper – 80 g/m² „weiß“ 🌿",
        "notes": "Matt and glossy",
        "html_notes": "<body>Matt <strong>and</strong> glossy</body>",
        "due_on": "2026-12-24",
        "due_at": None,
        "resource_subtype": "milestone",
        "liked": True,
        "num_likes": 1,
        "assignee": {**user, "email": "mira@halcyon.example"},
        "memberships": [
            {
                "project": {"gid": project["gid"], "name": "Autumn catalogue"},
                "section": {"gid": section["gid"], "name": "Print"},
            }
        ],
        "projects": [{"gid": project["gid"], "name": "Autumn catalogue"}],
        "followers": [{**user, "name": "Mira Okafor"}],
    }

    timed = api.tasks.create_task(
        data(name="Proof", parent=parent["gid"], start_at="2026-12-01T08:00:00.000Z", due_at="2026-12-02T17:30:00.000Z"),
        {"opt_fields": "start_at,due_at,parent.name"},
    )
    assert timed == {
        "gid": timed["gid"],
        "start_at": "2026-12-01T08:00:00.000Z",
        "due_at": "2026-12-02T17:30:00.000Z",
        "parent": {"gid": parent["gid"], "name": "Whole"},
    }
    approval = api.tasks.create_task(
        data(name="Sign off", projects=[project["gid"]], resource_subtype="approval", approval_status="approved"),
        {"opt_fields": "approval_status,completed"},
    )
    assert (approval["approval_status"], approval["completed"]) == ("approved", True)


def test_a_task_is_changed_and_completed(api, project, task):
    before = api.tasks.get_task(task["gid"], {})
    changed = api.tasks.update_task(
        data(name="Choose paper and ink", notes="Two suppliers", due_on="2026-12-01", start_on="2026-11-25"),
        task["gid"], {},
    )
    assert (changed["name"], changed["notes"]) == ("Choose paper and ink", "Two suppliers")
    assert (changed["start_on"], changed["due_on"]) == ("2026-11-25", "2026-12-01")
    done = api.tasks.update_task(data(completed=True), task["gid"], {"opt_fields": "completed,completed_at,completed_by.name"})
    assert done["completed"] is True and TIME.fullmatch(done["completed_at"])
    assert done["completed_by"]["name"] == "Mira Okafor"
    moment = datetime.fromisoformat
    after = api.tasks.get_task(task["gid"], {})
    assert moment(after["modified_at"].replace("Z", "+00:00")) >= moment(before["modified_at"].replace("Z", "+00:00"))
    open_again = api.tasks.update_task(data(completed=False, due_on=None, start_on=None), task["gid"], {})
    assert (open_again["completed"], open_again["completed_at"], open_again["due_on"]) == (False, None, None)


def test_lists_come_in_pages_of_any_size(api, project):
    made = [
        api.tasks.create_task(data(name=f"Page {n}", projects=[project["gid"]]), {})["gid"] for n in range(7)
    ]
    whole = gids(api.tasks.get_tasks_for_project(project["gid"], {}))
    assert sorted(whole) == sorted(made)
    for limit in [1, 2, 3, 7, 100]:
        # The client follows next_page until it is null.
        assert gids(api.tasks.get_tasks_for_project(project["gid"], {"limit": limit})) == whole
    assert gids(api.tasks.get_tasks({"project": project["gid"], "limit": 3})) == whole
    assert gids(api.tasks.get_tasks_for_project(project["gid"], {"limit": 2}, item_limit=5)) == whole[:5]


def test_a_page_carries_the_way_to_the_next(api, server, project):
    for n in range(3):
        api.tasks.create_task(data(name=f"Page {n}", projects=[project["gid"]]), {})
    first = api.tasks.get_tasks_for_project(project["gid"], {"limit": 2, "opt_fields": "name"}, full_payload=True)
    assert set(first) == {"data", "next_page"} and len(first["data"]) == 2
    following = first["next_page"]
    assert set(following) == {"offset", "path", "uri"}
    assert following["path"].startswith(f"/projects/{project['gid']}/tasks?limit=2&opt_fields=name&offset=")
    assert following["uri"] == server.api + following["path"]
    last = api.tasks.get_tasks_for_project(
        project["gid"], {"limit": 2, "opt_fields": "name", "offset": following["offset"]}, full_payload=True
    )
    assert len(last["data"]) == 1 and last["next_page"] is None
    unpaged = api.tasks.get_tasks_for_project(project["gid"], {}, full_payload=True)
    assert set(unpaged) == {"data"} and len(unpaged["data"]) == 3


def test_tasks_are_listed_by_assignee(api, server, task):
    api.tasks.update_task(data(assignee="me"), task["gid"], {})
    mine = {"assignee": "me", "workspace": server.workspace}
    [listed] = [each for each in api.tasks.get_tasks(dict(mine)) if each["gid"] == task["gid"]]
    assert listed == {
        "gid": task["gid"], "name": "Choose the paper", "resource_type": "task", "resource_subtype": "default_task",
    }
    api.tasks.update_task(data(completed=True), task["gid"], {})
    assert task["gid"] not in gids(api.tasks.get_tasks({**mine, "completed_since": "now"}))
    assert task["gid"] in gids(api.tasks.get_tasks({**mine, "modified_since": "2026-01-01T00:00:00.000Z"}))
    assert task["gid"] not in gids(api.tasks.get_tasks({**mine, "modified_since": "2099-01-01T00:00:00.000Z"}))


def test_a_task_moves_between_sections_and_projects(api, server, project):
    section = api.sections.create_section_for_project(project["gid"], body(name="Moved"))
    one, two, three = [
        api.tasks.create_task(data(name=name, projects=[project["gid"]]), {})["gid"] for name in ["one", "two", "three"]
    ]

    def inside():
        return gids(api.tasks.get_tasks_for_section(section["gid"], {}))

    # Each at the top, unless it is said where.
    assert api.sections.add_task_for_section(section["gid"], body(task=one)) == {}
    api.sections.add_task_for_section(section["gid"], body(task=two))
    assert inside() == [two, one]
    api.sections.add_task_for_section(section["gid"], body(task=three, insert_after=two))
    assert inside() == [two, three, one]
    assert api.tasks.add_project_for_task(data(project=project["gid"], insert_before=two), one) == {}
    assert inside() == [one, two, three]
    api.tasks.add_project_for_task(data(project=project["gid"], section=section["gid"]), two)
    assert inside() == [one, three, two]
    api.tasks.add_project_for_task(data(project=project["gid"], section=section["gid"], insert_after=None), two)
    assert inside() == [two, one, three]

    other = api.projects.create_project(data(name="Second home", team=server.team), {})
    api.tasks.add_project_for_task(data(project=other["gid"]), one)
    homes = api.tasks.get_task(one, {"opt_fields": "projects.name"})["projects"]
    assert set(names(homes)) == {"Autumn catalogue", "Second home"}
    assert api.tasks.remove_project_for_task(data(project=project["gid"]), one) == {}
    assert inside() == [two, three]
    assert gids(api.tasks.get_tasks_for_project(other["gid"], {})) == [one]
    api.projects.delete_project(other["gid"])


def test_subtasks_have_an_order_and_a_parent(api, task):
    first = api.tasks.create_subtask_for_task(data(name="first"), task["gid"], {})
    second = api.tasks.create_subtask_for_task(data(name="second"), task["gid"], {})
    assert first["parent"]["gid"] == task["gid"]
    assert sorted(names(api.tasks.get_subtasks_for_task(task["gid"], {}))) == ["first", "second"]
    assert api.tasks.get_task(task["gid"], {"opt_fields": "num_subtasks"})["num_subtasks"] == 2

    moved = api.tasks.set_parent_for_task(data(parent=task["gid"], insert_before=first["gid"]), second["gid"], {})
    assert moved["parent"]["gid"] == task["gid"]
    assert names(api.tasks.get_subtasks_for_task(task["gid"], {})) == ["second", "first"]
    api.tasks.set_parent_for_task(data(parent=task["gid"], insert_after=first["gid"]), second["gid"], {})
    assert names(api.tasks.get_subtasks_for_task(task["gid"], {})) == ["first", "second"]

    free = api.tasks.set_parent_for_task(data(parent=None), second["gid"], {})
    assert free["parent"] is None
    assert names(api.tasks.get_subtasks_for_task(task["gid"], {})) == ["first"]
    with refused(400, re.compile(r".+")):
        api.tasks.set_parent_for_task(data(parent=first["gid"]), task["gid"], {})


def test_followers_come_and_go(api, server, task):
    with_me = api.tasks.add_followers_for_task(data(followers=["me"]), task["gid"], {})
    assert gids(with_me["followers"]) == [server.user]
    without = api.tasks.remove_follower_for_task(data(followers=[server.user]), task["gid"], {})
    assert without["followers"] == []


def test_dependencies_are_linked_both_ways(api, project, task):
    before = api.tasks.create_task(data(name="before", projects=[project["gid"]]), {})
    after = api.tasks.create_task(data(name="after", projects=[project["gid"]]), {})
    assert api.tasks.add_dependencies_for_task(data(dependencies=[before["gid"]]), task["gid"]) == {}
    assert api.tasks.add_dependents_for_task(data(dependents=[after["gid"]]), task["gid"]) == {}
    assert gids(api.tasks.get_dependencies_for_task(task["gid"], {})) == [before["gid"]]
    assert gids(api.tasks.get_dependents_for_task(task["gid"], {})) == [after["gid"]]
    assert gids(api.tasks.get_dependencies_for_task(after["gid"], {})) == [task["gid"]]
    read = api.tasks.get_task(task["gid"], {"opt_fields": "dependencies,dependents"})
    assert gids(read["dependencies"]) == [before["gid"]] and gids(read["dependents"]) == [after["gid"]]
    with refused(400, re.compile(r".+")):
        api.tasks.add_dependencies_for_task(data(dependencies=[after["gid"]]), before["gid"])
    assert api.tasks.remove_dependencies_for_task(data(dependencies=[before["gid"]]), task["gid"]) == {}
    assert api.tasks.remove_dependents_for_task(data(dependents=[after["gid"]]), task["gid"]) == {}
    assert list(api.tasks.get_dependencies_for_task(task["gid"], {})) == []
    assert list(api.tasks.get_dependents_for_task(task["gid"], {})) == []


def test_a_deleted_task_is_gone(api, project, task):
    assert api.tasks.delete_task(task["gid"]) == {}
    assert list(api.tasks.get_tasks_for_project(project["gid"], {})) == []
    with refused(404, re.compile(rf"task: (Not a recognized ID|Unknown object): {task['gid']}")):
        api.tasks.get_task(task["gid"], {})


# Choosing fields


def test_only_what_is_asked_for_comes(api, server, project, task):
    def read(opt_fields):
        return api.tasks.get_task(task["gid"], {"opt_fields": opt_fields})

    gid = {"gid": task["gid"]}
    assert read("name") == {**gid, "name": "Choose the paper"}
    assert read("this.name, completed") == {**gid, "name": "Choose the paper", "completed": False}
    assert read("projects.name") == {**gid, "projects": [{"gid": project["gid"], "name": "Autumn catalogue"}]}
    assert read("workspace,workspace.name") == {
        **gid, "workspace": {"gid": server.workspace, "name": "Halcyon Instruments"},
    }
    # A bare object brings its compact record.
    assert read("workspace") == {
        **gid, "workspace": {"gid": server.workspace, "name": "Halcyon Instruments", "resource_type": "workspace"},
    }
    # What it does not know, it overlooks.
    assert read("nmae,,offset,path,uri, ,name.deeper.still") in [gid, {**gid, "name": "Choose the paper"}]


# Comments


def test_comments_are_written_read_changed_and_deleted(api, server, task):
    comment = api.stories.create_story_for_task(data(text="Matt, please"), task["gid"], {})
    assert (comment["text"], comment["type"], comment["resource_subtype"]) == ("Matt, please", "comment", "comment_added")
    assert comment["created_by"] == {"gid": server.user, "name": "Mira Okafor", "resource_type": "user"}

    rich = api.stories.create_story_for_task(
        data(html_text="<body>And <em>recycled</em></body>"), task["gid"], {"opt_fields": "text,html_text"}
    )
    assert (rich["text"], rich["html_text"]) == ("And recycled", "<body>And <em>recycled</em></body>")

    listed = list(api.stories.get_stories_for_task(task["gid"], {"opt_fields": "text,type,resource_subtype"}))
    assert [story["text"] for story in listed if story["type"] == "comment"] == ["Matt, please", "And recycled"]
    assert gids(api.stories.get_stories_for_task(task["gid"], {"limit": 1})) == gids(listed)

    changed = api.stories.update_story(data(text="Matt, thank you", is_pinned=True), comment["gid"], {})
    assert (changed["text"], changed["is_pinned"]) == ("Matt, thank you", True)
    again = api.stories.get_story(comment["gid"], {})
    assert (again["text"], again["is_edited"]) == ("Matt, thank you", True)
    assert again["target"]["gid"] == task["gid"]

    assert api.stories.delete_story(comment["gid"]) == {}
    assert comment["gid"] not in gids(api.stories.get_stories_for_task(task["gid"], {}))


def test_what_happened_is_told(api, task):
    api.tasks.update_task(data(completed=True), task["gid"], {})
    stories = list(api.stories.get_stories_for_task(task["gid"], {"opt_fields": "type,resource_subtype,text"}))
    told = {story["resource_subtype"]: story for story in stories}
    assert {"added_to_project", "marked_complete"} <= set(told)
    assert told["added_to_project"]["type"] == "system"
    assert told["marked_complete"]["text"] == "Mira Okafor marked this task complete"


# Custom fields


@pytest.fixture
def new_field(api, server):
    """Makes custom fields, and deletes them after the test."""
    made = []

    def make(**members):
        members = {"workspace": server.workspace, "name": unique("Field"), **members}
        made.append(api.fields.create_custom_field(data(**members), {}))
        return made[-1]

    yield make
    for field in made:
        assert api.fields.delete_custom_field(field["gid"]) == {}


def value_members(field):
    """The members of a custom field that carry a value, `display_value` apart."""
    return {name for name in field if re.fullmatch(r".*_values?", name)} - {"display_value"}


KINDS = [
    # resource_subtype, what its definition needs, the member that carries its value, a value, how it is shown
    ("text", {}, "text_value", "matt", "matt"),
    ("number", {"precision": 2}, "number_value", 12.5, None),
    ("date", {}, "date_value", {"date": "2026-12-24"}, None),
    ("people", {}, "people_value", [], "Mira Okafor"),
    ("enum", {"enum_options": [{"name": "low"}, {"name": "high", "color": "red"}]}, "enum_value", 1, "high"),
    ("multi_enum", {"enum_options": [{"name": "web"}, {"name": "print"}]}, "multi_enum_values", [0, 1], "web, print"),
]


@pytest.mark.parametrize("subtype, definition, member, value, shown", KINDS, ids=[kind[0] for kind in KINDS])
def test_a_custom_field_of_each_kind_holds_a_value(
    api, server, project, task, new_field, subtype, definition, member, value, shown
):
    field = new_field(resource_subtype=subtype, **definition)
    assert (field["resource_subtype"], field["type"], field["resource_type"]) == (subtype, subtype, "custom_field")
    options = field.get("enum_options", [])
    assert names(options) == [option["name"] for option in definition.get("enum_options", [])]

    setting = api.projects.add_custom_field_setting_for_project(
        data(custom_field=field["gid"], is_important=True), project["gid"], {}
    )
    assert (setting["custom_field"]["gid"], setting["is_important"]) == (field["gid"], True)
    assert gids(api.settings.get_custom_field_settings_for_project(project["gid"], {})) == [setting["gid"]]

    # Options and people are written by gid.
    written, expected = value, value
    if subtype == "enum":
        written = options[value]["gid"]
    elif subtype == "multi_enum":
        written = [options[index]["gid"] for index in value]
    elif subtype == "people":
        written = [server.user]
    elif subtype == "date":
        expected = {"date": "2026-12-24", "date_time": None}
    api.tasks.update_task(data(custom_fields={field["gid"]: written}), task["gid"], {})

    [read] = api.tasks.get_task(task["gid"], {})["custom_fields"]
    assert (read["gid"], read["name"], read["resource_subtype"]) == (field["gid"], field["name"], subtype)
    assert value_members(read) == {member}, "only the member of its own kind"
    if subtype == "enum":
        assert read[member]["gid"] == written
    elif subtype in {"multi_enum", "people"}:
        assert gids(read[member]) == written
    else:
        assert read[member] == expected
    assert isinstance(read["display_value"], str)
    if shown is not None:
        assert read["display_value"] == shown

    empty = [] if isinstance(written, list) else None
    api.tasks.update_task(data(custom_fields={field["gid"]: empty}), task["gid"], {})
    [cleared] = api.tasks.get_task(task["gid"], {})["custom_fields"]
    assert not cleared[member] and not cleared["display_value"]

    assert api.projects.remove_custom_field_setting_for_project(data(custom_field=field["gid"]), project["gid"]) == {}
    assert api.tasks.get_task(task["gid"], {})["custom_fields"] == []


def test_a_task_is_found_by_its_custom_id(api, server, project, new_field):
    prefix = "P" + uuid.uuid4().hex[:8].upper()
    field = new_field(resource_subtype="text", id_prefix=prefix)
    assert (field["representation_type"], field["id_prefix"]) == ("custom_id", prefix)
    api.projects.add_custom_field_setting_for_project(data(custom_field=field["gid"]), project["gid"], {})
    made = [api.tasks.create_task(data(name=name, projects=[project["gid"]]), {}) for name in ["One", "Two"]]
    assert [task["custom_fields"][0]["display_value"] for task in made] == [f"{prefix}-1", f"{prefix}-2"]
    assert api.tasks.get_task_for_custom_id(server.workspace, f"{prefix}-2")["gid"] == made[1]["gid"]
    with refused(404, f"task: Not a recognized ID: {prefix}-3"):
        api.tasks.get_task_for_custom_id(server.workspace, f"{prefix}-3")


def test_a_task_is_made_with_custom_field_values(api, project, new_field):
    field = new_field(resource_subtype="text")
    api.projects.add_custom_field_setting_for_project(data(custom_field=field["gid"]), project["gid"], {})
    made = api.tasks.create_task(
        data(name="With a value", projects=[project["gid"]], custom_fields={field["gid"]: "at once"}),
        {"opt_fields": "custom_fields.text_value"},
    )
    assert made["custom_fields"] == [{"gid": field["gid"], "text_value": "at once"}]


def test_custom_fields_are_listed_read_and_changed(api, server, new_field):
    field = new_field(resource_subtype="number", precision=1)
    assert field["gid"] in gids(api.fields.get_custom_fields_for_workspace(server.workspace, {"limit": 5}))
    name = unique("Cost")
    changed = api.fields.update_custom_field(field["gid"], body(name=name, precision=3, description="per piece"))
    assert (changed["name"], changed["precision"]) == (name, 3)
    again = api.fields.get_custom_field(field["gid"], {"opt_fields": "name,precision,description"})
    assert again == {"gid": field["gid"], "name": name, "precision": 3, "description": "per piece"}


def test_enum_options_are_added_moved_and_changed(api, new_field):
    field = new_field(resource_subtype="enum", enum_options=[{"name": "low"}, {"name": "high"}])
    low, high = gids(field["enum_options"])
    middle = api.fields.create_enum_option_for_custom_field(
        field["gid"], body(name="middle", color="yellow", insert_before=high)
    )
    assert (middle["name"], middle["color"], middle["enabled"]) == ("middle", "yellow", True)
    assert middle["resource_type"] == "enum_option"

    def options():
        return gids(api.fields.get_custom_field(field["gid"], {})["enum_options"])

    assert options() == [low, middle["gid"], high]
    moved = api.fields.insert_enum_option_for_custom_field(
        field["gid"], body(enum_option=middle["gid"], after_enum_option=high)
    )
    assert moved["gid"] == middle["gid"]
    assert options() == [low, high, middle["gid"]]
    changed = api.fields.update_enum_option(middle["gid"], body(name="highest", enabled=False))
    assert (changed["name"], changed["enabled"]) == ("highest", False)


# Attachments


@pytest.mark.parametrize("name", ["offer.txt", "Angebot für März – groß.txt"], ids=["ascii", "unicode"])
def test_a_file_is_attached(api, task, tmp_path, name):
    (tmp_path / name).write_bytes(b"80 g/m2\n")
    made = api.attachments.create_attachment_for_object({"parent": task["gid"], "file": str(tmp_path / name)})
    assert (made["name"], made["resource_type"]) == (name, "attachment")
    assert gids(api.attachments.get_attachments_for_object(task["gid"], {})) == [made["gid"]]
    read = api.attachments.get_attachment(made["gid"], {})
    assert (read["size"], read["parent"]["gid"], read["resource_subtype"]) == (8, task["gid"], "asana")
    with urlopen(read["download_url"], timeout=30) as answer:
        assert answer.read() == b"80 g/m2\n"
    assert api.attachments.delete_attachment(made["gid"]) == {}
    with refused(404, re.compile(f"attachment: .+: {made['gid']}")):
        api.attachments.get_attachment(made["gid"], {})


def test_a_link_is_attached(api, task):
    made = api.attachments.create_attachment_for_object(
        {"parent": task["gid"], "resource_subtype": "external", "name": "Offer", "url": "https://paper.example/offer"}
    )
    assert (made["name"], made["resource_subtype"]) == ("Offer", "external")


# Refusals


def test_it_tries_again_what_changes_nothing(unreliable):
    api = interfaces(configured(unreliable, unreliable.token))
    unreliable.fail(kind="status", status=429, retry_after=0, path="/users", times=2)
    unreliable.fail(kind="disconnect", path="/users", nth=3)
    assert api.users.get_user("me", {})["resource_type"] == "user"
    [workspace, *_] = api.workspaces.get_workspaces({})
    unreliable.fail(kind="status", status=429, retry_after=0, method="POST")
    with refused(429, re.compile(r".+")) as caught:
        api.tasks.create_task(data(name="x", workspace=workspace["gid"]), {})
    assert caught.value.headers["Retry-After"] == "0"


def test_a_wrong_token_is_401(server):
    stranger = interfaces(configured(server, "not-a-token"))
    with refused(401, "Not Authorized"):
        stranger.users.get_user("me", {})
    with refused(401, "Not Authorized"):
        stranger.tasks.create_task(data(name="x", workspace=server.workspace), {})


def test_a_story_of_the_server_is_nobodys_to_change(api, task):
    stories = list(api.stories.get_stories_for_task(task["gid"], {"opt_fields": "type"}))
    told = next(story["gid"] for story in stories if story["type"] == "system")
    with refused(403, re.compile(r".+")):
        api.stories.update_story(data(text="It was not like that"), told, {})
    with refused(403, re.compile(r".+")):
        api.stories.delete_story(told)


def test_what_is_not_there_is_404(api, task):
    with refused(404, f"task: Not a recognized ID: {NOBODY}"):
        api.tasks.get_task(NOBODY, {})
    with refused(404, f"project: Not a recognized ID: {NOBODY}"):
        api.projects.get_project(NOBODY, {})
    with refused(404, "task: Not a recognized ID: 0"):
        api.tasks.get_task("000000000000000", {})
    with refused(404, f"project: Not a recognized ID: {task['gid']}"):
        api.projects.get_project(task["gid"], {})
    with refused(404, f"section: Not a recognized ID: {NOBODY}"):
        list(api.tasks.get_tasks_for_section(NOBODY, {}))
    with refused(404, f"custom_field: Not a recognized ID: {NOBODY}"):
        api.fields.delete_custom_field(NOBODY)


def test_an_unknown_route_or_method_is_404_even_for_strangers(api, server):
    stranger = interfaces(configured(server, "not-a-token"))
    for client in [api.client, stranger.client]:
        for method, path in [("GET", "/nothing/here"), ("PATCH", "/users/me"), ("DELETE", "/workspaces")]:
            with refused(404, "No matching route for request"):
                client.call_api(path, method, {}, {}, {}, auth_settings=["personalAccessToken"], response_type=object)


def test_a_list_needs_to_know_of_what(api, server):
    with refused(400, "workspace: Missing input"):
        list(api.tasks.get_tasks({}))
    exactly_one = "Must specify exactly one of project, tag, section, user task list, or assignee + workspace"
    with refused(400, exactly_one):
        list(api.tasks.get_tasks({"workspace": server.workspace}))
    with refused(400, "project: Not a Long: abc"):
        list(api.tasks.get_tasks({"project": "abc"}))


def test_a_page_must_be_one_that_exists(api, project):
    with refused(400, "offset: Your pagination token is invalid."):
        list(api.tasks.get_tasks_for_project(project["gid"], {"limit": 1, "offset": "made-up"}))
    for limit in ["0", "101", "-1", "many"]:
        with refused(400, re.compile(r"limit: .+")):
            list(api.client.call_api(
                f"/projects/{project['gid']}/tasks", "GET", {}, {"limit": limit}, {},
                auth_settings=["personalAccessToken"], response_type=object,
            ))


def test_a_body_has_to_be_right(api, server, project, task):
    def create(**members):
        return api.tasks.create_task(data(**members), {})

    def update(**members):
        return api.tasks.update_task(data(**members), task["gid"], {})

    with refused(400, "You should specify one of workspace, parent, projects"):
        create(name="Nowhere")
    with refused(400, "You should specify one of workspace, team"):
        api.projects.create_project(data(name="Nowhere"), {})
    with refused(400, "memberships: [0]: project: Missing required field"):
        create(name="Half", workspace=server.workspace, memberships=[{"section": NOBODY}])
    with refused(400, "workspace: Not a valid GID type: number"):
        create(name="Number", workspace=int(server.workspace))
    with refused(400, re.compile(rf"projects: \[0\]: (Not a recognized ID|Unknown object): {NOBODY}")):
        create(name="Lost", projects=[NOBODY])
    with refused(400, "assignee: Not a user in Organization: nobody@halcyon.example"):
        create(name="Whose", workspace=server.workspace, assignee="nobody@halcyon.example")
    with refused(400, "You may only provide one of due_on or due_at!"):
        create(name="Twice", workspace=server.workspace, due_on="2026-12-01", due_at="2026-12-01T10:00:00.000Z")
    with refused(400, "Rich text should be wrapped in <body> tag."):
        update(html_notes="bare")
    with refused(400, re.compile(r"XML is invalid.*")):
        update(html_notes="<body><p>no such tag</p></body>")
    with refused(400, "projects: Cannot write this property"):
        update(projects=[project["gid"]])
    with refused(400, "followers: Cannot write this property"):
        update(followers=["me"])
    with refused(400, "custom_fields: Value is not a JSON object: 7"):
        update(custom_fields=7)
    with refused(400, f"Custom field with ID {NOBODY} is not on given object"):
        update(custom_fields={NOBODY: "x"})
    unwrapped = "Unrecognized request field `name`. The only allowed keys at the top level are: data, options. "
    unwrapped += "Is it possible you did not wrap object properties in a `data` object?"
    with refused(400, unwrapped):
        api.tasks.update_task({"name": "unwrapped"}, task["gid"], {})
    # Nothing of all this was done.
    assert api.tasks.get_task(task["gid"], {"opt_fields": "name,notes,projects"})["name"] == "Choose the paper"


def test_a_custom_field_is_named_once(api, server, new_field):
    field = new_field(resource_subtype="text")
    with pytest.raises(ApiException) as caught:
        api.fields.create_custom_field(
            data(workspace=server.workspace, resource_subtype="text", name=field["name"]), {}
        )
    assert caught.value.status == 400
    assert json.loads(caught.value.body)["errors"][0]["error"] == "custom_field_duplicate_name"


# The live tests that the package ships


SHIPPED = [
    "build_tests.test_projects_api.TestProjectsApi.test_create_project",
    "build_tests.test_projects_api.TestProjectsApi.test_delete_project",
    "build_tests.test_projects_api.TestProjectsApi.test_get_project",
    "build_tests.test_projects_api.TestProjectsApi.test_get_project_with_opt_fields",
    "build_tests.test_projects_api.TestProjectsApi.test_get_projects",
    "build_tests.test_projects_api.TestProjectsApi.test_get_projects_with_opt_fields",
    "build_tests.test_projects_api.TestProjectsApi.test_update_project",
    "build_tests.test_tasks_api.TestTasksApi.test_create_task",
    "build_tests.test_tasks_api.TestTasksApi.test_delete_task",
    "build_tests.test_tasks_api.TestTasksApi.test_get_task",
    "build_tests.test_tasks_api.TestTasksApi.test_get_task_with_opt_fields",
    "build_tests.test_tasks_api.TestTasksApi.test_get_tasks",
    "build_tests.test_tasks_api.TestTasksApi.test_get_tasks_with_opt_fields",
    "build_tests.test_tasks_api.TestTasksApi.test_update_task",
]

# These call GET /workspaces/{workspace_gid}/tasks/search, which is not served yet.
SEARCHING = [
    "build_tests.test_tasks_api.TestTasksApi.test_search_tasks_for_workspace",
    "build_tests.test_tasks_api.TestTasksApi.test_search_tasks_for_workspace_with_custom_field_parameter",
]


def flat(suite):
    for each in suite:
        yield from flat(each) if isinstance(each, unittest.TestSuite) else [each]


def test_every_shipped_live_test_is_accounted_for():
    package = importlib.import_module("build_tests")
    modules = [module.name for module in pkgutil.iter_modules(package.__path__, "build_tests.")]
    shipped = {test.id() for test in flat(unittest.defaultTestLoader.loadTestsFromNames(modules))}
    assert shipped == {*SHIPPED, *SEARCHING}


@pytest.fixture
def shipped_settings(server, new_field, monkeypatch):
    """What the shipped tests read: the environment, and the client's default address."""
    settings = {
        "PERSONAL_ACCESS_TOKEN": server.token,
        "WORKSPACE_GID": server.workspace,
        "TEAM_GID": server.team,
        "USER_GID": server.user,
        "TEXT_CUSTOM_FIELD_GID": new_field(resource_subtype="text")["gid"],
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # Their own way to a client is asana.Configuration(), a copy of the default.
    asana.Configuration.set_default(configured(server, ""))
    yield
    asana.Configuration.set_default(None)


@pytest.mark.parametrize("name", SHIPPED, ids=[name.rsplit(".", 1)[1] for name in SHIPPED])
def test_a_shipped_live_test_passes(shipped_settings, name):
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    assert result.wasSuccessful(), "\n".join(text for _, text in result.failures + result.errors)
    assert result.testsRun == 1 and not result.skipped
