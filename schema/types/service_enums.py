"""The enums about the gateway itself."""

from domain.feature import Feature
from domain.service import PortName, ServiceMode
from schema.types.describe import describe

describe(
    Feature,
    "Feature",
    "What can be switched on.",
    {
        Feature.CARDHOLDERS: "Making users known to the card issuer.",
        Feature.VIRTUAL_CARDS: "Cards in the phone.",
        Feature.PHYSICAL_CARDS: "Cards sent by post.",
    },
)
describe(
    ServiceMode,
    "ServiceMode",
    "Whether the vendors are simulated.",
    {
        ServiceMode.MOCK: "The sandbox plays every vendor that no setting makes real.",
        ServiceMode.PRODUCTION: "Every vendor is real, but for those that a setting simulates.",
    },
)
describe(
    PortName,
    "Port",
    "What a vendor does for Drop. More may come.",
    {
        PortName.IDENTITY: "Signing users in with BankID.",
        PortName.KYC: "Verifying who a user is.",
        PortName.OPEN_BANKING: "Bank accounts, and payments from them.",
        PortName.CARD_PAYMENTS: "Payments by card, refunds and plans.",
        PortName.CARD_ISSUING: "The cards that Drop gives to users.",
        PortName.EMAIL: "Sending mail to users.",
        PortName.SMS: "Sending text messages to users.",
        PortName.STORAGE: "Keeping files and exports.",
        PortName.GEOCODING: "Finding addresses on the map.",
        PortName.ALERTS: "Telling operators what is wrong.",
        PortName.UPTIME: "Watching the gateway from outside.",
        PortName.ERRORS: "Collecting what went wrong unforeseen.",
    },
)
