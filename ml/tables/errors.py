"""What is wrong with a table."""


class TableError(ValueError):
    """A table can't be used; the message names the file, the column, and what would be right."""
