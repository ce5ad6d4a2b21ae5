import pytest

from domain.errors import FeatureDisabled
from domain.feature import Feature, Features


def test_what_is_on_may_be_used_and_nothing_else() -> None:
    features = Features({Feature.CARDHOLDERS})

    features.require(Feature.CARDHOLDERS)
    for other in set(Feature) - {Feature.CARDHOLDERS}:
        with pytest.raises(FeatureDisabled, match=other):
            features.require(other)
