"""Only for sqlfluff: a stand-in for dbt's `api`."""


class Relation:
    """Relations are not needed to read the SQL."""

    @staticmethod
    def create(**_names):
        """Nothing."""
        return None
