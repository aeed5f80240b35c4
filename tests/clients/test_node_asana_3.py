"""The official client for Node.js, unmodified: a working day, and the live tests that it ships."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import REPOSITORY

HERE = REPOSITORY / "tests/clients/node"
# Where tests/run.sh has npm put the packages.
PACKAGES = REPOSITORY / ".tools/node/node_modules"

DAY = [str(HERE / "working_day.js")]
SHIPPED_FILES = [str(PACKAGES / f"asana/build-tests/api/{name}.js") for name in ["ProjectsApi", "TasksApi"]]

SHIPPED = [
    "ProjectsApi createProject should have created project",
    "ProjectsApi createProject should have a `name`",
    "ProjectsApi createProject should have a description/`notes`",
    "ProjectsApi updateProject should have updated project",
    "ProjectsApi updateProject should have updated project `name`",
    "ProjectsApi updateProject should have updated project description/`notes`",
    "ProjectsApi getProject should return project",
    "ProjectsApi getProject with `opt_fields` ask for `html_notes` and `due_on` properties in `opt_fields` should return project",
    "ProjectsApi getProject with `opt_fields` ask for `html_notes` and `due_on` properties in `opt_fields` should have `html_notes`",
    "ProjectsApi getProject with `opt_fields` ask for `html_notes` and `due_on` properties in `opt_fields` should have `due_on` with `null` value",
    "ProjectsApi getProjects should return an array of projects",
    "ProjectsApi getProjects with `opt_fields` ask for `color` and `completed` properties in `opt_fields` should return an array of projects",
    "ProjectsApi getProjects with `opt_fields` ask for `color` and `completed` properties in `opt_fields` should have `workspace`",
    "ProjectsApi getProjects with `opt_fields` ask for `color` and `completed` properties in `opt_fields` should have `completed`",
    "ProjectsApi deleteProject should be deleted",
    "TasksApi createTask should have created task",
    "TasksApi createTask should have a `name`",
    "TasksApi createTask should have a description/`notes`",
    "TasksApi updateTask should have updated task",
    "TasksApi updateTask should have updated task `name`",
    "TasksApi updateTask should have updated task description/`notes`",
    "TasksApi getTask should return task",
    "TasksApi getTask with `opt_fields` task for `html_notes` and `due_on` properties in `opt_fields` should return task",
    "TasksApi getTask with `opt_fields` task for `html_notes` and `due_on` properties in `opt_fields` should have `html_notes`",
    "TasksApi getTask with `opt_fields` task for `html_notes` and `due_on` properties in `opt_fields` should have `due_on` with `null` value",
    "TasksApi getTasks should return an array of tasks",
    "TasksApi getTasks with `opt_fields` ask for `workspace` and `due_on` properties in `opt_fields` should return an array of tasks",
    "TasksApi getTasks with `opt_fields` ask for `workspace` and `due_on` properties in `opt_fields` should have `workspace`",
    "TasksApi getTasks with `opt_fields` ask for `workspace` and `due_on` properties in `opt_fields` should have `due_on`",
    "TasksApi getTasks limit 1 should return an array with 1 task",
    "TasksApi deleteTask should be deleted",
]

# These call GET /workspaces/{workspace_gid}/tasks/search, which is not served yet.
SEARCHING = [
    "TasksApi searchTasksForWorkspace should return an array of tasks",
    "TasksApi searchTasksForWorkspace with custom field parameter - MATCH should return an array with one task that has matching custom field value from search query",
    "TasksApi searchTasksForWorkspace with custom field parameter - NO MATCH should return an empty array",
]


def mocha(server, files, *options, **settings):
    """What the runner says of these files, as data."""
    environment = {
        **server.environment,
        "NODE_PATH": str(PACKAGES),
        "VINYASA_API": server.api,
        "TOKEN": server.token,
        "PERSONAL_ACCESS_TOKEN": server.token,
        "WORKSPACE_GID": server.workspace,
        "TEAM_GID": server.team,
        "USER_GID": server.user,
        **settings,
    }
    node = shutil.which("node")
    assert node and PACKAGES.is_dir(), "tests/run.sh clients installs what this needs"
    done = subprocess.run(
        [node, PACKAGES / "mocha/bin/mocha.js", "--require", HERE / "setup.js", "--reporter", "json", "--timeout", "20000",
         *options, *files],
        env=environment, cwd=HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")


def titles(tests):
    return [test["fullTitle"] for test in tests]


def failures(report):
    return "\n".join(f"{test['fullTitle']}\n{test['err'].get('stack') or test['err']}" for test in report["failures"])


def test_a_working_day_goes_well(server):
    report = mocha(server, DAY, "--bail")
    assert not report["failures"], failures(report)
    assert len(report["passes"]) == report["stats"]["tests"] >= 16


def test_every_shipped_live_test_is_accounted_for(server):
    report = mocha(server, SHIPPED_FILES, "--dry-run")
    # The last one deletes the task, after the searches.
    assert sorted(titles(report["tests"])) == sorted([*SHIPPED, *SEARCHING])


def test_the_shipped_live_tests_pass(server):
    # They build on each other, so they run in one go.
    report = mocha(server, SHIPPED_FILES, "--invert", "--fgrep", "searchTasksForWorkspace", TEXT_CUSTOM_FIELD_GID="")
    assert not report["failures"], failures(report)
    assert titles(report["passes"]) == SHIPPED
