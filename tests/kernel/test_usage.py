from pileus import LocalCloud
from pileus.kernel.call import Call
from pileus.kernel.identity import Principal, root
from pileus.kernel.usage import KeyUse, Use
from pileus.testing.account import Account

USER = "AIDAUSER"
KEY = "AKIAUSER"


def calling(cloud: LocalCloud, aws: Account, principal: Principal | None = None) -> Call:
    arn = f"arn:aws:iam::{aws.id}:user/bob"
    who = principal or Principal("IAMUser", aws.id, arn, USER + aws.id, KEY + aws.id)
    return cloud.server.cloud.call("sqs", account=aws.id, principal=who)


def note(cloud: LocalCloud, call: Call) -> tuple[Use | None, KeyUse | None]:
    def noted() -> tuple[Use | None, KeyUse | None]:
        call.cloud.usage.note(call)
        return Use.get(call, USER + call.account, "sqs"), KeyUse.get(call, KEY + call.account)

    return cloud.do(noted)


def test_a_use_is_written_down_once_a_minute(cloud: LocalCloud, aws: Account) -> None:
    first, key = note(cloud, calling(cloud, aws))
    assert first is not None
    assert key is not None
    assert (first.at, key.service) == (key.at, "sqs")
    assert note(cloud, calling(cloud, aws))[0] == first
    cloud.clock.advance(61)
    later, _ = note(cloud, calling(cloud, aws))
    assert later is not None
    assert later.at >= first.at + 61


def test_what_a_root_or_a_service_does_is_nobodys_use(cloud: LocalCloud, aws: Account) -> None:
    assert note(cloud, calling(cloud, aws, root(aws.id))) == (None, None)
    assert note(cloud, calling(cloud, aws).at(called_via=("s3.amazonaws.com",))) == (None, None)
