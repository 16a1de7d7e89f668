"""Init scripts: found where LocalStack finds them, run in order, and a word about each that is not."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from pileus.initscripts import InitScripts, found

from .conftest import Command


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_what_is_skipped_is_said_with_its_reason(tmp_path: Path) -> None:
    script(tmp_path / "ready.d" / "2.sh", "#!/bin/sh\n")
    script(tmp_path / "ready.d" / "1.py", "", mode=0o644)
    script(tmp_path / "ready.d" / "more" / "3.sh", "#!/bin/sh\n")
    script(tmp_path / "ready.d" / "4.sh", "#!/bin/sh\n", mode=0o644)
    script(tmp_path / "ready.d" / "5.tf", "")
    script(tmp_path / "ready.d" / "README", "")
    script(tmp_path / "shutdown.d" / "6.sh", "#!/bin/sh\n")
    script(tmp_path / "7.sh", "#!/bin/sh\n")
    (tmp_path / "ready.d" / "8.sh").symlink_to("nowhere")
    said: list[str] = []
    scripts = found(tmp_path, said.append)
    assert [(one.stage, one.path.name) for one in scripts] == [
        ("ready", "1.py"),
        ("ready", "2.sh"),
        ("ready", "3.sh"),
        ("shutdown", "6.sh"),
    ]
    assert said == [
        f"init script {tmp_path}/ready.d/4.sh skipped: it is not executable (chmod +x 4.sh)",
        f"init script {tmp_path}/ready.d/5.tf skipped: only .sh and .py are run, not .tf",
        f"init script {tmp_path}/ready.d/8.sh skipped: it is no regular file",
        f"init script {tmp_path}/ready.d/README skipped: only .sh and .py are run, not files without a suffix",
    ]


def test_a_plain_folder_is_one_of_ready_scripts(tmp_path: Path) -> None:
    script(tmp_path / "a.sh", "#!/bin/sh\n")
    assert [one.stage for one in found(tmp_path, print, plain=True)] == ["ready"]
    assert found(tmp_path, print) == []
    assert found(tmp_path / "none", print) == []


async def run(scripts: InitScripts, stage: str, output: Path) -> None:
    with output.open("w") as file:
        await scripts.run(stage, "http://localhost:4599", file.fileno())


def test_scripts_run_in_order_and_may_fail(tmp_path: Path) -> None:
    import asyncio

    folder = tmp_path / "system" / "ready.d"
    script(folder / "1.sh", '#!/bin/sh\necho "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_DEFAULT_REGION"\nexit 4\n')
    script(folder / "2.py", "import os\nprint(os.environ['AWS_SECRET_ACCESS_KEY'])\n", mode=0o644)
    script(folder / "3.sh", "#!/no/such/interpreter\n")
    script(tmp_path / "own" / "0.sh", "#!/bin/sh\necho own\n")
    said: list[str] = []
    scripts = InitScripts(said.append, tmp_path / "own", tmp_path / "system")
    asyncio.run(run(scripts, "ready", tmp_path / "output"))
    assert (tmp_path / "output").read_text() == "http://localhost:4599 test us-east-1\ntest\nown\n"
    assert said == [
        f"init script {folder}/1.sh failed with exit code 4",
        f"init script {folder}/3.sh could not be run: No such file or directory",
    ]
    assert [one.state for one in scripts.scripts] == ["ERROR", "SUCCESSFUL", "ERROR", "SUCCESSFUL"]
    assert scripts.completed == {"boot": False, "start": False, "ready": True, "shutdown": False}
    scripts.close()


@pytest.mark.parametrize("installed", [True, False])
def test_scripts_find_awslocal(installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    if installed:
        script(tmp_path / "bin" / "awslocal", "#!/bin/sh\necho the installed one\n")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    else:
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
    script(tmp_path / "init" / "1.sh", "#!/bin/sh\nawslocal --version\n")
    scripts = InitScripts(print, tmp_path / "init", tmp_path / "none")
    asyncio.run(run(scripts, "ready", tmp_path / "output"))
    output = (tmp_path / "output").read_text()
    assert output.startswith("the installed one" if installed else "aws-cli/")
    scripts.close()


def test_a_server_runs_its_scripts_at_their_stages(pileus: Command, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for stage in ("boot", "start", "shutdown"):
        script(tmp_path / "init" / f"{stage}.d" / "a.sh", f"#!/bin/sh\necho {stage} >>{trace}\n")
    call = (
        "import http.client, os, urllib.parse\n"
        "connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ['AWS_ENDPOINT_URL']).netloc)\n"
        "connection.request('GET', '/_localstack/health')\n"
        f"print('ready', connection.getresponse().status, file=open({str(trace)!r}, 'a'))\n"
        "raise SystemExit(3)\n"
    )
    script(tmp_path / "init" / "ready.d" / "b.py", call)
    script(tmp_path / "init" / "ready.d" / "c.txt", "")
    said = pileus("up", "-d", "--init", str(tmp_path / "init"))
    assert "c.txt skipped: only .sh and .py are run, not .txt" in said
    assert "Ready.\n" in said
    assert said.endswith("b.py failed with exit code 3\n")
    connection = http.client.HTTPConnection("127.0.0.1", int(pileus.port))
    connection.request("GET", "/_localstack/init")
    state = json.loads(connection.getresponse().read())
    assert state["completed"] == {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}
    assert {"stage": "READY", "name": "b.py", "state": "ERROR"} in state["scripts"]
    assert {"stage": "SHUTDOWN", "name": "a.sh", "state": "UNKNOWN"} in state["scripts"]
    connection.close()
    pileus("down")
    assert trace.read_text() == "boot\nstart\nready 200\nshutdown\n"
