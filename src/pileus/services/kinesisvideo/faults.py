"""Kinesis Video Streams' errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def invalid(message: str) -> Fault:
    return Fault("InvalidArgumentException", message)


def no_stream() -> Fault:
    return Fault("ResourceNotFoundException", "The requested stream is not found or not active.")


def no_channel() -> Fault:
    return Fault("ResourceNotFoundException", "The requested channel is not found or not active.")


def mismatch(kind: str) -> Fault:
    return Fault("VersionMismatchException", f"The {kind} version that you specified is not the latest version.")


def no_retention() -> Fault:
    return Fault("NoDataRetentionException", "The stream data retention in hours is equal to zero.")


def no_fragments() -> Fault:
    return Fault("ResourceNotFoundException", "No fragments found in the stream for the given request.")
