"""`python -m sklearn_set`: the program of `sklearn_set._cli`."""

import sys

from sklearn_set._cli.program import main

if __name__ == "__main__":
    sys.exit(main())
