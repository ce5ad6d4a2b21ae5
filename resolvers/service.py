from strawberry import ID, Info

from resolvers.context import Context
from schema.types.service import FeatureState, ProviderStatus, ServiceStatus


async def features(info: Info[Context, None]) -> list[FeatureState]:
    flags = info.context.services.service_status.features()
    return [FeatureState(name=feature, enabled=enabled) for feature, enabled in flags.items()]


async def service_status(info: Info[Context, None]) -> ServiceStatus:
    status = info.context.services.service_status.status()
    providers = [
        ProviderStatus(
            port=provider.port,
            is_mock=provider.is_mock,
            is_available=provider.is_available,
            banks_away=[ID(bank) for bank in provider.banks_away],
        )
        for provider in status.providers
    ]
    return ServiceStatus(mode=status.mode, is_bankid_mock=status.is_bankid_mock, providers=providers, now=status.now)
