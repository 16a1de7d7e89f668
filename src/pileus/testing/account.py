"""One account of a cloud, as a test uses it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .local import LocalCloud


@cache
def _models() -> Any:
    """The models of all services, each read once: for EC2 that takes longer than most tests."""
    import boto3
    from botocore.loaders import create_loader

    return create_loader(str(Path(boto3.__file__).parent / "data"))


class Account:
    """An account of its own, so that tests run side by side and need no reset."""

    def __init__(self, cloud: LocalCloud, number: str, region: str) -> None:
        self.cloud = cloud
        self.id = number
        self.region = region

    def client(self, service: str, region: str | None = None, **options: Any) -> Any:
        """A boto3 client with the account's root credentials; `options` are boto3's own."""
        return self.session(region).client(service, endpoint_url=self.cloud.endpoint, **options)

    def resource(self, service: str, region: str | None = None, **options: Any) -> Any:
        return self.session(region).resource(service, endpoint_url=self.cloud.endpoint, **options)

    def session(self, region: str | None = None) -> Any:
        import boto3
        from botocore.session import Session

        core, models = Session(), _models()
        core.register_component("data_loader", models)
        made = boto3.Session(
            aws_access_key_id=self.id,
            aws_secret_access_key="test",
            region_name=region or self.region,
            botocore_session=core,
        )
        models.search_paths.pop()  # boto3 adds its folder with every session
        return made

    def environment(self, region: str | None = None) -> dict[str, str]:
        """The environment variables with which other programs act as this account's root."""
        return self.cloud.environment(self.id, region or self.region)
