"""`python -m dsari_like`: the same as the `dsari-like` command."""

import sys

from dsari_like.cli import main

sys.exit(main(sys.argv[1:]))
