"""Backups, and tables as they were at some second."""

from __future__ import annotations

import datetime
from typing import Any

from pileus.testing.local import CloudClock

from .conftest import Make, n, s


def items(db: Any, table: str, **more: Any) -> dict[str, str]:
    return {item["pk"]["S"]: item["x"]["N"] for item in db.scan(TableName=table, **more)["Items"]}


def pages(db: Any) -> Any:
    return db.get_paginator("list_backups").paginate(PaginationConfig={"PageSize": 1})


def test_on_demand_backups_are_full_copies_until_removed(db: Any, make: Make, refused: Any) -> None:
    table = make(gsis={"byX": "x N"})
    for number in range(5):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": n(number)})
    arn = db.create_backup(TableName=table, BackupName="nightly")["BackupDetails"]["BackupArn"]
    db.put_item(TableName=table, Item={"pk": s("0"), "x": n(100)})
    db.delete_table(TableName=table)
    told = db.describe_backup(BackupArn=arn)["BackupDescription"]
    assert told["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert told["SourceTableDetails"]["ItemCount"] == 5
    assert [one["BackupArn"] for one in db.list_backups(TableName=table)["BackupSummaries"]] == [arn]
    assert arn in [one["BackupArn"] for page in pages(db) for one in page["BackupSummaries"]]
    copy = f"{table}-copy"
    db.restore_table_from_backup(TargetTableName=copy, BackupArn=arn)
    db.get_waiter("table_exists").wait(TableName=copy)
    assert items(db, copy) == items(db, copy, IndexName="byX") == {str(number): str(number) for number in range(5)}
    with refused("TableAlreadyExistsException"):
        db.restore_table_from_backup(TargetTableName=copy, BackupArn=arn)
    db.delete_backup(BackupArn=arn)
    with refused("BackupNotFoundException"):
        db.describe_backup(BackupArn=arn)


def test_a_table_with_point_in_time_recovery_leaves_a_system_backup_for_35_days(
    db: Any, make: Make, refused: Any, clock: CloudClock
) -> None:
    table = make()
    on = {"PointInTimeRecoveryEnabled": True}
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
    db.put_item(TableName=table, Item={"pk": s("a"), "x": n(1)})
    db.delete_table(TableName=table)
    db.get_waiter("table_not_exists").wait(TableName=table)
    assert db.list_backups(TableName=table)["BackupSummaries"] == [], "of one's own there is none"
    (told,) = db.list_backups(TableName=table, BackupType="SYSTEM")["BackupSummaries"]
    assert told == db.list_backups(TableName=table, BackupType="ALL")["BackupSummaries"][0]
    assert (told["BackupName"], told["BackupType"]) == (f"{table}$DeletedTableBackup", "SYSTEM")
    assert told["BackupExpiryDateTime"] - told["BackupCreationDateTime"] == datetime.timedelta(days=35)
    db.restore_table_from_backup(TargetTableName=table, BackupArn=told["BackupArn"])
    db.get_waiter("table_exists").wait(TableName=table)
    assert items(db, table) == {"a": "1"}
    clock.advance(35 * 86400 + 1)
    with refused("BackupNotFoundException"):
        db.describe_backup(BackupArn=told["BackupArn"])


def test_point_in_time_recovery_reaches_any_second_of_35_days(
    db: Any, make: Make, refused: Any, clock: CloudClock
) -> None:
    table = make()
    told = db.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    asked: dict[str, Any] = {"SourceTableName": table, "TargetTableName": f"{table}-then"}
    with refused("PointInTimeRecoveryUnavailableException"):
        db.restore_table_to_point_in_time(**asked, UseLatestRestorableTime=True)
    db.put_item(TableName=table, Item={"pk": s("a"), "x": n(1)})
    on = {"PointInTimeRecoveryEnabled": True}
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
    clock.advance(60)
    then = clock.now()
    clock.advance(1)
    db.put_item(TableName=table, Item={"pk": s("a"), "x": n(2)})
    db.put_item(TableName=table, Item={"pk": s("b"), "x": n(1)})
    clock.advance(3600)
    db.delete_item(TableName=table, Key={"pk": s("a")})
    clock.advance(1)
    for at, wanted in ((then, {"a": "1"}), (then + 2, {"a": "2", "b": "1"}), (clock.now(), {"b": "1"})):
        name = f"{table}-{int(at)}"
        when = datetime.datetime.fromtimestamp(at, datetime.UTC)
        db.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=name, RestoreDateTime=when)
        db.get_waiter("table_exists").wait(TableName=name)
        assert items(db, name) == wanted
    clock.advance(36 * 86400)
    with refused("InvalidRestoreTimeException"):
        db.restore_table_to_point_in_time(**asked, RestoreDateTime=datetime.datetime.fromtimestamp(then, datetime.UTC))
