"""The device of a request, kept encrypted for calls about what it began, while those go on."""

from dataclasses import astuple

import orjson

from db.field_encryption import FieldEncryption
from db.sealed import DEVICE
from domain.device import Device


def sealed(encryption: FieldEncryption, device: Device) -> bytes:
    """What is stored of the device."""
    return encryption.encrypt(orjson.dumps(astuple(device)).decode(), DEVICE)


def opened(encryption: FieldEncryption, kept: bytes | None) -> Device | None:
    """The device that is stored; None where none is."""
    return Device(*orjson.loads(encryption.decrypt(kept, DEVICE))) if kept is not None else None
