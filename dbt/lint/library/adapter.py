"""Only for sqlfluff: a stand-in for dbt's `adapter`, so that models can be read without a database."""


def dispatch(name, _package=None):
    """A function that writes a call by that name, with its first argument."""
    return lambda *arguments: f"{name}({arguments[0] if arguments else ''})"
