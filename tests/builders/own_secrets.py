"""What a gateway needs of its own beside a real vendor."""

from typing import Any, Final

from cryptography.fernet import Fernet

OPERATOR_TOKEN: Final = "let-operators-in-7301"
OWN: Final[dict[str, Any]] = {
    "operator_token": OPERATOR_TOKEN,
    "field_encryption_keys": Fernet.generate_key().decode(),
    "field_hash_key": "q8Zr1xW5vT9nK3bM7cL2pS6dF4gH0jYa",
}
