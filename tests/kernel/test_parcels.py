"""Parcels: small bytes that share the fate of the attempt that puts or discards them."""

from __future__ import annotations

from contextlib import suppress

from pileus.kernel import parcels
from pileus.kernel.store import open_store


def test_what_is_put_is_got_until_it_is_discarded() -> None:
    store = open_store(None)
    names = [parcels.put(store, b"%d" % number) for number in range(3)]
    assert len(set(names)) == 3
    assert [parcels.get(store, name) for name in names] == [b"0", b"1", b"2"]
    parcels.discard(store, names[1])
    assert [parcels.get(store, name) for name in names] == [b"0", None, b"2"]
    store.close()


def test_one_that_is_put_over_another_has_its_name_and_is_undone_with_its_attempt() -> None:
    store = open_store(None)
    name = parcels.put(store, b"first")
    with suppress(ValueError), store.attempt():
        assert parcels.put(store, b"lost", over=name) == name
        raise ValueError
    assert parcels.get(store, name) == b"first"
    assert parcels.put(store, b"second", over=name) == name
    assert parcels.get(store, name) == b"second"
    store.close()


def test_a_parcel_goes_with_its_attempt() -> None:
    store = open_store(None)
    kept = parcels.put(store, b"kept")
    lost = ""
    with suppress(ValueError), store.attempt():
        lost = parcels.put(store, b"lost")
        parcels.discard(store, kept)
        raise ValueError
    assert (parcels.get(store, kept), parcels.get(store, lost)) == (b"kept", None)
    store.close()
