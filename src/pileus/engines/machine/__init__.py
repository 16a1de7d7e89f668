"""Machines: computers of one's own, made of processes of this one.

    plan = Plan(name="web", user_data=b"#!/bin/sh\\necho hello\\n")
    machine = await cloud.engine(Machines).start(plan)
    print(machine.console.text())
    await machine.stop()

A machine is a tree of processes with a root file system, processes, users, host name, System V objects and network of
its own. Its root is an overlay over an image, so it can change everything, and what it changed is still there after a
stop and a start. Who is root in it is nobody outside: a machine has users of its own (user_namespaces(7), idmapped
mounts), so it mounts, configures its network and kills its own processes, and can do none of that to the host.

    plans         what a machine is
    images        what its root is made of: the host's own system, a folder, an archive
    engine        the machines of a cloud
    machine       one that runs
    console       what a machine has said last
    maker         the launcher: the process that makes them; a program of its own, as is all that follows
    root          mounts, devices and users
    devices       files as block devices
    filters       system calls that machines do without
    init          the first process of a machine
    setup         what is done at every start
    accounts      its users
    cloudinit/    what it does when it boots for the first time

It takes Linux 5.19 and root. Where that is missing there are no machines (`survey.unable` says why). What a machine
cannot do, other than a real one: run a kernel of its own, load modules, see less than the host's memory and
processors in /proc, mount sysfs (as `ip netns exec` does; nsenter(1) does without), or change the size of a file
system while it is mounted. How much it writes is not limited.
"""

from .engine import Machines
from .machine import Machine, MachineFailed
from .plans import File, Plan

__all__ = ["File", "Machine", "MachineFailed", "Machines", "Plan"]
