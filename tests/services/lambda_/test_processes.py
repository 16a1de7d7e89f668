"""Functions where there are no namespaces: they run with paths of the machine's own, or in containers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from tests.containers import needed, words

PROGRAM = """
    import json, pileus
    from tests.services.lambda_.conftest import Functions, package

    SOURCE = '''
    import os, shared, tempfile

    def handler(event, context):
        return [shared.value, os.path.exists("app.py"), tempfile.gettempdir() != "/tmp", event]
    '''

    with pileus.cloud(sockets=True) as cloud:
        functions = Functions(cloud.account())
        layer = functions.client.publish_layer_version(
            LayerName="layer", Content={"ZipFile": package({"python/shared.py": "value = 'shared'"})}
        )
        functions.create(SOURCE, Layers=[layer["LayerVersionArn"]])
        print(json.dumps([functions.invoke({"n": n}).json for n in range(2)]))
"""


def told(**variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip() or done.stderr


def test_a_function_runs_without_any_isolation_too() -> None:
    assert told(PILEUS_SANDBOX="process") == '[["shared", true, true, {"n": 0}], ["shared", true, true, {"n": 1}]]'


def test_a_function_runs_in_a_container() -> None:
    found = told(PILEUS_SANDBOX="docker", PILEUS_DOCKER=words(needed()))
    assert found == '[["shared", true, false, {"n": 0}], ["shared", true, false, {"n": 1}]]'
