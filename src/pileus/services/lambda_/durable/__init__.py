"""Durable executions: functions that run for as long as a year, in many invocations, each of which knows what was done.

Developer Guide, "Lambda durable functions". A function whose configuration has a DurableConfig is invoked with the
state of an execution instead of an event; the SDK in it replays what is done, takes checkpoints of what it does, and
ends the invocation where it has to wait. Here:

    executions      an execution: started, found, listed, stopped, paused, deleted, forgotten
    operations      its steps, waits, callbacks, contexts and chained invocations, and how a checkpoint changes them
    checkpoints     CheckpointDurableExecution, GetDurableExecutionState
    driving         the invocations of an execution, from the first to the one that says how it ended
    timers          what becomes due: waits, retries of steps, time limits
    callbacks       what others tell an execution
    history         what has happened, event by event

Left out: encryption of what an execution holds under a key of one's own; tenants; durable functions behind function
URLs and event source mappings, which hand them the event itself.
"""

from . import callbacks, checkpoints, driving, executions, history, operations, timers

__all__ = ["callbacks", "checkpoints", "driving", "executions", "history", "operations", "timers"]
