"""Functions that are container images: a shell and curl in a file system of their own."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.containers import needed, words

from .conftest import Functions

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl"),
    pytest.mark.skipif(shutil.which("ldd") is None, reason="this machine has no ldd"),
]

PROGRAMS = ("sh", "curl", "cat", "ls")
START = """\
    #!/bin/sh
    API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
    while :; do
        EVENT=$(curl -sS -D /tmp/head "$API/next")
        while IFS=': ' read -r name value; do
            case $name in Lambda-Runtime-Aws-Request-Id) ID=${value%?} ;; esac
        done < /tmp/head
        echo "handling" "$@"
        ANSWER='{"event":'$EVENT',"handler":"'$_HANDLER'","words":"'$*'","own":"'$OWN'"'
        ANSWER=$ANSWER',"root":"'$(echo /*)'","at":"'$PWD'","layers":"'$(cat /words/*)'"}'
        curl -sS -d "$ANSWER" "$API/$ID/response" > /dev/null
    done
"""


def layer(files: dict[str, bytes], executable: tuple[str, ...] = (), links: dict[str, str] = {}) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755 if name in executable else 0o644
            archive.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return data.getvalue()


@pytest.fixture(scope="module")
def base() -> bytes:
    """A layer with some programs of this machine and the libraries that they need."""
    files: dict[str, bytes] = {}
    for name in PROGRAMS:
        path = os.path.realpath(shutil.which(name) or "")
        files[f"bin/{name}"] = Path(path).read_bytes()
        told = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", told):
            files[library[1:]] = Path(library).read_bytes()
    executable = tuple(files)
    files |= {"start": textwrap.dedent(START).encode(), "words/a": b"one", "words/b": b"two", "words/c": b"three"}
    return layer(files, (*executable, "start"), {"lies": "/../../../etc"})


UPPER = {"words/.wh.b": b"", "words/a": b"ONE", "lies/inside": b"the image's own /etc", "etc/group": b""}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Env": ["PATH=/bin", "OWN=yes"],
        "Entrypoint": ["/start"],
        "Cmd": ["app.handler"],
        "WorkingDir": "/words",
    },
}


def saved(*layers: bytes) -> bytes:
    """An archive as `docker save` writes it."""
    files = {f"{number}/layer.tar": each for number, each in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": ["example:latest"], "Layers": list(files)}]
    return layer({"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(CONFIG).encode(), **files})


def layout(*layers: bytes) -> bytes:
    """An OCI layout, for several processors and with layers compressed."""
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def keep(data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def keep_json(document: Any) -> dict[str, Any]:
        return keep(json.dumps(document).encode())

    manifest = {"config": keep_json(CONFIG), "layers": [keep(gzip.compress(each)) for each in layers]}
    here = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    several = [
        {**keep_json({"config": {}, "layers": []}), "platform": {"architecture": "s390x"}},
        {**keep_json(manifest), "platform": {"architecture": here}},
    ]
    files["index.json"] = json.dumps({"manifests": [keep_json({"manifests": several})]}).encode()
    return layer(files)


@pytest.mark.parametrize("archive", [saved, layout])
def test_an_image_is_a_file_system_of_its_own(functions: Functions, base: bytes, archive: Any, refused) -> None:
    s3 = functions.account.client("s3")
    bucket = f"images-{functions.account.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="example.tar", Body=archive(base, layer(UPPER)))
    uri = f"s3://{bucket}/example.tar"
    made = functions.client.create_function(
        FunctionName="function", PackageType="Image", Code={"ImageUri": uri}, Role=functions.role, Timeout=10
    )
    assert (made["PackageType"], len(made["CodeSha256"])) == ("Image", 64)
    assert "Runtime" not in made
    answer = functions.invoke({"n": 1})
    found = answer.json
    assert {"/start", "/words", "/proc", "/tmp"} <= set(found["root"].split())
    assert not {"/home", "/root", "/srv", "/usr"} & set(found["root"].split())
    assert (found["event"], found["own"]) == ({"n": 1}, "yes")
    assert (found["handler"], found["words"]) == ("app.handler", "app.handler")
    assert (found["layers"], found["at"]) == ("ONEthree", "/words")
    assert "handling app.handler\n" in answer.log
    code = functions.client.get_function(FunctionName="function")["Code"]
    assert code["ResolvedImageUri"] == f"{uri}@sha256:{made['CodeSha256']}"

    own = {"EntryPoint": ["/bin/sh", "/start"], "Command": ["other", "words"], "WorkingDirectory": "/tmp"}
    functions.client.update_function_configuration(FunctionName="function", ImageConfig=own)
    told = functions.client.get_function_configuration(FunctionName="function")
    assert told["ImageConfigResponse"] == {"ImageConfig": own}
    found = functions.invoke({}).json
    assert (found["handler"], found["words"], found["at"]) == ("other", "other words", "/tmp")


PROGRAM = """
    import json, pileus
    from tests.services.lambda_.conftest import Functions

    with pileus.cloud(sockets=True) as cloud:
        functions = Functions(cloud.account())
        given = {"PackageType": "Image", "Role": functions.role, "Timeout": 10}
        functions.client.create_function(FunctionName="function", Code={"ImageUri": "example:latest"}, **given)
        print(json.dumps([functions.invoke({"n": n}).json for n in range(2)]))
        try:
            functions.client.create_function(FunctionName="other", Code={"ImageUri": "no-such-image"}, **given)
        except functions.client.exceptions.InvalidParameterValueException as error:
            print(error)
"""


@pytest.mark.parametrize("driver", ["namespaces", "docker"])
def test_an_image_of_the_machine_s_container_engine(base: bytes, driver: str) -> None:
    """By either driver: where it comes from says nothing of what runs it."""
    engine = needed()
    own = ('ENTRYPOINT ["/start"]', 'CMD ["app.handler"]', "ENV PATH=/bin", "ENV OWN=yes", "WORKDIR /words")
    engine.asked("import", *[f"--change={change}" for change in own], "-", "example:latest", data=base)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env=os.environ | {"PILEUS_SANDBOX": driver, "PILEUS_DOCKER": words(engine)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    answers, refusal = done.stdout.splitlines() or [done.stderr, ""]
    for n, found in enumerate(json.loads(answers)):
        assert (found["event"], found["own"], found["at"]) == ({"n": n}, "yes", "/words")
        assert (found["layers"], found["words"]) == ("onetwothree", "app.handler")
        assert {"/start", "/words", "/proc", "/tmp"} <= set(found["root"].split())
    assert "Source image no-such-image does not exist. Provide a valid source image." in refusal


def test_what_is_no_image_is_refused(functions: Functions, refused) -> None:
    s3 = functions.account.client("s3")
    bucket = f"images-{functions.account.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="text", Body=b"no archive")
    s3.put_object(Bucket=bucket, Key="empty", Body=layer({"a": b"b"}))

    def create(**members: Any) -> Any:
        return functions.client.create_function(FunctionName="function", Role=functions.role, **members)

    for key, message in (("text", "no archive of docker save"), ("empty", "image manifest"), ("none", "GetObject")):
        with refused("InvalidParameterValueException", message):
            create(PackageType="Image", Code={"ImageUri": f"s3://{bucket}/{key}"})
    with refused("InvalidParameterValueException", "is not valid"):
        create(PackageType="Image", Code={"ImageUri": "s3://bucket"})
    with refused("InvalidParameterValueException", "Please don't provide Handler or Runtime or Layer"):
        create(PackageType="Image", Code={"ImageUri": f"s3://{bucket}/text"}, Handler="a.b")
    with refused("InvalidParameterValueException", "Please provide ImageUri"):
        create(PackageType="Image", Code={"ZipFile": b"x"})
    assert functions.client.list_functions()["Functions"] == []
