"""`python -m pileus.cli` is `pileus`."""

import sys

from . import main

sys.exit(main())
