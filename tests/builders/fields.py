"""The keys of mock mode, for tests that open the database themselves."""

from typing import Final

from gateway.assembly.keys import field_encryption
from gateway.settings.check import load_settings

FIELDS: Final = field_encryption(load_settings(_env_file=None))
