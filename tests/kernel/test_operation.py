import asyncio
from typing import Any

import pytest

from pileus.kernel import Fault, Service, Unfinished
from pileus.kernel.call import Call
from pileus.kernel.cloud import Cloud


def declare(function: Any, **options: Any) -> Service:
    service = Service("sqs")
    service.operation(**options)(function)
    return service


def replace(kernel: Cloud, service: Service) -> None:
    """Let the cloud have this service instead of the one of its name, which others have to know all the same."""
    kernel.service(service.name)
    kernel.service = lambda name: service  # type: ignore[method-assign]


def test_members_reach_the_parameters_of_their_snake_case_names(call: Call) -> None:
    def create_queue(call: Call, queue_name: str, attributes: dict[str, str] = {}) -> dict[str, Any]:
        return {"got": (queue_name, attributes)}

    bound = declare(create_queue).bound("CreateQueue")
    assert bound(call, {"QueueName": "q", "Attributes": {"a": "b"}}) == {"got": ("q", {"a": "b"})}
    assert bound(call, {"QueueName": "q"}) == {"got": ("q", {})}


def test_members_that_no_parameter_names_are_known_to_be_ignored(call: Call) -> None:
    def create_queue(call: Call, queue_name: str) -> dict[str, Any]:
        return {"got": queue_name}

    bound = declare(create_queue).bound("CreateQueue")
    assert bound.ignored == {"Attributes", "tags"}
    assert bound(call, {"QueueName": "q", "tags": {"a": "b"}}) == {"got": "q"}


def test_the_resource_is_found_before_the_handler_and_handed_to_it(call: Call) -> None:
    def by_url(call: Call, queue_url: str) -> str:
        return queue_url.rpartition("/")[2]

    def send_message(call: Call, queue: str, message_body: str) -> dict[str, Any]:
        return {"got": (queue, message_body)}

    bound = declare(send_message, on=by_url).bound("SendMessage")
    assert bound(call, {"QueueUrl": "http://x/q", "MessageBody": "hello"}) == {"got": ("q", "hello")}
    assert "QueueUrl" not in bound.ignored


def test_members_that_have_no_effect_on_aws_either_are_not_missing(call: Call) -> None:
    service = Service("sqs", reserved=("MaxResults",))

    @service.operation
    def list_queues(call: Call, next_token: str = "") -> None: ...

    assert service.bound("ListQueues").ignored == {"QueueNamePrefix"}


def test_a_function_of_the_whole_request_says_what_it_honours(call: Call) -> None:
    def list_queues(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return request

    bound = declare(list_queues, honours=["QueueNamePrefix"]).bound("ListQueues")
    assert bound(call, {"QueueNamePrefix": "a"}) == {"QueueNamePrefix": "a"}
    assert bound.ignored == {"MaxResults", "NextToken"}


def test_the_whole_request_may_come_beside_the_resource_and_members(call: Call) -> None:
    def by_url(call: Call, queue_url: str) -> str:
        return queue_url.rpartition("/")[2]

    def send_message(call: Call, queue: str, message_body: str, *, request: dict[str, Any]) -> dict[str, Any]:
        return {"got": (queue, message_body, sorted(request))}

    bound = declare(send_message, on=by_url, honours=["DelaySeconds"]).bound("SendMessage")
    request = {"QueueUrl": "http://x/q", "MessageBody": "hello", "DelaySeconds": 1}
    assert bound(call, request) == {"got": ("q", "hello", sorted(request))}
    assert "DelaySeconds" not in bound.ignored
    assert "MessageGroupId" in bound.ignored


def no_such_operation(call: Call) -> None: ...
def delete_queue(call: Call, queue_name: str) -> None: ...
def list_queues(call: Call, max_results: int) -> None: ...
def purge_queue(call: Call, queue_url: str = "") -> None: ...
def tag_queue(call: Call, **members: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (no_such_operation, "no such operation"),
        (delete_queue, "no member"),
        (list_queues, "wants a default"),
        (purge_queue, "wants no default"),
        (tag_queue, "no member"),
    ],
)
def test_what_disagrees_with_the_model_does_not_bind(function: Any, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        _ = declare(function).operations


def test_an_operation_is_implemented_once() -> None:
    service = declare(lambda call: None, name="ListQueues")
    service.operation(name="ListQueues")(lambda call: None)
    with pytest.raises(TypeError, match="twice"):
        _ = service.operations


def test_what_is_done_ahead_is_awaited_by_the_patient_and_done_without_by_others(kernel: Cloud, call: Call) -> None:
    async def slow(text: str) -> str:
        await asyncio.sleep(0)
        return f"{text}, slowly"

    def ahead(call: Call, queue_name: str) -> Any:
        if queue_name == "wrong":
            raise Fault("InvalidParameterValue", "wrong")
        return None if queue_name == "quick" else slow(queue_name)

    def create_queue(call: Call, queue_name: str) -> dict[str, Any]:
        call.store.put(queue_name.encode(), b"")
        return {"got": call.ahead}

    service = declare(create_queue, ahead=ahead)
    replace(kernel, service)

    def create(name: str, **options: Any) -> Any:
        return kernel.perform(call.at(), "CreateQueue", {"QueueName": name}, **options)

    assert create("q") == {"got": None}, "in the midst of something nobody waits"
    assert create("quick", patient=True) == {"got": None}
    with pytest.raises(Fault, match="wrong"):
        create("wrong", patient=True)
    waiting = create("r", patient=True)
    assert kernel.store.get(b"r") is None
    assert asyncio.run(waiting) == {"got": "r, slowly"}
    assert kernel.store.get(b"r") == b""


def test_what_was_found_is_looked_for_again_after_what_is_done_ahead(kernel: Cloud, call: Call) -> None:
    async def slow() -> None:
        await asyncio.sleep(0)

    def by_name(call: Call, queue_name: str) -> str:
        if call.store.get(b"gone"):
            raise Fault("NotFound")
        return queue_name

    service = Service("sqs")
    service.operation(on=by_name, ahead=lambda call, queue: slow())(get_queue_url)
    replace(kernel, service)
    call.operation = "GetQueueUrl"
    waiting = kernel.perform(call, "GetQueueUrl", {"QueueName": "q"}, patient=True)
    kernel.store.put(b"gone", b"1")
    with pytest.raises(Fault, match="NotFound"):
        asyncio.run(waiting)


def get_queue_url(call: Call, queue: str) -> dict[str, Any]:
    return {"QueueUrl": queue}


def test_what_was_asked_for_happens_though_nobody_waits_any_longer(kernel: Cloud, call: Call) -> None:
    def create_queue(call: Call, queue_name: str) -> dict[str, Any]:
        call.store.put(queue_name.encode(), b"")
        return {"got": call.ahead}

    service = declare(create_queue, ahead=lambda call, queue_name: asyncio.sleep(60))
    replace(kernel, service)

    async def given_up() -> Any:
        task = asyncio.ensure_future(kernel.perform(call, "CreateQueue", {"QueueName": "q"}, patient=True))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(given_up()) == {"got": None}
    assert kernel.store.get(b"q") == b""


def test_an_error_of_another_service_brings_its_status_along(call: Call) -> None:
    with pytest.raises(Fault, match="NotFoundException") as refused:
        call.aws("kms").describe_key(key_id="alias/nowhere")
    assert refused.value.status == 400
    call.service = "ssm"  # which has an error of that name itself
    with pytest.raises(Fault, match="ResourceNotFoundException") as refused:
        call.aws("secretsmanager").describe_secret(secret_id="nowhere")
    assert refused.value.status is None


def test_a_task_is_declared_once() -> None:
    service = Service("sqs")
    service.task(test_a_task_is_declared_once)
    with pytest.raises(TypeError, match="two tasks named"):
        service.task(test_a_task_is_declared_once)


def test_a_service_may_overlook_what_its_operations_say_better() -> None:
    def get_access_key_info(call: Call, access_key_id: str) -> None: ...

    service = Service("sts", overlooks=lambda violation: "Value null" not in violation)
    service.operation(get_access_key_info)
    bound = service.bound("GetAccessKeyInfo")
    bound.check({"AccessKeyId": "short"})
    with pytest.raises(Fault, match="Member must not be null"):
        bound.check({})


def test_what_is_not_built_names_itself() -> None:
    with pytest.raises(Unfinished, match="sqs:CreateQueue") as raised:
        Service("sqs").bound("CreateQueue")
    assert raised.value.status == 501


def test_what_the_model_forbids_never_reaches_the_function(call: Call) -> None:
    def get_access_key_info(call: Call, access_key_id: str) -> None:
        raise AssertionError

    service = Service("sts")
    service.operation(get_access_key_info)
    with pytest.raises(Fault) as raised:
        service.bound("GetAccessKeyInfo").check({"AccessKeyId": "short"})
    assert raised.value.code == "ValidationError"
    assert raised.value.message == (
        "1 validation error detected: Value 'short' at 'accessKeyId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 16"
    )


def test_every_service_binds_to_its_model() -> None:
    from pileus.kernel.cloud import load, services

    for name, package in services().items():
        service = load(package)
        assert service.name == name
        assert service.operations, f"{name} implements nothing"
