"""Amazon EventBridge Scheduler: schedules by rate, cron and once, in any time zone, that call any operation.

    groups, schedules, tags     what there is, and how it is configured
    checking                    what a schedule may be
    running                     when it is due, what it calls, and what is done where that fails

A schedule's next time is a task, and so is each call. A time that passes while no cloud is running is made up for once.

Left out: encryption by customer keys, since schedules lie in the store as they are; SageMaker's and event bus v2's
templated targets.
"""

from pileus.kernel import Service

scheduler = Service("scheduler")
