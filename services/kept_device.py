"""The device of a request, kept encrypted for calls about what it began, while those go on."""

from dataclasses import astuple

import orjson

from domain.device import Device
from services.field_encryption import FieldEncryption


def sealed(encryption: FieldEncryption, device: Device) -> bytes:
    """What is stored of the device."""
    return encryption.encrypt(orjson.dumps(astuple(device)).decode())


def opened(encryption: FieldEncryption, kept: bytes | None) -> Device | None:
    """The device that is stored; None where none is."""
    return Device(*orjson.loads(encryption.decrypt(kept))) if kept is not None else None
