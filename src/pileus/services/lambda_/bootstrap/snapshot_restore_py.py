"""Hooks of SnapStart: what runs before a snapshot is made, and what after it has been restored.

The same functions as in AWS's package of that name, which its Python runtimes bring along.
"""

_before = []
_after = []


def register_before_snapshot(func, *args, **kwargs):
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    """The hooks in the order in which they run: the last one first."""
    return list(reversed(_before))


def get_after_restore():
    return list(_after)
