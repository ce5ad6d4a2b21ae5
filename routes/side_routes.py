"""Every route that is not GraphQL: served by the gateway, and described in the OpenAPI document."""

from typing import Final

from routes import auth, authorization_server, cards, health, kyc, mock, mock_users, open_banking, webhooks
from routes.graphql import sdl
from routes.operations import DescribedRoute
from routes.operator import (
    audit,
    documents,
    in_doubt,
    jobs,
    metrics,
    odd_lines,
    reconciliation,
    records,
    vendor_migration,
)

ALWAYS: Final[tuple[DescribedRoute, ...]] = (
    *health.ROUTES,
    *sdl.ROUTES,
    *auth.ROUTES,
    *authorization_server.ROUTES,
    *kyc.ROUTES,
    *webhooks.ROUTES,
    *open_banking.ROUTES,
    *cards.ROUTES,
    *records.ROUTES,
    *audit.ROUTES,
    *vendor_migration.ROUTES,
    *in_doubt.ROUTES,
    *odd_lines.ROUTES,
    *jobs.ROUTES,
    *documents.ROUTES,
    *reconciliation.ROUTES,
    *metrics.ROUTES,
)
WITH_SANDBOX: Final[tuple[DescribedRoute, ...]] = (*mock.ROUTES, *mock_users.ROUTES)
