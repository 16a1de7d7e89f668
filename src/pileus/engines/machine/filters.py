"""System calls that machines do without (seccomp(2)), because no namespace keeps what they reach apart.

These are sockets to the hypervisor that the host itself may run on (vsock(7)). Programs for another processor than the
host's, whose system calls have other numbers, are not run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pileus.engines.sandbox import isolation
else:
    import isolation

SET_FILTER, BY_PROGRAM = 22, 2
PROCESSORS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""How the kernel names each, and the number of socket(2) there."""
TO_HYPERVISOR = 40
OTHER_NUMBERS = 0x40000000
"""From here on they are those of programs with short pointers (x32)."""
ALLOW, FAIL = 0x7FFF0000, 0x00050000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, PROCESSOR_AT, ARGUMENT_AT = 0, 4, 16


def install() -> None:
    """For this process and all that it will start."""
    known = PROCESSORS.get(os.uname().machine)
    if known is None:
        return
    processor, socket = known
    program = [
        (LOAD, 0, 0, PROCESSOR_AT),
        (EQUAL, 1, 0, processor),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 0, 1, OTHER_NUMBERS),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
        (EQUAL, 0, 3, socket),
        (LOAD, 0, 0, ARGUMENT_AT),
        (EQUAL, 0, 1, TO_HYPERVISOR),
        (RETURN, 0, 0, FAIL | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    told = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    result = isolation.process_control(SET_FILTER, BY_PROGRAM, ctypes.addressof(told))
    isolation.checked(result, "seccomp")
