"""BGP: what networks tell each other of, spoken by Debian's `bird`, one process for each speaker.

    speakers = cloud.engine(Speakers)
    await speakers.run(Speaker("blue", space, "169.254.0.1", 64512, (Peer("one", …),)), hear)

A speaker tells its peers of what it is given, and says what it is told; it changes nothing in the kernel. Routes are
the business of whoever asked for it.

    plans     what is asked for, and what is told
    bird      BIRD's configuration, questions to it, and its answers
    speakers  which speakers run
"""

from .bird import program, unable
from .plans import Learned, Peer, Speaker, State
from .speakers import Speakers

__all__ = ["Learned", "Peer", "Speaker", "Speakers", "State", "program", "unable"]
