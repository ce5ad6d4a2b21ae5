"""What can be switched on. Every flag is off unless the settings say otherwise."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import FeatureDisabled


class Feature(StrEnum):
    """What can be switched on by a setting of its own."""

    CARDHOLDERS = "CARDHOLDERS"
    VIRTUAL_CARDS = "VIRTUAL_CARDS"
    PHYSICAL_CARDS = "PHYSICAL_CARDS"


@dataclass(frozen=True, slots=True)
class Features:
    """The flags that are on, as the settings say."""

    enabled: Collection[Feature]

    def require(self, feature: Feature) -> None:
        """Raises FeatureDisabled where the feature is off."""
        if feature not in self.enabled:
            raise FeatureDisabled(feature)
