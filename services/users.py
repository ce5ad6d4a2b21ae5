from db.unit_of_work import Read
from domain.ids import UserId
from domain.user import User


class Users:
    def __init__(self, read: Read) -> None:
        self._read = read

    async def get(self, user_id: UserId) -> User | None:
        async with self._read() as read:
            return await read.users.get(user_id)
