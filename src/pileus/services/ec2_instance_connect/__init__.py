"""EC2 Instance Connect: a public key that lets somebody in for a minute, as a user of an instance or at its console.

It is a further API of EC2, whose metadata service hands the key to the instance's SSH server. Consoles are at a port of
the cloud's own.
"""

from pileus.kernel import Service

ec2_instance_connect = Service("ec2-instance-connect", engine="OpenSSH's server in machines of their own")
