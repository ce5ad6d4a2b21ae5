from typing import Annotated
from urllib.parse import urljoin

from strawberry import Info

from domain.errors import Refusal
from domain.ids import UploadId
from domain.upload import upload_order
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.file import (
    CreateUploadInput,
    CreateUploadPayload,
    DataExport,
    HttpHeader,
    RequestDataExportPayload,
    Upload,
    UploadInput,
    UploadPayload,
    UploadTarget,
)


async def create_upload(
    info: Info[Context, None], input: Annotated[CreateUploadInput, INPUT]
) -> CreateUploadPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        order = upload_order(
            input.purpose,
            file_name=input.file_name,
            content_type=input.content_type,
            size_bytes=input.size_bytes,
            sha256=input.sha256,
        )
        created = await context.services.uploads.create(viewer.user_id, order)
    except Refusal as refusal:
        return CreateUploadPayload(user_errors=user_errors_of(refusal))
    headers = [HttpHeader(name=name, value=value) for name, value in created.target.headers.items()]
    target = UploadTarget(method="PUT", url=urljoin(context.base_url, created.target.url), headers=headers)
    return CreateUploadPayload(upload=Upload.of(created.upload), target=target)


async def complete_upload(info: Info[Context, None], input: Annotated[UploadInput, INPUT]) -> UploadPayload | None:
    viewer = info.context.viewer()
    try:
        upload = await info.context.services.uploads.complete(
            viewer.user_id, known_form(UploadId, input.id, "input", "id")
        )
    except Refusal as refusal:
        return UploadPayload(user_errors=user_errors_of(refusal))
    return UploadPayload(upload=Upload.of(upload))


async def delete_upload(info: Info[Context, None], input: Annotated[UploadInput, INPUT]) -> UploadPayload | None:
    viewer = info.context.viewer()
    try:
        upload = await info.context.services.uploads.delete(
            viewer.user_id, known_form(UploadId, input.id, "input", "id")
        )
    except Refusal as refusal:
        return UploadPayload(user_errors=user_errors_of(refusal))
    return UploadPayload(upload=Upload.of(upload))


async def request_data_export(info: Info[Context, None]) -> RequestDataExportPayload | None:
    viewer = info.context.viewer()
    info.context.services.sessions.require_recent(viewer)
    export = await info.context.services.exports.request(viewer.user_id)
    return RequestDataExportPayload(data_export=DataExport.of(export))
