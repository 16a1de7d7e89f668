from __future__ import annotations

import pytest

from pileus.kernel import Record, Service
from pileus.kernel.call import Call
from pileus.kernel.resource_type import ArnTemplate, resource_type, resource_types

sqs = Service("sqs")


@resource_type(
    sqs,
    "QueueUrl",
    create="CreateQueue",
    read="GetQueueAttributes",
    update="SetQueueAttributes",
    list="ListQueues",
    delete="DeleteQueue",
    missing="QueueDoesNotExist",
)
class Queue(Record, arn="{name}", cfn="AWS::SQS::Queue"):
    name: str
    tags: dict[str, str] = {}


def test_a_record_is_a_resource_by_one_decorator(call: Call) -> None:
    (kind,) = resource_types(sqs)
    assert (kind.name, kind.cfn, kind.identifier, kind.tagged) == ("Queue", "AWS::SQS::Queue", ("QueueUrl",), True)
    assert kind.operations["update"] == "SetQueueAttributes"
    queue = Queue(name="orders").put(call)
    assert kind.find_by_arn(call, queue.arn(call)) == queue
    assert kind.find_by_arn(call, queue.arn(call) + "x") is None
    assert kind.absent("x").code == "QueueDoesNotExist"


def test_what_the_model_does_not_know_is_refused() -> None:
    for declared, complaint in (
        ({"create": "MakeQueue"}, "no operation MakeQueue"),
        ({"missing": "NoQueue"}, "no error NoQueue"),
    ):
        service = Service("sqs")
        resource_type(service, "QueueUrl", **declared)(Queue)
        with pytest.raises(TypeError, match=complaint):
            resource_types(service)
    with pytest.raises(TypeError, match="no roles"):
        resource_type(sqs, "QueueUrl", make="CreateQueue")


@pytest.mark.parametrize(
    ("template", "values", "arn"),
    [
        ("{name}", {"name": "q"}, "arn:aws:sqs:us-east-1:111122223333:q"),
        ("vault:{Name}", {"Name": "a/b"}, "arn:aws:sqs:us-east-1:111122223333:vault:a/b"),
        (
            "group/{Group}/channel/{Name}",
            {"Group": "g", "Name": "c"},
            "arn:aws:sqs:us-east-1:111122223333:group/g/channel/c",
        ),
        ("arn:{partition}:iam::{account}:role/{Name}", {"Name": "r"}, "arn:aws:iam::111122223333:role/r"),
        ("{TopArn}/leaf/{Id}", {"TopArn": "arn:aws:x:::top/1", "Id": "2"}, "arn:aws:x:::top/1/leaf/2"),
    ],
)
def test_an_arn_is_made_and_read_by_one_template(call: Call, template: str, values: dict[str, str], arn: str) -> None:
    made = ArnTemplate(template, "sqs")
    assert made.render(call, values) == arn
    parsed = made.parse(call, arn)
    assert parsed is not None
    assert {name: parsed[name] for name in values} == values


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sqs:us-east-1:999999999999:q",
        "arn:aws:sqs:eu-west-1:111122223333:q",
        "arn:aws-cn:sqs:us-east-1:111122223333:q",
        "arn:aws:sns:us-east-1:111122223333:q",
        "q",
    ],
)
def test_an_arn_of_elsewhere_names_nothing_here(call: Call, arn: str) -> None:
    assert ArnTemplate("{name}", "sqs").parse(call, arn) is None
