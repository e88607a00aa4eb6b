class InputError(Exception):
    """What the user gave cannot be used. The message is one line that names it and says why."""
