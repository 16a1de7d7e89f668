"""EC2 Instance Connect: a public key that lets a user of an instance in for a minute.

It is a further API of EC2, whose metadata service hands the key to the instance's SSH server. Left out: the serial
console, which nothing here connects to.
"""

from pileus.kernel import Service

ec2_instance_connect = Service("ec2-instance-connect", engine="OpenSSH's server in machines of their own")
