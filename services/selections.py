"""What known documents ask of the database."""

from collections.abc import Sequence

from db.unit_of_work import Read
from domain.ids import UserId
from domain.page import Keyset
from domain.selection import Row, Selection


class Selections:
    """Reads all that a document asks for, by one statement and so of one moment."""

    def __init__(self, read: Read) -> None:
        self._read = read

    async def read(self, user_id: UserId, asked: Selection, pages: Sequence[Keyset]) -> Row:
        """What lies beside the user.

        Raises NotCoveredError where no statement is made of it, FaultyValueError, and DatabaseAway.
        """
        async with self._read() as read:
            return await read.selections.read(user_id, asked, pages)
