"""What a test does not wait for: limits that it meets by being faster than people or on a busy machine, and a form."""

from typing import Final

ROOMY: Final = {
    f"limit_{name}": 100_000
    for name in ("sign_ins", "token_exchanges", "bad_signatures", "operator_guesses", "operations")
} | {
    "limit_mutations": 100_000,
    "limit_money_mutations": 100_000,
    "limit_sms_an_hour": 1_000,
    "limit_sms_a_day": 1_000,
    "limit_sessions": 100_000,
    "limit_exports_a_day": 1_000,
    "limit_sockets": 100_000,
    "limit_sockets_per_address": 100_000,
    "limit_messages": 1_000,
    "operation_deadline_s": 55,
    "sandbox_kyc_by_itself": 1,
}
# The same for a process.
ROOMY_ENVIRONMENT: Final = {name.upper(): str(value) for name, value in ROOMY.items()}
