"""`python -m densa` is `densa`."""

from densa.cli import main

main()
