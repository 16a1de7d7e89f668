"""What every service stands on."""

from .arn import Arn
from .call import Call
from .errors import Fault, Unfinished
from .identity import Principal
from .operation import Service
from .record import Page, Record

__all__ = ["Arn", "Call", "Fault", "Page", "Principal", "Record", "Service", "Unfinished"]
