"""Hardware security modules: tokens of SoftHSM2, reached by PKCS #11 as any other module would be."""

from .hsms import Absent, Hsms, Refused

__all__ = ["Absent", "Hsms", "Refused"]
