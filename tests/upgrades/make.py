#!/usr/bin/env python3
"""tests/upgrades/make.py BINARY NAME: keep the database of today, for the versions to come.

Starts the binary in test mode with the demonstration, asks it for some of what is in there, stops it, and writes
NAME.sql.gz (the database as SQL) and NAME.json (what was asked and answered) beside this file. The same binary makes the
same files. NAME says the version and the last migration: 0.1.0-0002.
"""
import gzip
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

# When every test begins: the record of the migrations is the one thing that holds the time of the machine.
START = 1_772_445_600_000


def main(binary, name):
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as directory:
        serve = [binary, "serve", "--demo", "--test-mode", "--data", f"{directory}/data", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            first = json.loads(server.stdout.readline())
            answers = ask(first["url"], first["token"])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        database = sqlite3.connect(f"{directory}/data/vinyasa.db")
        database.execute("UPDATE migrations SET applied_at = ?", (START,))
        sql = "\n".join(database.iterdump())
    (here / f"{name}.sql.gz").write_bytes(gzip.compress(sql.encode(), 9, mtime=0))
    kept = {"token": first["token"], "answers": answers}
    (here / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def ask(url, token):
    answers = {}

    def get(path):
        request = urllib.request.Request(f"{url}/api/1.0{path}", headers={"Authorization": f"Bearer {token}"})
        answers[path] = json.load(urllib.request.urlopen(request))["data"]
        return answers[path]

    # Every field by name: one that a later version adds is not a difference.
    me = get("/users/me?opt_fields=name,email,workspaces.name")
    workspace = me["workspaces"][0]["gid"]
    get(f"/users?workspace={workspace}&limit=100&opt_fields=name,email")
    get(f"/tags?workspace={workspace}&limit=100&opt_fields=name,color")
    fields = "name,archived,color,owner.name,team.name,privacy_setting,members.name"
    projects = get(f"/projects?workspace={workspace}&limit=100&opt_fields={fields}")
    fields = (
        "name,notes,completed,completed_at,due_on,assignee.name,memberships.section.name,tags.name,parent.name,"
        "followers.name,dependencies.name,custom_fields.name,custom_fields.display_value"
    )
    for project in projects[:3]:
        get(f"/projects/{project['gid']}/sections?limit=100&opt_fields=name")
        tasks = get(f"/projects/{project['gid']}/tasks?limit=20&opt_fields={fields}")
        for task in tasks[:3]:
            get(f"/tasks/{task['gid']}/stories?limit=50&opt_fields=text,type,resource_subtype,created_at,created_by.name")
    return answers


if __name__ == "__main__":
    main(*sys.argv[1:])
