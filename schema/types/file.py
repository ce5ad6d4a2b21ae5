from datetime import datetime
from typing import Self

import strawberry
from strawberry import Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import data_export, upload
from domain.data_export import DataExportStatus
from domain.upload import RejectReason, UploadPurpose, UploadStatus
from schema.types.context import HasLoaders
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.node import VERSION, Node
from schema.types.scalars import Int64String


@strawberry.type(description="A file of the user's.")
class Upload(Node):
    purpose: UploadPurpose = strawberry.field(description="What it is for.")
    status: UploadStatus = strawberry.field(description="Whether the file was taken, and can be downloaded.")
    file_name: str = strawberry.field(description="As the user's device named it.")
    content_type: str = strawberry.field(description="As declared, and verified at completion.")
    size_bytes: Int64String = strawberry.field(description="As declared, and verified at completion.")
    sha256: str = strawberry.field(description="In hexadecimal, as declared, and verified at completion.")
    reject_reason: RejectReason | None = strawberry.field(description="Why what was stored was not taken.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    expires_at: datetime = strawberry.field(description="Until when the file can be put.")
    stored_at: datetime | None = strawberry.field(description="When it was verified.")
    version: int = strawberry.field(description=VERSION)
    shown: strawberry.Private[upload.Upload]

    @strawberry.field(description="Gives the file, for 15 minutes; null unless it is STORED. Not covered by `version`.")
    def download_url(self, info: Info[HasLoaders, None]) -> str | None:
        return info.context.download_urls.upload(self.shown)

    @classmethod
    def of(cls, upload: upload.Upload) -> Self:
        return cls(
            id=strawberry.ID(upload.id),
            purpose=upload.order.purpose,
            status=upload.status,
            file_name=upload.order.file_name,
            content_type=upload.order.content_type,
            size_bytes=Int64String(upload.order.size_bytes),
            sha256=upload.order.sha256,
            reject_reason=upload.reject_reason,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
            stored_at=upload.stored_at,
            version=upload.version,
            shown=upload,
        )


@strawberry.type(description="A header that must be sent as it stands.")
class HttpHeader:
    name: str = strawberry.field(description="The header's name in lower case.")
    value: str = strawberry.field(description="The value to send, exactly as it is here.")


@strawberry.type(description="A presigned PUT: any HTTP client can send it, once.")
class UploadTarget:
    method: str = strawberry.field(description="The HTTP method of the request, which is PUT.")
    url: str = strawberry.field(description="Where to; it works until `upload.expiresAt`.")
    headers: list[HttpHeader] = strawberry.field(directives=[at_most(20)], description="All of them are signed.")


@strawberry.input(description="What will be uploaded.")
class CreateUploadInput:
    purpose: UploadPurpose = strawberry.field(description="What it is for.")
    file_name: str = strawberry.field(description="Without a path; it must end as its type does.")
    content_type: str = strawberry.field(description="image/jpeg, image/png, image/webp or application/pdf.")
    size_bytes: int = strawberry.field(description="Exactly; 10 MiB at most.")
    sha256: str = strawberry.field(description="Of the whole file, 64 hexadecimal digits.")


@strawberry.type(description="What `createUpload` gives back to the client.")
class CreateUploadPayload:
    upload: Upload | None = strawberry.field(description="PENDING, until it is completed or expires.", default=None)
    target: UploadTarget | None = strawberry.field(description="Where to put the file.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="The upload to act on, among the viewer's.")
class UploadInput:
    id: strawberry.ID = strawberry.field(description="The id of the upload to act on.")


@strawberry.type(description="What `completeUpload` and `deleteUpload` give.")
class UploadPayload:
    upload: Upload | None = strawberry.field(description="The upload as it stands after the change.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="All that Drop keeps about the user, as a ZIP.")
class DataExport(Node):
    status: DataExportStatus = strawberry.field(description="Whether the export can be downloaded.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    ready_at: datetime | None = strawberry.field(description="Since when it can be downloaded.")
    expires_at: datetime | None = strawberry.field(description="Until when it can be downloaded.")
    size_bytes: Int64String | None = strawberry.field(description="The size of the ZIP in bytes.")
    version: int = strawberry.field(description=VERSION)
    shown: strawberry.Private[data_export.DataExport]

    @strawberry.field(description="Gives the ZIP, for 15 minutes; null unless it is READY. Not covered by `version`.")
    def download_url(self, info: Info[HasLoaders, None]) -> str | None:
        return info.context.download_urls.data_export(self.shown)

    @classmethod
    def of(cls, export: data_export.DataExport) -> Self:
        return cls(
            id=strawberry.ID(export.id),
            status=export.status,
            requested_at=export.requested_at,
            ready_at=export.ready_at,
            expires_at=export.expires_at,
            size_bytes=Int64String(export.size_bytes) if export.size_bytes is not None else None,
            version=export.version,
            shown=export,
        )


@strawberry.type(description="What `requestDataExport` gives back to the client.")
class RequestDataExportPayload:
    data_export: DataExport | None = strawberry.field(
        description="`viewerEvents` and a mail tell when it is READY.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
