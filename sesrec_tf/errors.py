"""The one error that a user can cause and mend."""


class InputError(ValueError):
    """Something given by the user is unusable: a file, a flag, a directory, a request.

    The message says what is wrong, what was expected, what was received, and what to do.
    Commands print it on one line and exit with status 2.
    """
