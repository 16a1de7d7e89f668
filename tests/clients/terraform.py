"""Terraform against a cloud: apply, an empty plan, destroy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pileus.testing.account import Account

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
  endpoints {{
{endpoints}
  }}
}}
"""


class Stack:
    """A Terraform configuration in a folder of its own."""

    def __init__(self, folder: Path, account: Account, services: tuple[str, ...], configuration: str) -> None:
        self.folder = folder
        endpoints = "\n".join(f'    {service} = "{account.cloud.endpoint}"' for service in services)
        (folder / "provider.tf").write_text(PROVIDER.format(endpoints=endpoints))
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
                "GOGC": "400",  # a fourth of what Terraform computes is collecting its garbage
            }
        )
        self.run("init")

    def run(self, *arguments: str, expected: int = 0) -> str:
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


def mirror() -> Path:
    """The folder with the AWS provider, or a skipped test where there is none."""
    folder = Path(os.environ.get("PILEUS_TF_PLUGINS") or "/opt/tf-plugins")
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    if not (folder / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0").exists():
        pytest.skip("no AWS provider 5.100.0: name a filesystem mirror that has it by PILEUS_TF_PLUGINS")
    return folder
