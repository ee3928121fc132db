"""`python -m zoo` is the command `zoo`."""

from zoo.cli.app import main

main()
