"""AWS Elemental MediaStore: containers for media, and the policies that hang on them.

This is the whole of the control plane. What reads and writes objects is another API, MediaStore Data, and is not built:
a container's endpoint answers 501 until it is, and so the policies have nothing yet to work on.
"""

from pileus.kernel import Service

mediastore = Service("mediastore")
