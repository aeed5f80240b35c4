"""The description that the server gives of itself, read by somebody else's validator."""

import json
from urllib.request import urlopen

from openapi_spec_validator import validate

METHODS = {"get", "post", "put", "delete"}


def test_the_description_is_valid_openapi(server):
    with urlopen(f"{server.url}/api/1.0/openapi.json", timeout=30) as answer:
        assert answer.status == 200
        document = json.load(answer)
    validate(document)
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    ]
    assert len(operations) == len(set(operations))
    assert {"getTask", "createTask", "getStoriesForTask", "createCustomField"} <= set(operations)
    # Only what is built is described.
    assert "createWebhook" not in operations
