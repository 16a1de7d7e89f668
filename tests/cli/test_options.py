"""The options of `pileus up`, from the command line and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pileus.cli.localstack import NEEDLESS
from pileus.cli.options import Options
from pileus.settings import Settings, default_data


def test_defaults() -> None:
    options = Options([], {})
    assert options.settings == Settings()
    assert options.home == default_data()
    assert (options.detach, options.log_level, options.notes) == (False, "info", [])


def test_the_command_line_goes_before_variables() -> None:
    variables = {"PILEUS_PORT": "5000", "PILEUS_STRICT": "1", "PILEUS_EPHEMERAL": "true", "PILEUS_DATA": "/tmp/a"}
    options = Options(["--port", "6000", "--no-strict"], variables)
    assert options.settings == Settings(port=6000, strict=False, data=None)
    assert options.home == Path("/tmp/a")
    assert Options([], variables).settings.port == 5000
    assert Options([], variables).settings.strict is True


def test_every_option_has_a_variable(tmp_path: Path) -> None:
    variables = {
        "PILEUS_HOST": "0.0.0.0",
        "PILEUS_TLS_PORT": "443",
        "PILEUS_DURABILITY": "disk",
        "PILEUS_INIT": str(tmp_path),
        "PILEUS_LOG_LEVEL": "ERROR",
        "PILEUS_DETACH": "yes",
    }
    options = Options([], variables)
    wanted = Settings(host="0.0.0.0", tls_port=443, durability="disk", init=tmp_path)
    assert (options.settings, options.log_level, options.detach) == (wanted, "error", True)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PILEUS_PORT", "high"), ("PILEUS_PORT", "65536"), ("PILEUS_DURABILITY", "none"), ("PILEUS_LOG_LEVEL", "x")],
)
def test_variables_are_checked_as_options_are(variable: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Options([], {variable: value})
    assert value in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"GATEWAY_LISTEN": "0.0.0.0:4510"}, Settings(host="0.0.0.0", port=4510)),
        ({"GATEWAY_LISTEN": "127.0.0.1"}, Settings(host="127.0.0.1")),
        ({"GATEWAY_LISTEN": ":4510,:443"}, Settings(port=4510)),
        ({"GATEWAY_LISTEN": "[::1]:4510"}, Settings(host="::1", port=4510)),
        ({"EDGE_PORT": "4510"}, Settings(port=4510)),
        ({"GATEWAY_LISTEN": "0.0.0.0:4510", "PILEUS_PORT": "4511"}, Settings(host="0.0.0.0", port=4511)),
        ({"PERSISTENCE": "0"}, Settings(data=None)),
        ({"PERSISTENCE": "1"}, Settings()),
    ],
)
def test_localstacks_variables(variables: dict[str, str], wanted: Settings) -> None:
    assert Options([], variables).settings == wanted


def test_localstacks_debug_is_a_log_level() -> None:
    assert Options([], {"DEBUG": "1"}).log_level == "debug"
    assert Options([], {"LS_LOG": "trace"}).log_level == "debug"
    assert Options([], {"DEBUG": "app:*"}).log_level == "info"


def test_variables_without_effect_are_named() -> None:
    notes = Options([], dict.fromkeys(NEEDLESS, "x") | {"GATEWAY_LISTEN": ":1,:2"}).notes
    assert notes[0] == "GATEWAY_LISTEN: only its first address, :1, is listened on."
    assert [note.split()[0] for note in notes[1:]] == list(NEEDLESS)
    assert all(note.endswith(".") for note in notes)


def test_ports_of_services_by_protocol() -> None:
    told = Options(["--listen", "xray=2000,ses=2525,ses/imap=1143", "--relay", "mail.example.com:25"], {}).settings
    assert told.listen == {"xray": 2000, "ses": 2525, "ses/imap": 1143}
    assert told.relay == "mail.example.com:25"


@pytest.mark.parametrize(
    "arguments",
    [["--listen", "sqs=1"], ["--listen", "ses/pop=1"], ["--listen", "ses"], ["--relay", "mail"], ["--relay", "mail:x"]],
)
def test_what_is_no_port_of_a_service(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        Options(arguments, {})
