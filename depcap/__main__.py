"""`python -m depcap` is the command line."""

from depcap.cli import main

main()
