"""Recycle Bin: rules that say for how long deleted snapshots, images and volumes are kept, and locks of such rules.

What is kept is EC2's, which asks for the rules when something is deleted.
"""

from pileus.kernel import Service

rbin = Service("rbin")
