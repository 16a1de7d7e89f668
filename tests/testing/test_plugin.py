"""The pytest plugin, as a project uses it that has installed Pileus."""

from __future__ import annotations

import pytest


def test_the_fixtures_are_there_without_any_set_up(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pileus

        def test_an_account_of_its_own(aws):
            sqs = aws.client("sqs")
            assert "QueueUrls" not in sqs.list_queues()
            sqs.create_queue(QueueName="mine")

        def test_another_account(aws, cloud):
            assert isinstance(cloud, pileus.LocalCloud)
            assert "QueueUrls" not in aws.client("sqs").list_queues()
            assert aws.client("sts").get_caller_identity()["Account"] == aws.id
            assert aws.environment()["AWS_ENDPOINT_URL"] == cloud.endpoint
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_pytest_starts_without_loading_the_cloud(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_heavy_is_loaded():
            assert not {"pileus.server", "boto3", "apsw"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
