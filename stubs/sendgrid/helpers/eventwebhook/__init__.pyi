"""Types of what `providers/email/sendgrid_events.py` uses: the package brings none."""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

class EventWebhook:
    public_key: EllipticCurvePublicKey
    def __init__(self, public_key: str) -> None: ...
    def verify_signature(self, payload: str, signature: str, timestamp: str) -> bool: ...
