"""PynamoDB against a cloud: models, indexes, conditions, transactions, optimistic locking."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.testing.account import Account

pynamodb = pytest.importorskip("pynamodb")


def thread_model(account: Account) -> Any:
    from pynamodb.attributes import (
        JSONAttribute,
        ListAttribute,
        NumberAttribute,
        UnicodeAttribute,
        UnicodeSetAttribute,
        VersionAttribute,
    )
    from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
    from pynamodb.models import Model

    class ByViews(GlobalSecondaryIndex):  # type: ignore[type-arg]
        class Meta:
            index_name = "by-views"
            projection = AllProjection()

        forum = UnicodeAttribute(hash_key=True)
        views = NumberAttribute(range_key=True)

    class Thread(Model):
        class Meta:
            table_name = "thread"
            host = account.cloud.endpoint
            region = "us-east-1"
            aws_access_key_id = account.id
            aws_secret_access_key = "test"
            billing_mode = "PAY_PER_REQUEST"

        forum = UnicodeAttribute(hash_key=True)
        subject = UnicodeAttribute(range_key=True)
        views = NumberAttribute(default=0)
        tags = UnicodeSetAttribute(null=True)
        scores: Any = ListAttribute(null=True)
        data = JSONAttribute(null=True)
        version = VersionAttribute()
        by_views = ByViews()

    return Thread


def test_models_live_as_pynamodb_expects(aws: Account) -> None:
    from pynamodb.connection import Connection
    from pynamodb.exceptions import PutError, TransactWriteError
    from pynamodb.transactions import TransactWrite

    model = thread_model(aws)
    model.create_table(wait=True)
    with model.batch_write() as batch:
        for number in range(40):
            batch.save(model("birds", f"subject {number:02}", views=number, tags={"a", "b"}, data={"n": number}))
    found = list(model.query("birds", model.subject.startswith("subject 1"), filter_condition=model.views > 14))
    assert [thread.views for thread in found] == [15, 16, 17, 18, 19]
    few = model.by_views.query("birds", model.views < 3, scan_index_forward=False)
    assert [thread.views for thread in few] == [2, 1, 0]
    assert sum(1 for _ in model.scan(page_size=7)) == model.count("birds") == 40

    thread = model.get("birds", "subject 07")
    thread.update(actions=[model.views.add(10), model.tags.delete({"a"}), model.scores.set([1, 2])])
    assert (thread.views, thread.tags, thread.version) == (17, {"b"}, 1)
    stale = model.get("birds", "subject 07")
    thread.save()
    with pytest.raises(PutError):
        stale.save()

    connection = (
        Connection(region="us-east-1", host=aws.cloud.endpoint, aws_access_key_id=aws.id, aws_secret_access_key="test")
        if "aws_access_key_id" in Connection.__init__.__code__.co_varnames
        else model._get_connection().connection
    )
    with pytest.raises(TransactWriteError), TransactWrite(connection=connection) as transaction:
        transaction.save(model("birds", "new"), condition=model.subject.does_not_exist())
        transaction.condition_check(model, "birds", "absent", condition=model.subject.exists())
    assert model.count("birds") == 40
    model.delete_table()
    assert not model.exists()
