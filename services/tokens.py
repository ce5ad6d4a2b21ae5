"""Random tokens, and the hashes that the database keeps in their place."""

import base64
import hashlib
import secrets


def new_token() -> str:
    """256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """SHA-256: the tokens are random, so no salt or stretching is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def code_challenge_of(code_verifier: str) -> str:
    """PKCE's S256 (RFC 7636, 4.2)."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
