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
