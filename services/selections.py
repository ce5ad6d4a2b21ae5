"""What known documents ask of the database."""

from db.unit_of_work import Read
from domain.clock import Clock, oslo_date
from domain.ids import UserId
from domain.selection import Request, Row, Selection


class Selections:
    """Reads all that a document asks for, by one statement and so of one moment."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock

    async def read(self, user_id: UserId, asked: Selection, request: Request) -> Row:
        """What lies beside the user.

        Raises NotCoveredError where no statement is made of it, FaultyValueError, and DatabaseAway.
        """
        async with self._read() as read:
            return await read.selections.read(user_id, asked, request, oslo_date(self._clock.now()))
