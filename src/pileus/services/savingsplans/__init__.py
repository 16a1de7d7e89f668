"""Savings Plans: so many dollars an hour are promised, and use costs less.

offerings       what can be bought: plans for all computing, for a family of instances, for SageMaker, for databases
rates           what use costs under a plan
plans           those that are bought

Plans are records of billing; nothing else depends on them. What EC2 costs under a plan is what a reserved instance on
the same terms costs, which EC2 itself is asked for. Left out: rates of anything but EC2.
"""

from pileus.kernel import Service

savingsplans = Service("savingsplans")
