from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pileus.kernel import Fault, Record
from pileus.kernel.call import Call
from pileus.kernel.cloud import named, services


class Track(Record, key=("album", "number"), indexes={"by_title": ("title",)}, arn="album/{album}/{number}"):
    album: str
    number: int
    title: str
    plays: int = 0


class Licence(Record, scope="account"):
    name: str


class Planet(Record, scope="cloud"):
    name: str


@dataclass
class Shelf:
    call: Call

    def add(self, album: str, number: int, title: str) -> Track:
        return Track(album=album, number=number, title=title).put(self.call)


@pytest.fixture
def shelf(call: Call) -> Shelf:
    return Shelf(call)


def test_what_was_put_is_got_back(shelf: Shelf) -> None:
    shelf.add("blue", 1, "rain")
    assert Track.get(shelf.call, "blue", 1) == Track(album="blue", number=1, title="rain")
    assert Track.get(shelf.call, "blue", 2) is None


def test_a_scan_goes_in_the_order_of_keys_and_within_its_bounds(shelf: Shelf) -> None:
    for number in (3, 1, 10, 2):
        shelf.add("blue", number, f"t{number}")
    shelf.add("bluer", 1, "other album")

    def numbers(**bounds: object) -> list[int]:
        return [track.number for track in Track.scan(shelf.call, "blue", **bounds)]  # type: ignore[arg-type]

    assert numbers() == [1, 2, 3, 10]
    assert numbers(reverse=True) == [10, 3, 2, 1]
    assert numbers(since=(2,)) == [2, 3, 10]
    assert numbers(above=(2,)) == [3, 10]
    assert numbers(before=(3,)) == [1, 2]
    assert numbers(upto=(3,)) == [1, 2, 3]
    assert numbers(limit=2) == [1, 2]
    assert Track.first(shelf.call, "blue", above=(3,)) == Track(album="blue", number=10, title="t10")


def test_an_index_follows_every_change(shelf: Shelf) -> None:
    track = shelf.add("blue", 1, "rain")

    def found(title: str) -> list[int]:
        return [track.number for track in Track.scan(shelf.call, title, index="by_title")]

    assert found("rain") == [1]
    track.title = "snow"
    track.put(shelf.call)
    assert (found("rain"), found("snow")) == ([], [1])
    track.move(shelf.call, number=2, title="hail")
    assert (found("snow"), found("hail")) == ([], [2])
    assert Track.get(shelf.call, "blue", 1) is None
    track.delete(shelf.call)
    assert found("hail") == []


def test_accounts_and_regions_do_not_see_each_others_records(shelf: Shelf) -> None:
    shelf.add("blue", 1, "rain")
    call = shelf.call
    assert Track.get(call.at(account="444455556666"), "blue", 1) is None
    assert Track.get(call.at(region="eu-west-1"), "blue", 1) is None
    assert Track.get(call.at(), "blue", 1) is not None


def test_a_record_of_wider_scope_is_seen_from_further_away(call: Call) -> None:
    Licence(name="driver").put(call)
    Planet(name="mars").put(call)
    assert Licence.get(call.at(region="eu-west-1"), "driver")
    assert not Licence.get(call.at(account="444455556666"), "driver")
    assert Planet.get(call.at(account="444455556666", region="eu-west-1"), "mars")


def test_a_failed_attempt_leaves_records_and_indexes_as_they_were(shelf: Shelf) -> None:
    shelf.add("blue", 1, "rain")
    with pytest.raises(RuntimeError), shelf.call.transaction():
        shelf.add("blue", 1, "snow")
        raise RuntimeError
    assert [track.title for track in Track.scan(shelf.call, "rain", index="by_title")] == ["rain"]
    assert not list(Track.scan(shelf.call, "snow", index="by_title"))


def test_an_arn_is_made_from_the_declared_template(shelf: Shelf) -> None:
    assert shelf.add("blue", 7, "rain").arn(shelf.call) == "arn:aws:sqs:us-east-1:111122223333:album/blue/7"


def test_pages_neither_skip_nor_repeat_while_records_come_and_go(shelf: Shelf) -> None:
    for number in range(10):
        shelf.add("blue", number, f"t{number}")
    first = Track.page(shelf.call, "blue", limit=4)
    assert [track.number for track in first.items] == [0, 1, 2, 3]
    Track.get(shelf.call, "blue", 1).delete(shelf.call)  # type: ignore[union-attr]
    Track.get(shelf.call, "blue", 3).delete(shelf.call)  # type: ignore[union-attr]
    assert first.token
    second = Track.page(shelf.call, "blue", limit=4, token=first.token)
    assert [track.number for track in second.items] == [4, 5, 6, 7]
    assert second.token
    last = Track.page(shelf.call, "blue", limit=4, token=second.token)
    assert ([track.number for track in last.items], last.token) == ([8, 9], None)


def test_a_page_holds_something_however_little_is_asked_for(shelf: Shelf) -> None:
    for number in range(2):
        shelf.add("blue", number, f"t{number}")
    for limit in (0, -1):
        first = Track.page(shelf.call, "blue", limit=limit)
        assert [track.number for track in first.items] == [0]
        last = Track.page(shelf.call, "blue", limit=limit, token=first.token or "")
        assert ([track.number for track in last.items], last.token) == ([1], None)


def test_pages_of_an_index_and_of_a_selection(shelf: Shelf) -> None:
    for number in range(6):
        shelf.add("blue", number, "even" if number % 2 == 0 else "odd")
    page = Track.page(shelf.call, "even", index="by_title", limit=2)
    assert [track.number for track in page.items] == [0, 2]
    assert page.token
    rest = Track.page(shelf.call, "even", index="by_title", limit=2, token=page.token)
    assert [track.number for track in rest.items] == [4]
    odd = Track.page(shelf.call, "blue", limit=2, where=lambda track: track.title == "odd")
    assert [track.number for track in odd.items] == [1, 3]


def test_pages_backwards_within_bounds(shelf: Shelf) -> None:
    for number in range(10):
        shelf.add("blue", number, "t")
    numbers, token = [], ""
    while True:
        page = Track.page(shelf.call, "blue", limit=3, token=token, reverse=True, since=(1,), upto=(8,))
        numbers.append([track.number for track in page.items])
        if not page.token:
            break
        token = page.token
    assert numbers == [[8, 7, 6], [5, 4, 3], [2, 1]]


@pytest.mark.parametrize(
    "spoil", [lambda token: token[:-2], lambda token: "A" + token, lambda token: "!!", lambda token: "x"]
)
def test_a_tampered_token_is_refused(shelf: Shelf, spoil: object) -> None:
    for number in range(3):
        shelf.add("blue", number, "t")
    token = Track.page(shelf.call, "blue", limit=1).token
    with pytest.raises(Fault, match="InvalidToken"):
        Track.page(shelf.call, "blue", limit=1, token=spoil(token), invalid=Fault("InvalidToken", status=400))  # type: ignore[operator]


def test_a_token_is_good_only_for_the_account_that_got_it(shelf: Shelf) -> None:
    for number in range(3):
        shelf.add("blue", number, "t")
    token = Track.page(shelf.call, "blue", limit=1).token
    with pytest.raises(Fault, match="ValidationException"):
        Track.page(shelf.call.at(account="444455556666"), "blue", limit=1, token=token or "")


def test_delete_all_removes_what_starts_with_the_prefix(call: Call) -> None:
    for name in ("a", "b"):
        Licence(name=name).put(call)
    assert Licence.delete_all(call) == 2
    assert not list(Licence.scan(call))


def test_delete_all_can_remove_piece_by_piece(call: Call) -> None:
    for name in "abcde":
        Licence(name=name).put(call)
    assert Licence.delete_all(call, limit=2) == 2
    assert [licence.name for licence in Licence.scan(call)] == ["c", "d", "e"]
    assert [Licence.delete_all(call, limit=2) for _ in range(3)] == [2, 1, 0]


def records(cls: type[Record] = Record) -> Iterator[type[Record]]:
    for below in cls.__subclasses__():
        yield from records(below)
        if "layout" in vars(below) and below.__module__.startswith("pileus."):
            yield below


def test_no_two_kinds_of_records_are_kept_in_one_table() -> None:
    for name in services():
        named(name)
    homes = defaultdict(set)
    for record in records():
        homes[record.layout.table].add(f"{record.__module__}.{record.__name__}")
    assert {table: places for table, places in homes.items() if len(places) > 1} == {}
