"""``python -m anyanomaly_core.cli``, for a checkout whose path has a space."""

from anyanomaly_core.cli.app import main

main()
