"""The enums about the gateway itself."""

from domain.error_code import ErrorCode
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
describe(
    ErrorCode,
    "ErrorCode",
    "`extensions.code` of an error beside the data. Branch on this: more may come, and messages are for developers. "
    "`extensions.field` is the path of what was refused, in the request's variables or as arguments are named.",
    {
        ErrorCode.BAD_USER_INPUT: "The document, a variable or an argument cannot be taken.",
        ErrorCode.INVALID_CURSOR: "A cursor of another list or subscription, or none at all.",
        ErrorCode.NOT_FOUND: "There is no such object, or it is not the viewer's.",
        ErrorCode.DOCUMENT_NOT_FOUND: "No trusted document has this `documentId`: it was not pushed, or retired.",
        ErrorCode.DOCUMENT_NOT_TRUSTED: "Only trusted documents are answered, and this one was not pushed.",
        ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED: "Automatic persisted queries are off: send the document.",
        ErrorCode.QUERY_TOO_COMPLEX: "The document passes a limit: `extensions.limit` is it, and `extensions.asked` "
        "what is asked for at least.",
        ErrorCode.BODY_TOO_LARGE: "The request has more than 100 KiB.",
        ErrorCode.UNAUTHENTICATED: "Nobody is signed in, or the session has ended.",
        ErrorCode.STEP_UP_REQUIRED: "BankID must be answered again: open `/auth/bankid/login?step_up=true`.",
        ErrorCode.FORBIDDEN: "The request may not do this, whoever is signed in.",
        ErrorCode.PROVIDER_UNAVAILABLE: "The vendor of the port `extensions.provider` is away; try again.",
        ErrorCode.UNAVAILABLE: "The service itself is unavailable; send the same again in a few seconds, a mutation "
        "with its idempotency key.",
        ErrorCode.DEADLINE_EXCEEDED: "The operation took longer than it may. What a mutation has begun at a vendor "
        "goes on: read its object, or send it again with its idempotency key.",
        ErrorCode.RATE_LIMITED: "Asked for more often than anybody may; `extensions.retryAfter` are the seconds "
        "to wait.",
        ErrorCode.INTERNAL: "A fault of ours; operators find it by `extensions.reference`.",
    },
)
