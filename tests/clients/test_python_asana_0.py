"""The official client for Python in its older generation, unmodified: a working day and each class of refusal.

It runs in an environment of its own, because both generations are called `asana`.
"""

import io

import asana
import pytest
from asana.error import ForbiddenError, InvalidRequestError, NoAuthorizationError, NotFoundError, RateLimitEnforcedError
from asana.error import ServerError

# A gid that no object has.
NOBODY = "1206761664935512"


@pytest.fixture(autouse=True, scope="session")
def plain_http():
    """Its OAuth library insists on https otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        yield


def connected(server, client):
    client.options["base_url"] = server.api
    return client


@pytest.fixture(scope="session")
def client(server):
    return connected(server, asana.Client.access_token(server.token))


@pytest.fixture
def project(client, server):
    """A project of the test's own."""
    project = client.projects.create_in_team(server.team, {"name": "Museum night"})["gid"]
    yield project
    client.projects.delete(project)


@pytest.fixture
def task(client, project):
    """A task in it."""
    return client.tasks.create({"name": "Light the stairs", "projects": [project]})["gid"]


def gids(records):
    return [record["gid"] for record in records]


def test_me_and_my_workspaces(client, server):
    me = client.users.me()
    assert (me["gid"], me["email"]) == (server.user, "mira@halcyon.example")
    assert gids(me["workspaces"]) == [server.workspace]
    assert client.users.find_by_id("me", fields=["email"]) == {"gid": server.user, "email": "mira@halcyon.example"}
    assert gids(client.workspaces.find_all()) == [server.workspace]
    assert client.workspaces.find_by_id(server.workspace)["is_organization"] is True
    assert server.user in gids(client.users.find_by_workspace(server.workspace))
    assert server.user in gids(client.users.find_all({"workspace": server.workspace}))
    assert server.team in gids(client.teams.get_teams_for_organization(server.workspace))
    assert server.team in gids(client.teams.find_by_organization(server.workspace))


def test_a_token_is_also_a_user_name(server):
    older = connected(server, asana.Client.basic_auth(server.token))
    assert older.users.me()["gid"] == server.user


def test_a_project_lives(client, server):
    project = client.projects.create({"name": "Open day", "workspace": server.workspace, "team": server.team})["gid"]
    changed = client.projects.update(project, {"notes": "In June", "color": "dark-pink"}, fields=["notes", "color"])
    assert changed == {"gid": project, "color": "dark-pink", "notes": "In June"}
    assert project in gids(client.projects.find_all({"workspace": server.workspace, "archived": False}))
    assert project in gids(client.projects.find_by_team(server.team))
    assert project in gids(client.projects.find_by_workspace(server.workspace, page_size=1))
    assert gids(client.projects.add_members(project, {"members": [server.user]})["members"]) == [server.user]
    assert client.projects.remove_followers(project, {"followers": "me"})["followers"] == []
    status = client.project_statuses.create_in_project(project, {"text": "Under way", "color": "yellow"})
    assert status["color"] == "yellow"
    assert gids(client.project_statuses.find_by_project(project)) == [status["gid"]]
    read = client.projects.find_by_id(project)
    assert (read["current_status"]["text"], read["current_status_update"]["gid"]) == ("Under way", status["gid"])
    assert client.project_statuses.delete(status["gid"]) == {}
    assert client.projects.delete(project) == {}


def test_sections_are_made_and_filled(client, project, task):
    section = client.sections.create_in_project(project, {"name": "Tonight"})["gid"]
    assert section in gids(client.sections.find_by_project(project))
    assert client.sections.add_task(section, {"task": task}) == {}
    assert gids(client.tasks.find_by_section(section)) == [task]
    assert client.sections.update(section, {"name": "Tomorrow"})["name"] == "Tomorrow"
    first = gids(client.sections.find_by_project(project))[0]
    assert client.sections.insert_in_project(project, {"section": section, "before_section": first}) == {}
    assert gids(client.sections.find_by_project(project))[0] == section


def test_tasks_come_page_by_page(client, project, server):
    made = [client.tasks.create_in_workspace(server.workspace, {"name": str(each), "projects": [project]})["gid"]
            for each in range(7)]
    assert sorted(gids(client.tasks.find_all({"project": project}, page_size=3))) == sorted(made)
    assert sorted(gids(client.tasks.find_by_project(project, page_size=7))) == sorted(made)
    assert len(list(client.tasks.find_all({"project": project}, item_limit=4, page_size=3))) == 4
    assert len(client.tasks.find_by_project(project, iterator_type=None)) == 7
    page = client.tasks.find_by_project(project, iterator_type=None, full_payload=True, limit=100)
    assert page["next_page"] is None and len(page["data"]) == 7


def test_a_task_goes_through_the_day(client, project, task, server):
    changed = client.tasks.update(task, {"assignee": "me", "due_on": "2027-05-08", "completed": True})
    assert (changed["assignee"]["gid"], changed["due_on"], changed["completed"]) == (server.user, "2027-05-08", True)
    assert task in gids(client.tasks.find_all({"assignee": "me", "workspace": server.workspace}))
    assert task not in gids(client.tasks.find_all({"project": project, "completed_since": "now"}))
    subtask = client.tasks.add_subtask(task, {"name": "Buy candles"})["gid"]
    assert gids(client.tasks.subtasks(task)) == [subtask]
    assert client.tasks.set_parent(subtask, {"parent": None})["parent"] is None
    assert client.tasks.add_dependencies(task, {"dependencies": [subtask]}) == {}
    assert gids(client.tasks.dependencies(task)) == [subtask]
    assert gids(client.tasks.dependents(subtask)) == [task]
    tag = client.tags.create_in_workspace(server.workspace, {"name": "night"})["gid"]
    assert client.tasks.add_tag(task, {"tag": tag}) == {}
    assert gids(client.tasks.tags(task)) == [tag]
    assert gids(client.tags.get_tasks_with_tag(tag)) == [task]
    assert client.tasks.remove_tag(task, {"tag": tag}) == {}
    assert client.tasks.remove_followers(task, {"followers": ["me"]})["followers"] == []
    assert gids(client.tasks.add_followers(task, {"followers": ["me"]})["followers"]) == [server.user]
    assert gids(client.tasks.projects(task)) == [project]
    other = client.projects.create_in_team(server.team, {"name": "Another"})["gid"]
    assert client.tasks.add_project(task, {"project": other}) == {}
    assert sorted(gids(client.tasks.projects(task))) == sorted([project, other])
    assert client.tasks.remove_project(task, {"project": other}) == {}
    mine = client.user_task_lists.find_by_user("me", {"workspace": server.workspace})
    assert task in gids(client.tasks.find_by_user_task_list(mine["gid"]))
    client.tasks.delete(subtask)
    with pytest.raises(NotFoundError):
        client.tasks.find_by_id(subtask)


def test_comments_are_written_and_changed(client, task):
    comment = client.tasks.add_comment(task, {"text": "Where is the switch?"})
    assert (comment["type"], comment["text"]) == ("comment", "Where is the switch?")
    assert client.stories.update(comment["gid"], {"text": "Found it"})["text"] == "Found it"
    assert comment["gid"] in gids(client.stories.find_by_task(task))
    assert client.stories.delete(comment["gid"]) == {}


def test_custom_fields_get_values(client, project, task, server):
    made = client.custom_fields.create({
        "workspace": server.workspace, "name": "Lumen", "resource_subtype": "number", "precision": 1,
    })["gid"]
    setting = client.projects.add_custom_field_setting(project, {"custom_field": made, "is_important": True})
    assert setting["custom_field"]["gid"] == made
    assert gids(client.custom_field_settings.find_by_project(project)) == [setting["gid"]]
    [value] = client.tasks.update(task, {"custom_fields": {made: 12.25}})["custom_fields"]
    assert (value["number_value"], value["display_value"]) == (12.3, "12.3")
    assert made in gids(client.custom_fields.find_by_workspace(server.workspace))
    assert client.projects.remove_custom_field_setting(project, {"custom_field": made}) == {}
    assert client.custom_fields.delete(made) == {}


@pytest.mark.parametrize("content", [b"candles\n" * 3, io.BytesIO(b"candles\n" * 3)], ids=["bytes", "stream"])
@pytest.mark.parametrize("name", ["list.txt", "Kerzen für später – groß.txt"], ids=["ascii", "unicode"])
def test_files_are_attached(client, task, content, name):
    if hasattr(content, "seek"):
        content.seek(0)
    made = client.attachments.create_on_task(task, content, name, "text/plain")
    assert made["name"] == name
    assert gids(client.attachments.find_by_task(task)) == [made["gid"]]
    read = client.attachments.find_by_id(made["gid"])
    assert read["size"] == 24
    assert client.session.get(read["download_url"]).content == b"candles\n" * 3
    assert client.attachments.delete_attachment(made["gid"]) == {}


# Refusals


def refused(error, message):
    return pytest.raises(error, match=f": {message}$")


def test_each_class_of_refusal(client, server, task):
    stranger = connected(server, asana.Client.access_token("not-a-token"))
    with refused(NoAuthorizationError, "Not Authorized"):
        stranger.users.me()
    with refused(NotFoundError, f"task: Not a recognized ID: {NOBODY}"):
        client.tasks.find_by_id(NOBODY)
    with refused(NotFoundError, "No matching route for request"):
        client.get("/nothing/here", {})
    with refused(InvalidRequestError, "You should specify one of workspace, parent, projects"):
        client.tasks.create({"name": "Nowhere"})
    with refused(InvalidRequestError, "offset: Your pagination token is invalid."):
        client.tasks.find_by_id(task)  # Known before anything is refused.
        client.get(f"/tasks/{task}/stories", {"limit": 1, "offset": "made-up"})
    told = next(story for story in client.stories.find_by_task(task, fields=["type"]) if story["type"] == "system")
    with pytest.raises(ForbiddenError):
        client.stories.delete(told["gid"])


def test_it_waits_as_long_as_it_is_told_and_tries_again(unreliable, monkeypatch):
    slept = []
    monkeypatch.setattr("asana.client.time.sleep", slept.append)
    client = connected(unreliable, asana.Client.access_token(unreliable.token))
    unreliable.fail(kind="status", status=429, retry_after=3, path="/users")
    unreliable.fail(kind="status", status=503, path="/users", nth=2)
    assert client.users.me()["resource_type"] == "user"
    assert slept == [3.0, client.RETRY_DELAY * client.RETRY_BACKOFF]


def test_it_gives_up_in_the_end(unreliable):
    client = connected(unreliable, asana.Client.access_token(unreliable.token))
    client.options["max_retries"] = 0
    unreliable.fail(kind="status", status=429, path="/users")
    with pytest.raises(RateLimitEnforcedError) as caught:
        client.users.me()
    assert caught.value.retry_after == 1.0
    unreliable.fail(kind="panic", path="/users")
    with pytest.raises(ServerError):
        client.users.me()
