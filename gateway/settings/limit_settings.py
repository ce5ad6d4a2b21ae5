"""How much each client may ask for."""

from typing import Annotated

from pydantic import BaseModel, Field

Times = Annotated[int, Field(ge=1)]


class LimitSettings(BaseModel):
    """Counted over all processes by Redis where there is one, and in each by itself while it is away."""

    limit_sign_ins: Times = Field(default=20, description="Sign-ins that an address (IPv6: a /64) begins a minute.")
    limit_token_exchanges: Times = Field(default=60, description="Calls of /auth/token by an address a minute.")
    limit_bad_signatures: Times = Field(
        default=60, description="Webhooks a minute by an address whose signature is wrong; good ones always pass."
    )
    limit_operator_guesses: Times = Field(
        default=10,
        description="Wrong operators' tokens a minute by an address, which is then refused whatever it sends.",
    )
    limit_operations: Times = Field(
        default=600, description="GraphQL operations a minute by a session (signed out: an address), in each process."
    )
    limit_mutations: Times = Field(default=60, description="Mutations of a user a minute, each field counted.")
    limit_money_mutations: Times = Field(default=20, description="Of those, mutations that move money.")
    limit_sockets: Times = Field(default=10, description="WebSockets of a user at once.")
    limit_sockets_per_address: Times = Field(
        default=50, description="WebSockets of an address at once on which nobody is signed in, in each process."
    )
    limit_subscriptions: Times = Field(
        default=50, description="Operations at once on a WebSocket, and event streams of a user in each process."
    )
    limit_messages: Times = Field(default=20, description="Messages a second that are read from a WebSocket.")
    limit_sessions: Times = Field(
        default=20, description="Sign-ins of a user at once; a further one ends the one that was used longest ago."
    )
    limit_stored_mib: Times = Field(default=500, description="MiB of files that a user keeps, or has begun to upload.")
    limit_exports_a_day: Times = Field(default=3, description="Data exports of a user in 24 hours, one at a time.")
    limit_sms_an_hour: Times = Field(default=5, description="SMS to a number in an hour, whoever causes them.")
    limit_sms_a_day: Times = Field(default=10, description="SMS of a user in 24 hours.")
    limit_codes_an_hour: Times = Field(
        default=5, description="Codes that a user is sent in an hour to confirm an e-mail or a phone number."
    )
    limit_bodies: Times = Field(default=500, description="Requests of a process whose bodies are on their way at once.")
    limit_bodies_per_address: Times = Field(default=50, description="Of those, requests of an address.")
