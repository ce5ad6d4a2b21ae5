"""How long a sign-in lasts."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, Field

from domain.session import Lifetime

Many = Annotated[int, Field(ge=1)]
# RTS on strong customer authentication (EU 2018/389), article 4(3)(d).
WEB_IDLE_MINUTES: Final = 5
# In mock mode somebody develops with it.
MOCK_WEB_IDLE_MINUTES: Final = 12 * 60


class SessionSettings(BaseModel):
    """By what holds the session: a browser, or an app."""

    web_session_idle_minutes: Many | None = Field(
        default=None,
        description=f"Minutes without use after which a browser is signed out: {WEB_IDLE_MINUTES} by default, the most "
        f"that the RTS allow (article 4(3)(d)); in mock mode {MOCK_WEB_IDLE_MINUTES}.",
    )
    web_session_hours: Many = Field(default=12, description="Hours that a browser's sign-in lasts at most.")
    app_session_idle_days: Many = Field(default=14, description="Days without use after which an app is signed out.")
    app_session_days: Many = Field(default=90, description="Days that an app's sign-in lasts at most.")

    @property
    def app_lifetime(self) -> Lifetime:
        """That of an app's sign-in."""
        return Lifetime(timedelta(days=self.app_session_idle_days), timedelta(days=self.app_session_days))
