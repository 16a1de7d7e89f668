"""What the operations that describe have in common: ids, filters, pages.

return described(call, Subnet, FILTERS, "Subnets", shown, subnet_ids, filters, max_results, next_token)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from pileus.kernel import Call, Record, paging
from pileus.kernel.errors import Fault
from pileus.kernel.filters import Filters, wildcard

from .faults import bad_value, combination
from .kinds import all_named

R = TypeVar("R", bound=Record)

Members = dict[str, Any]

MOMENT = 0.001
"""How many seconds a state lasts that is only passed through, where nothing real happens in it. It is seen where the
clock stands still; otherwise it is over when a waiter looks for the first time, which then need not look again."""

MOST = 1000
"""How many a page has at most, and without MaxResults."""


def bad_token() -> Fault:
    return Fault("InvalidPaginationToken", "The specified pagination token is not valid.", status=400)


def size(max_results: int, most: int = MOST) -> int:
    """How many a page has, of those that a request wants."""
    if max_results < 0:
        raise bad_value("maxResults", max_results, "Expecting a value greater than or equal to 5.")
    return min(max_results, most) if max_results else most


def check_alone(parameter: str, ids: Sequence[str], max_results: int) -> None:
    """Raise where pages of what is named by ids are asked for."""
    if ids and max_results:
        raise combination(f"The parameter {parameter} cannot be used with the parameter maxResults")


def described(
    call: Call,
    record: type[R],
    fits: Filters,
    member: str,
    shown: Callable[[Call, R], Members],
    ids: Sequence[str] = (),
    filters: Iterable[Mapping[str, Any]] = (),
    max_results: int = 0,
    next_token: str = "",
    *,
    by_shown: bool = False,
    others: Sequence[R] = (),
) -> Members:
    """A page of the records of these ids, or of all, that fit the filters, as `shown` shows them.

    An id that is not there is the kind's own error; a filter that there is not is InvalidParameterValue. The filters
    look at records, or, with `by_shown`, at what is shown of them. A filter by one value for which the record has an
    index (`of_vpc` for `vpc-id`) reads no other records. `others` are those of other accounts that this one sees.
    """
    fitting = fits.test(filters)
    test: Callable[[R], bool] = (lambda one: fitting(shown(call, one))) if by_shown else fitting
    if others:
        seen = with_others(call, record, others, ids)
        return paged(call, member, [shown(call, one) for one in seen if test(one)], max_results, next_token)
    if ids:
        found = [one for one in all_named(call, record, ids) if test(one)]
        return paged(call, member, [shown(call, one) for one in found], max_results, next_token)
    prefix, index = nearest(record, filters)
    page = record.page(
        call, *prefix, index=index, limit=size(max_results), token=next_token, where=test, invalid=bad_token()
    )
    return answer(member, [shown(call, one) for one in page.items], page.token)


def with_others(call: Call, record: type[R], others: Sequence[R], ids: Sequence[str]) -> list[R]:
    """The account's records and others; of these ids, if some are asked for."""
    if not ids:
        return [*record.scan(call), *others]
    theirs = {one.place()[-1]: one for one in others}
    own = all_named(call, record, [what for what in ids if what not in theirs])
    return own + [theirs[what] for what in dict.fromkeys(ids) if what in theirs]


def nearest(record: type[Record], filters: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], str]:
    """Where all records that can fit the filters stand together: a prefix of an index, or of nothing."""
    for one in filters:
        values = one.get("Values", [])
        index = f"of_{one.get('Name', '').removesuffix('-id').replace('-', '_')}"
        if len(values) == 1 and index in record.layout.indexes and not wildcard(values[0]):
            return (values[0],), index
    return (), ""


def paged(call: Call, member: str, items: Iterable[Any], max_results: int = 0, next_token: str = "") -> Members:
    """A page of what is not kept as records: of a list that is the same at the next request."""
    start = paging.opened(call, next_token, bad_token()) if next_token else 0
    most = size(max_results)
    chosen = [*islice(items, start, start + most + 1)]
    return answer(member, chosen[:most], paging.sealed(call, start + most) if len(chosen) > most else None)


def selected(
    call: Call,
    member: str,
    fits: Filters,
    items: Iterable[Any],
    filters: Iterable[Mapping[str, Any]] = (),
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """A page of those that fit the filters, of what is not kept as records."""
    return paged(call, member, filter(fits.test(filters), items), max_results, next_token)


def iso(at: float) -> str:
    """A time as filters have it: `2021-09-29T11:04:43.305Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def answer(member: str, items: list[Any], token: str | None) -> Members:
    return {member: items, "NextToken": token} if token else {member: items}
