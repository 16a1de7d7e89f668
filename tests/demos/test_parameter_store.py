"""The notes' demo of Parameter Store: parameters of three applications, got by name and by path."""

from __future__ import annotations

from tests.clients.test_aws_cli import Cli, cli

__all__ = ["cli"]

STRING = (
    ("/my-cat-app/dbstring", "db.allthecats.com:3306"),
    ("/my-cat-app/dbuser", "bosscat"),
    ("/my-dog-app/dbstring", "db.ifwereallymusthavedogs.com:3306"),
    ("/rate-my-lizard/dbstring", "db.thisisprettyrandom.com:3306"),
)


def test_the_demo_of_parameter_store(cli: Cli) -> None:
    for name, value in STRING:
        described = ("--description", "Connection string for cat app") if name == STRING[0][0] else ()
        cli("ssm", "put-parameter", "--name", name, "--value", value, "--type", "String", *described)
    secret = ("--name", "/my-cat-app/dbpassword", "--value", "amazingsecretpassword1337")
    cli("ssm", "put-parameter", *secret, "--type", "SecureString")

    for name in ("/rate-my-lizard/dbstring", "/my-dog-app/dbstring", "/my-cat-app/dbstring"):
        (found,) = cli("ssm", "get-parameters", "--names", name)["Parameters"]
        assert (found["Name"], found["Value"], found["Version"]) == (name, dict(STRING)[name], 1)

    below = cli("ssm", "get-parameters-by-path", "--path", "/my-cat-app/")["Parameters"]
    values = {one["Name"].rpartition("/")[2]: one["Value"] for one in below}
    assert values.keys() == {"dbstring", "dbuser", "dbpassword"}
    assert values["dbuser"] == "bosscat"
    assert "amazingsecretpassword1337" not in values["dbpassword"]

    below = cli("ssm", "get-parameters-by-path", "--path", "/my-cat-app/", "--with-decryption")["Parameters"]
    values = {one["Name"].rpartition("/")[2]: one["Value"] for one in below}
    assert values["dbpassword"] == "amazingsecretpassword1337"

    names = [name for name, _ in STRING] + ["/my-cat-app/dbpassword"]
    assert cli("ssm", "delete-parameters", "--names", *names)["InvalidParameters"] == []
    assert cli("ssm", "describe-parameters")["Parameters"] == []
