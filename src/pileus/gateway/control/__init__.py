"""What the cloud answers under its own paths: `/_pileus/`, behind the commands, and LocalStack's `/_localstack/`."""

from .control import Control

__all__ = ["Control"]
