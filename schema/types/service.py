from datetime import datetime

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain.feature import Feature


@strawberry.type(description="Something that can be switched on.")
class FeatureState:
    name: Feature = strawberry.field(description="The feature that is on or off.")
    enabled: bool = strawberry.field(description="Off unless the operator has switched it on.")


@strawberry.type(description="The vendor behind one port.")
class ProviderStatus:
    port: str = strawberry.field(description="What it is for, such as `kyc`.")
    vendor: str = strawberry.field(description="The name of the vendor behind the port.")
    is_mock: bool = strawberry.field(description="Whether it is simulated.")
    is_available: bool = strawberry.field(description="False while calls are refused because it has failed too often.")


@strawberry.type(description="What this gateway runs on.")
class ServiceStatus:
    mode: str = strawberry.field(description="Whether vendors are simulated: mock or production.")
    is_bankid_mock: bool = strawberry.field(description="Whether the login is simulated.")
    providers: list[ProviderStatus] = strawberry.field(description="Every port, by name.")
    now: datetime = strawberry.field(description="The gateway's clock, which mock mode can move: count expiries by it.")
