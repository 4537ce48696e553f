"""The one error that bad input gives."""


class DepcapError(ValueError):
    """Bad input: one line that names the cause and what is accepted.

    The command line prints it and exits with 2; the page shows it as a message.
    """
