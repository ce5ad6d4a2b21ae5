from datetime import datetime

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
from schema.types.view import View, shown


@strawberry.type(description="A file of the user's.")
class Upload(View[upload.Upload], Node):
    purpose: UploadPurpose = shown("order.purpose", description="What it is for.")
    status: UploadStatus = shown("status", description="Whether the file was taken, and can be downloaded.")
    file_name: str = shown("order.file_name", description="As the user's device named it.")
    content_type: str = shown("order.content_type", description="As declared, and verified at completion.")
    size_bytes: Int64String = shown("order.size_bytes", description="As declared, and verified at completion.")
    sha256: str = shown("order.sha256", description="In hexadecimal, as declared, and verified at completion.")
    reject_reason: RejectReason | None = shown("reject_reason", description="Why what was stored was not taken.")
    created_at: datetime = shown("created_at", description="When it was asked for.")
    expires_at: datetime = shown("expires_at", description="Until when the file can be put.")
    stored_at: datetime | None = shown("stored_at", description="When it was verified.")
    version: int = shown("version", description=VERSION)

    @strawberry.field(description="Gives the file, for 15 minutes; null unless it is STORED. Not covered by `version`.")
    def download_url(self, info: Info[HasLoaders, None]) -> str | None:
        return info.context.download_urls.upload(self.shows)


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
class DataExport(View[data_export.DataExport], Node):
    status: DataExportStatus = shown("status", description="Whether the export can be downloaded.")
    requested_at: datetime = shown("requested_at", description="When it was asked for.")
    ready_at: datetime | None = shown("ready_at", description="Since when it can be downloaded.")
    expires_at: datetime | None = shown("expires_at", description="Until when it can be downloaded.")
    size_bytes: Int64String | None = shown("size_bytes", description="The size of the ZIP in bytes.")
    version: int = shown("version", description=VERSION)

    @strawberry.field(description="Gives the ZIP, for 15 minutes; null unless it is READY. Not covered by `version`.")
    def download_url(self, info: Info[HasLoaders, None]) -> str | None:
        return info.context.download_urls.data_export(self.shows)


@strawberry.type(description="What `requestDataExport` gives back to the client.")
class RequestDataExportPayload:
    data_export: DataExport | None = strawberry.field(
        description="`viewerEvents` and a mail tell when it is READY.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
