"""Attached files in a bucket: the server against a peer that speaks the protocol of S3 (moto), on this machine."""

import json
import os
import socket
import subprocess
import time
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from conftest import BINARY, START_SECONDS, Server

BUCKET = "halcyon"
PREFIX = "vinyasa/files"
SECRET = "a secret that no log repeats"
LARGE = 20 << 20


@pytest.fixture(scope="module")
def peer():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key=SECRET,
    )
    client.create_bucket(Bucket=BUCKET)
    client.address = address
    yield client
    server.stop()


def settings(peer, **other):
    given = {
        "files_s3_bucket": BUCKET, "files_s3_endpoint": peer.address, "files_s3_access_key": "key",
        "files_s3_prefix": PREFIX, "attachment_limit": "32MiB", "body_timeout": "2", **other,
    }
    return [part for name, value in given.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def attaching(peer, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("s3"), None)
    server.environment["VINYASA_FILES_S3_SECRET_KEY"] = SECRET
    try:
        server.initialize()
        server.start(*settings(peer))
        yield server
        server.stop()
        assert SECRET not in server.log()
        # Nothing is kept where it would be kept otherwise.
        assert not (server.log_path.parent / "data" / "attachments").exists()
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()


def call(server, method, path, **more):
    answer = requests.request(
        method, f"{server.api}{path}", headers={"Authorization": f"Bearer {server.token}"}, timeout=60, **more,
    )
    return answer


@pytest.fixture(scope="module")
def task(attaching):
    data = {"data": {"workspace": attaching.workspace, "name": "With files"}}
    return call(attaching, "POST", "/tasks", json=data).json()["data"]["gid"]


def attach(server, task, name, content, media_type="text/plain"):
    made = call(
        server, "POST", "/attachments", data={"parent": task}, files={"file": (name, content, media_type)},
    )
    assert made.status_code == 200, made.text
    return made.json()["data"]


def objects(peer):
    return {one["Key"]: one["Size"] for one in peer.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def uploads(peer):
    return peer.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def eventually(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, "it never became so"
        time.sleep(0.05)


def parts_of(peer, key):
    return peer.head_object(Bucket=BUCKET, Key=key, PartNumber=1).get("PartsCount", 1)


@pytest.mark.parametrize("size", [0, 1, 70_000, LARGE])
def test_a_file_comes_back(attaching, peer, task, size):
    content = os.urandom(size)
    before = objects(peer)
    made = attach(attaching, task, f"of {size}.txt", content)
    assert made["size"] == size
    (key,) = objects(peer).keys() - before.keys()
    directory, name = key.rsplit("/", 1)
    assert directory == PREFIX and len(name) == 32, "the name says nothing"
    assert peer.get_object(Bucket=BUCKET, Key=key)["Body"].read() == content
    assert uploads(peer) == []
    # A large one has been sent in parts, a small one at once.
    tag = peer.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    assert ("-" in tag) == (size == LARGE)

    got = requests.get(made["download_url"], timeout=60)
    assert got.status_code == 200 and got.content == content
    assert got.headers["Content-Length"] == str(size)
    assert got.headers["Content-Type"] == "text/plain"
    assert got.headers["Content-Disposition"].startswith("attachment; ")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert requests.get(made["view_url"], timeout=60).headers["Content-Disposition"].startswith("inline; ")
    head = requests.head(made["download_url"], timeout=60)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(size), b"")


@pytest.mark.parametrize(
    "asked,status,part",
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=99999-200000", 206, slice(99_999, None)),
        ("bytes=100000-", 416, slice(0, 0)),
        ("bytes=5-1", 200, slice(None)),
    ],
)
def test_a_part_comes_back(attaching, task, asked, status, part):
    content = bytes(at % 253 for at in range(100_000))
    made = attach(attaching, task, "parts.bin", content)
    got = requests.get(made["download_url"], headers={"Range": asked}, timeout=60)
    assert (got.status_code, got.content) == (status, content[part])
    if status == 206:
        assert got.headers["Content-Range"].endswith("/100000")


def test_what_is_refused_leaves_nothing(attaching, peer, task):
    before = objects(peer)
    # Refused after it has come: there is no such parent.
    refused = call(
        attaching, "POST", "/attachments", data={"parent": "1"}, files={"file": ("x", b"x" * LARGE, "text/plain")},
    )
    assert refused.status_code == 400, refused.text
    # Too large, which is seen only on the way.
    def pieces():
        boundary = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
        yield boundary
        for _ in range(40):
            yield b"x" * (1 << 20)
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {attaching.token}"}
    try:
        large = requests.post(f"{attaching.api}/tasks/{task}/attachments", data=pieces(), headers=headers, timeout=60)
        assert large.status_code == 413, large.text
    except requests.ConnectionError:
        pass  # The server has ended the connection before everything was sent.
    eventually(lambda: objects(peer) == before and uploads(peer) == [])


@pytest.mark.parametrize("sent", [10_000, LARGE])
def test_who_leaves_while_sending_leaves_nothing(attaching, peer, task, sent):
    before = objects(peer)
    address = urlsplit(attaching.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(
            (
                f"POST /api/1.0/tasks/{task}/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {attaching.token}\r\n"
                f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {LARGE * 2 >> 1}\r\n\r\n"
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
            ).encode()
        )
        rest = sent - 1_000
        connection.sendall(b"x" * rest)
        if sent == LARGE:
            eventually(lambda: uploads(peer) != [])
    eventually(lambda: uploads(peer) == [])
    assert objects(peer) == before


def test_a_lost_object_is_an_error_of_the_server(attaching, peer, task):
    before = objects(peer)
    made = attach(attaching, task, "lost.txt", b"gone")
    (key,) = objects(peer).keys() - before.keys()
    peer.delete_object(Bucket=BUCKET, Key=key)
    assert requests.get(made["download_url"], timeout=60).status_code == 500


@pytest.mark.parametrize(
    "other,line",
    [
        ({"files_s3_bucket": "no-such-bucket"}, "files_s3_bucket: There is no bucket no-such-bucket"),
        ({"files_s3_endpoint": "http://127.0.0.1:9"}, "files_s3_endpoint: http://127.0.0.1:9 cannot be asked: "),
        ({"files_s3_bucket": "Not A Bucket"}, "files_s3_bucket: Not the name of a bucket: Not A Bucket"),
        ({"files_s3_prefix": "a//b"}, "files_s3_prefix: Not names between slashes, such as vinyasa/files: a//b"),
        ({"files_s3_access_key": ""}, "files_s3_access_key: Is missing"),
    ],
)
def test_a_wrong_setting_stops_the_start(peer, tmp_path, other, line):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("VINYASA_")}
    environment["VINYASA_FILES_S3_SECRET_KEY"] = SECRET
    done = subprocess.run(
        [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path), *settings(peer, log="error", **other)],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_SECONDS * 2,
    )
    assert done.returncode in (1, 2), done
    (told,) = done.stderr.strip().splitlines()
    assert line in told and SECRET not in told
    assert not (tmp_path / "vinyasa.db").exists(), "nothing was begun"
