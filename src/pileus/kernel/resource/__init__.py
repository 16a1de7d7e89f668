"""Resources that are declared, not written: see `declaration`.

declaration                       the words of a declaration
family, projection, lifecycle     the declaration held against the model
address, life, listing, fields    the operations made from it
"""

from .declaration import Resource
from .family import Row
from .fields import changed, hex_id, now, owner, unique, uuid

__all__ = ["Resource", "Row", "changed", "hex_id", "now", "owner", "unique", "uuid"]
