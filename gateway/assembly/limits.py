"""What clients may do how often, by the settings: over all processes, or in this one alone."""

from collections.abc import Mapping
from typing import Final

from gateway.settings.limit_settings import LimitSettings
from providers.calling.places import Places, SharedPlaces
from providers.calling.shared_limits import SharedLimits
from providers.calling.windows import SharedWindows, Windows
from services.limits import LimitName, Limits

_MINUTE_S: Final = 60.0


def build_limits(settings: LimitSettings, shared: SharedLimits | None, sockets: SharedPlaces | None = None) -> Limits:
    """Every limit. Operations are counted in each process: a read waits for no Redis."""
    places = sockets or Places(settings.limit_sockets)
    times: Mapping[LimitName, int] = {
        LimitName.SIGN_INS: settings.limit_sign_ins,
        LimitName.LOGIN_RETURNS: settings.limit_sign_ins,
        LimitName.TOKEN_EXCHANGES: settings.limit_token_exchanges,
        LimitName.BAD_SIGNATURES: settings.limit_bad_signatures,
        LimitName.OPERATOR_GUESSES: settings.limit_operator_guesses,
        LimitName.OPERATIONS: settings.limit_operations,
        LimitName.MUTATIONS: settings.limit_mutations,
        LimitName.MONEY_MUTATIONS: settings.limit_money_mutations,
    }
    alone = {name: Windows(most, _MINUTE_S) for name, most in times.items()}
    if shared is None:
        return Limits(alone, places)
    everywhere = {name: SharedWindows(name, shared, windows) for name, windows in alone.items()}
    return Limits({**everywhere, LimitName.OPERATIONS: alone[LimitName.OPERATIONS]}, places)
