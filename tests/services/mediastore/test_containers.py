"""As a user: boto3 over HTTP. What AWS says of itself is from the MediaStore API reference and User Guide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account


@pytest.fixture
def mediastore(aws: Account) -> Any:
    return aws.client("mediastore")


@pytest.fixture
def films(mediastore: Any, cloud: LocalCloud) -> str:
    """The ARN of an active container."""
    arn: str = mediastore.create_container(ContainerName="films")["Container"]["ARN"]
    cloud.clock.advance(2)
    return arn


def code(function: Callable[..., Any], **members: Any) -> str:
    with pytest.raises(ClientError) as raised:
        function(**members)
    answered: str = raised.value.response["Error"]["Code"]
    return answered


def test_a_new_container_has_no_endpoint_until_it_is_active(mediastore: Any, aws: Account, cloud: LocalCloud) -> None:
    made = mediastore.create_container(ContainerName="films")["Container"]
    assert made["ARN"] == f"arn:aws:mediastore:us-east-1:{aws.id}:container/films"
    assert made["Status"] == "CREATING"
    assert made["AccessLoggingEnabled"] is False
    assert "Endpoint" not in made
    cloud.clock.advance(2)
    found = mediastore.describe_container(ContainerName="films")["Container"]
    endpoint = found.pop("Endpoint")
    assert found == made | {"Status": "ACTIVE"}
    assert endpoint.startswith(cloud.endpoint)
    assert mediastore.describe_container(ContainerName="films")["Container"]["Endpoint"] == endpoint


def test_the_data_plane_says_that_it_is_not_built(mediastore: Any, aws: Account, films: str) -> None:
    endpoint = mediastore.describe_container(ContainerName="films")["Container"]["Endpoint"]
    data = aws.session().client("mediastore-data", endpoint_url=endpoint)
    with pytest.raises(ClientError, match="mediastore-data") as raised:
        data.list_items()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_name_is_taken_once_in_an_account_and_region(mediastore: Any, aws: Account) -> None:
    mediastore.create_container(ContainerName="films")
    assert code(mediastore.create_container, ContainerName="films") == "ContainerInUseException"
    aws.client("mediastore", region="eu-west-1").create_container(ContainerName="films")


def test_what_is_not_there_is_not_found(mediastore: Any, aws: Account) -> None:
    for operation in (mediastore.describe_container, mediastore.delete_container, mediastore.get_container_policy):
        assert code(operation, ContainerName="none") == "ContainerNotFoundException"
    none = f"arn:aws:mediastore:us-east-1:{aws.id}:container/none"
    assert code(mediastore.list_tags_for_resource, Resource=none) == "ContainerNotFoundException"


def test_describing_needs_a_name(mediastore: Any) -> None:
    assert code(mediastore.describe_container) == "ValidationException"


def test_containers_are_listed_in_pages(mediastore: Any) -> None:
    for name in ("c", "a", "b"):
        mediastore.create_container(ContainerName=name)
    pages = list(mediastore.get_paginator("list_containers").paginate(PaginationConfig={"PageSize": 2}))
    assert [[container["Name"] for container in page["Containers"]] for page in pages] == [["a", "b"], ["c"]]
    assert len(mediastore.list_containers()["Containers"]) == 3
    assert code(mediastore.list_containers, NextToken="abc") == "ValidationException"


def test_a_deletion_takes_a_moment(mediastore: Any, cloud: LocalCloud, films: str) -> None:
    mediastore.delete_container(ContainerName="films")
    assert mediastore.describe_container(ContainerName="films")["Container"]["Status"] == "DELETING"
    assert code(mediastore.delete_container, ContainerName="films") == "ContainerInUseException"
    cloud.clock.advance(2)
    assert code(mediastore.describe_container, ContainerName="films") == "ContainerNotFoundException"
    assert mediastore.list_containers()["Containers"] == []
    mediastore.create_container(ContainerName="films")


def test_a_container_that_is_coming_is_in_use(mediastore: Any) -> None:
    mediastore.create_container(ContainerName="films")
    assert code(mediastore.delete_container, ContainerName="films") == "ContainerInUseException"
    assert code(mediastore.start_access_logging, ContainerName="films") == "ContainerInUseException"


def test_an_account_has_a_hundred_containers_in_a_region(mediastore: Any) -> None:
    for number in range(100):
        mediastore.create_container(ContainerName=f"c{number}")
    assert code(mediastore.create_container, ContainerName="one-more") == "LimitExceededException"


def test_access_logging_is_turned_on_and_off(mediastore: Any, films: str) -> None:
    for operation, enabled in ((mediastore.start_access_logging, True), (mediastore.stop_access_logging, False)):
        operation(ContainerName="films")
        assert mediastore.describe_container(ContainerName="films")["Container"]["AccessLoggingEnabled"] is enabled


def test_a_container_has_tags(mediastore: Any) -> None:
    tags = [{"Key": "customer", "Value": "A"}, {"Key": "priority", "Value": "high"}]
    arn = mediastore.create_container(ContainerName="films", Tags=tags)["Container"]["ARN"]
    mediastore.tag_resource(Resource=arn, Tags=[{"Key": "priority", "Value": "medium"}, {"Key": "type", "Value": "x"}])
    mediastore.untag_resource(Resource=arn, TagKeys=["type"])
    assert mediastore.list_tags_for_resource(Resource=arn)["Tags"] == [
        {"Key": "customer", "Value": "A"},
        {"Key": "priority", "Value": "medium"},
    ]


def test_a_container_has_at_most_fifty_tags(mediastore: Any, films: str) -> None:
    mediastore.tag_resource(Resource=films, Tags=[{"Key": str(number), "Value": ""} for number in range(50)])
    one_more = [{"Key": "one more", "Value": ""}]
    assert code(mediastore.tag_resource, Resource=films, Tags=one_more) == "ValidationException"
    assert len(mediastore.list_tags_for_resource(Resource=films)["Tags"]) == 50
