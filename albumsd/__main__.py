"""``python -m albumsd``: the command line."""

import sys

from albumsd.cli import main

if __name__ == "__main__":
    sys.exit(main())
