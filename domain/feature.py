"""What can be switched on. Every flag is off unless the settings say otherwise."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import FeatureDisabled


class Feature(StrEnum):
    CARDHOLDERS = "CARDHOLDERS"
    VIRTUAL_CARDS = "VIRTUAL_CARDS"
    PHYSICAL_CARDS = "PHYSICAL_CARDS"


@dataclass(frozen=True, slots=True)
class Features:
    enabled: Collection[Feature]

    def require(self, feature: Feature) -> None:
        """Raises FeatureDisabled."""
        if feature not in self.enabled:
            raise FeatureDisabled(feature)
