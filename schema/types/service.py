from datetime import datetime

import strawberry

import schema.types.service_enums  # noqa: F401  # registers the domain's enums
from domain.feature import Feature
from domain.service import PortName, ServiceMode
from schema.types.cost import at_most


@strawberry.type(description="Something that can be switched on.")
class FeatureState:
    name: Feature = strawberry.field(description="The feature that is on or off.")
    enabled: bool = strawberry.field(description="Off unless the operator has switched it on.")


@strawberry.type(description="Whether what stands behind one port is real, and answers.")
class ProviderStatus:
    port: PortName = strawberry.field(description="What it does for Drop.")
    is_mock: bool = strawberry.field(description="Whether it is simulated.")
    is_available: bool = strawberry.field(description="False while calls are refused because it has failed too often.")
    banks_away: list[strawberry.ID] = strawberry.field(
        description="The ids of the banks (`banks { id }`) to which alone calls are refused, since each has failed too "
        "often. The other banks of an available port answer."
    )


@strawberry.type(description="What this gateway runs on.")
class ServiceStatus:
    mode: ServiceMode = strawberry.field(description="Whether the vendors are simulated.")
    is_bankid_mock: bool = strawberry.field(description="Whether the login is simulated.")
    providers: list[ProviderStatus] = strawberry.field(directives=[at_most(20)], description="Every port, by name.")
    now: datetime = strawberry.field(description="The gateway's clock, which mock mode can move: count expiries by it.")
