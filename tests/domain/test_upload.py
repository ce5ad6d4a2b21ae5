import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidState, Refusals
from domain.ids import UploadId, UserId
from domain.upload import (
    TYPES,
    RejectReason,
    Upload,
    UploadOrder,
    UploadPurpose,
    UploadStatus,
    fault_of,
    upload_order,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHA256 = "0" * 64
PDF = UploadOrder(UploadPurpose.DOCUMENT, "a.pdf", "application/pdf", 5, SHA256)
UPLOAD = Upload(UploadId("upl_1"), UserId("usr_1"), "mock", PDF, "usr_1/1.pdf", NOON, NOON + timedelta(seconds=900))
PENDING, STORED, REJECTED, EXPIRED, DELETED = UploadStatus


def order(
    purpose: UploadPurpose = UploadPurpose.DOCUMENT,
    *,
    file_name: str = "a.pdf",
    content_type: str = "application/pdf",
    size_bytes: int = 5,
    sha256: str = SHA256,
) -> UploadOrder:
    return upload_order(purpose, file_name=file_name, content_type=content_type, size_bytes=size_bytes, sha256=sha256)


def faults_of(purpose: UploadPurpose = UploadPurpose.DOCUMENT, **changes: object) -> list[str]:
    with pytest.raises(Refusals) as refused:
        order(purpose, **changes)  # type: ignore[arg-type]  # the fields under test
    return [refusal.code for refusal in refused.value.refusals]


@given(st.lists(st.sampled_from(UploadStatus), max_size=10))
def test_an_upload_never_goes_back(wishes: list[UploadStatus]) -> None:
    upload = UPLOAD
    for wish in wishes:
        before = upload
        try:
            upload = upload.become(wish, NOON)
        except InvalidState:
            assert before.status is not PENDING
            continue
        assert upload.version == before.version + (upload is not before)
        assert before.status in (PENDING, upload.status) or upload.status is DELETED


@pytest.mark.parametrize("status", [STORED, REJECTED, EXPIRED])
def test_what_has_ended_can_only_be_deleted(status: UploadStatus) -> None:
    ended = replace(UPLOAD, status=status)

    assert ended.become(DELETED, NOON).status is DELETED
    for other in {PENDING, STORED, REJECTED, EXPIRED} - {status}:
        with pytest.raises(InvalidState, match=status):
            ended.become(other, NOON)


def test_only_a_stored_upload_has_a_time_and_only_a_rejected_one_a_reason() -> None:
    stored = UPLOAD.become(STORED, NOON)
    rejected = UPLOAD.become(REJECTED, NOON, RejectReason.SIZE_DIFFERS)

    assert (stored.stored_at, stored.reject_reason) == (NOON, None)
    assert (rejected.stored_at, rejected.reject_reason) == (None, RejectReason.SIZE_DIFFERS)
    assert stored.become(DELETED, NOON + timedelta(days=1)).stored_at == NOON
    assert rejected.become(DELETED, NOON).reject_reason is RejectReason.SIZE_DIFFERS


@given(
    st.text(max_size=300),
    st.sampled_from([*TYPES, "text/html", ""]),
    st.integers(-1, 20_000_000),
    st.text(max_size=70),
    st.sampled_from(UploadPurpose),
)
def test_what_is_taken_has_no_path_and_ends_as_its_type(
    name: str, kind: str, size: int, sha256: str, purpose: UploadPurpose
) -> None:
    try:
        taken = order(purpose, file_name=name, content_type=kind, size_bytes=size, sha256=sha256)
    except Refusals as refused:
        assert refused.refusals
        return
    assert not re.search(r"[/\\\x00-\x1f]", taken.file_name)
    assert taken.file_name.rpartition(".")[2].lower() in TYPES[taken.content_type].names


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("report.PDF", True),
        ("årsoppgave 2026.pdf", True),
        ("x" * 251 + ".pdf", True),
        ("x" * 252 + ".pdf", False),
        ("report.exe", False),
        ("pdf.exe", False),
        ("../report.pdf", False),
        ("a\\report.pdf", False),
        ("C:report.pdf", False),
        (" report.pdf", False),
        ("report.pdf.", False),
        ("re\nport.pdf", False),
        ("", False),
    ],
)
def test_a_name_is_plain_and_ends_as_its_type(name: str, is_taken: bool) -> None:
    if is_taken:
        assert order(file_name=name).file_name == name
    else:
        assert faults_of(file_name=name) == ["INVALID_FILE_NAME"]


@pytest.mark.parametrize(
    ("purpose", "allowed"),
    [
        (UploadPurpose.AVATAR, {"image/jpeg", "image/png", "image/webp"}),
        (UploadPurpose.RECEIPT, {"image/jpeg", "image/png", "image/webp", "application/pdf"}),
        (UploadPurpose.DOCUMENT, {"image/jpeg", "image/png", "application/pdf"}),
    ],
)
def test_each_purpose_has_its_own_types(purpose: UploadPurpose, allowed: set[str]) -> None:
    taken = set()
    for content_type, kind in TYPES.items():
        name = f"a.{kind.extension}"
        try:
            taken.add(order(purpose, file_name=name, content_type=content_type).content_type)
        except Refusals as refused:
            assert [refusal.code for refusal in refused.refusals] == ["UNSUPPORTED_FILE_TYPE"]

    assert taken == allowed


@pytest.mark.parametrize("size_bytes", [1, 10 * 1024 * 1024])
def test_a_file_may_have_ten_mebibytes(size_bytes: int) -> None:
    assert order(size_bytes=size_bytes).size_bytes == size_bytes


@pytest.mark.parametrize("size_bytes", [-1, 0, 10 * 1024 * 1024 + 1])
def test_an_empty_file_and_a_larger_one_are_refused(size_bytes: int) -> None:
    assert faults_of(size_bytes=size_bytes) == ["INVALID_FILE_SIZE"]


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n"])
def test_a_checksum_is_64_hexadecimal_digits(sha256: str) -> None:
    assert faults_of(sha256=sha256) == ["INVALID_CHECKSUM"]


def test_all_faults_come_at_once() -> None:
    assert faults_of(file_name="", content_type="text/html", size_bytes=0, sha256="") == [
        "UNSUPPORTED_FILE_TYPE",
        "INVALID_FILE_NAME",
        "INVALID_FILE_SIZE",
        "INVALID_CHECKSUM",
    ]


@pytest.mark.parametrize(
    ("size", "kind", "sha256", "first", "reason"),
    [
        (5, "application/pdf", SHA256, b"%PDF-1.7", None),
        (5, "application/pdf", None, b"%PDF-1.7", None),
        (6, "application/pdf", SHA256, b"%PDF-1.7", RejectReason.SIZE_DIFFERS),
        (5, "text/html", SHA256, b"%PDF-1.7", RejectReason.TYPE_DIFFERS),
        (5, "application/pdf", "1" * 64, b"%PDF-1.7", RejectReason.CHECKSUM_DIFFERS),
        (5, "application/pdf", SHA256, b"<html>", RejectReason.CONTENT_IS_ANOTHER_TYPE),
    ],
)
def test_what_differs_is_named(size: int, kind: str, sha256: str | None, first: bytes, reason: object) -> None:
    assert fault_of(PDF, size_bytes=size, content_type=kind, sha256=sha256, first=first) is reason


def test_names_as_macos_gives_them_and_checksums_in_either_case_are_taken() -> None:
    taken = order(file_name="Screenshot 2026-11-24 at 3.41.12\u202fPM 👨‍👩‍👧.pdf", sha256="AB" * 32)

    assert taken.sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("content_type", "first", "is_right"),
    [
        ("application/pdf", b"%PDF-1.7", True),
        ("application/pdf", b"\n" * 1_019 + b"%PDF-", True),
        ("application/pdf", b"\n" * 1_020 + b"%PDF", False),
        ("image/webp", b"RIFF\n\n\0\0WEBPVP8 ", True),
        ("image/webp", b"RIFF\0\0\0\0WAVEfmt ", False),
        ("image/png", b"\x89PNG\r\n\x1a\n", True),
        ("image/png", b"\x89PNG\n\n", False),
    ],
)
def test_a_file_is_what_its_signature_says(content_type: str, first: bytes, is_right: bool) -> None:
    declared = UploadOrder(UploadPurpose.RECEIPT, "a", content_type, 5, SHA256)

    fault = fault_of(declared, size_bytes=5, content_type=content_type, sha256=SHA256.upper(), first=first)

    assert fault is (None if is_right else RejectReason.CONTENT_IS_ANOTHER_TYPE)
