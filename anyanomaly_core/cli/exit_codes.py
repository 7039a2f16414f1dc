"""What the command ``anyanomaly`` tells its caller; docs/cli.md lists them."""

INCOMPLETE = 3  # it did its work, but something could not be scored; 0 is success, 1 an error, 2 wrong usage
