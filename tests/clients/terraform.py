"""Terraform against a cloud: apply, an empty plan, destroy.

Half of what Terraform computes is the start of its provider, which knows 1,500 kinds of resources, at every command.
One serves all stacks of a test process. Terraform calls that attaching to one (Plugin Development, "Debugging"). It has
one configuration at a time: a stack that names several is not `attached`.

AWS_ENDPOINT_URL tells where the cloud is. Of a block `endpoints` the provider writes out all 400 for each of the 400
whenever it is configured, which is four fifths of what it computes for a small stack; so one stack alone has it.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from pileus.testing.account import Account

PLACE = "registry.terraform.io/hashicorp/aws/5.100.0"
SELDOM = "400"
"""A fourth of what Terraform computes is collecting its garbage."""

PROVIDER = """
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "5.100.0" }}
  }}
}}

provider "aws" {{
  region                      = "us-east-1"
  skip_metadata_api_check     = true
  s3_use_path_style           = true # the resolver of Go does not know hosts below localhost
  skip_credentials_validation = false
{endpoints}}}
"""


class Stack:
    """A Terraform configuration in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        account: Account,
        configuration: str,
        *,
        attached: bool = True,
        endpoints: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        named = "\n".join(f'    {service} = "{account.cloud.endpoint}"' for service in endpoints)
        block = f"  endpoints {{\n{named}\n  }}\n" if named else ""
        (folder / "provider.tf").write_text(PROVIDER.format(endpoints=block))
        (folder / "main.tf").write_text(configuration)
        (folder / "terraformrc").write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n'
        )
        self.environment = (
            os.environ
            | account.environment()
            | {
                "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
                "TF_IN_AUTOMATION": "1",
                "CHECKPOINT_DISABLE": "1",
                "GOGC": SELDOM,
            }
        )
        self.provider = provider(mirror()) if attached else None
        if self.provider:
            self.environment["TF_REATTACH_PROVIDERS"] = self.provider.address
        self.run("init")

    def run(self, *arguments: str, expected: int = 0) -> str:
        if self.provider:
            self.provider.act_for(self.environment)
        command = ["terraform", *arguments, "-no-color"]
        if arguments[0] != "output":
            command.append("-input=false")
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == expected, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def apply(self) -> None:
        self.run("apply", "-auto-approve")

    def plan_is_empty(self) -> bool:
        """Whether what is there is what was asked for: `plan -detailed-exitcode` answers 0."""
        self.run("plan", "-detailed-exitcode")
        return True

    def destroy(self) -> None:
        self.run("destroy", "-auto-approve")


class Provider:
    """The AWS provider as a process that goes on, and serves one stack after the other."""

    def __init__(self, mirror: Path) -> None:
        self.configuration = Path(tempfile.mkdtemp()) / "config"
        [program] = (mirror / PLACE).glob("*/terraform-provider-aws*")
        self.process = subprocess.Popen(
            [program, "-debug"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=own_environment() | {"AWS_CONFIG_FILE": str(self.configuration), "GOGC": SELDOM, "TF_LOG": "OFF"},
        )
        atexit.register(self.close)
        assert self.process.stdout
        said = (re.search("TF_REATTACH_PROVIDERS='(.*)'", line) for line in self.process.stdout)
        self.address = next(filter(None, said))[1]

    def act_for(self, environment: dict[str, str]) -> None:
        """From the next command on it has the credentials and the endpoint of these variables."""
        names = {
            "region": "AWS_REGION",
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "endpoint_url": "AWS_ENDPOINT_URL",
        }
        lines = (f"{name} = {environment[variable]}" for name, variable in names.items())
        self.configuration.write_text("\n".join(("[default]", *lines, "")))

    def close(self) -> None:
        self.process.kill()
        shutil.rmtree(self.configuration.parent)


provider = cache(Provider)


def own_environment() -> dict[str, str]:
    """The variables that tell nothing of AWS: they would overrule what the provider is told."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def mirror() -> Path:
    """The folder with the AWS provider, or a skipped test where there is none."""
    folder = Path(os.environ.get("PILEUS_TF_PLUGINS") or "/opt/tf-plugins")
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    if not (folder / PLACE).exists():
        pytest.skip("no AWS provider 5.100.0: name a filesystem mirror that has it by PILEUS_TF_PLUGINS")
    return folder
