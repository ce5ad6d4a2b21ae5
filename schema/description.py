"""What a client reads first: where to begin, and what of the contract may change."""

from typing import Final

DESCRIPTION: Final = """\
Drop Gateway: payments from a user's own bank accounts and cards.

Where to begin: sign in at `/auth/bankid/login`, then ask for `viewer`, from which everything of the user is
reached. `startKyc` verifies who they are, `connectBank` ties a bank, and `initiatePayment` pays from one of its
accounts; each gives back a page that the user must open. `subscription { viewerEvents }` tells of every change
after that.

A mutation that a rule refuses answers with `userErrors`: branch on `code`, show `message`, mark the input at
`field`. Anything else that goes wrong is a top-level error whose `extensions.code` says what it is.

Ids are opaque. One that is unknown, of another user's, of another type's or no id at all is all the same: a query
gives null, a mutation NOT_FOUND with the `field`, a subscription ends with the error NOT_FOUND.

What people read comes in their language: the one chosen by `updateProfile`, else the best of `Accept-Language`
(over a WebSocket, `acceptLanguage` in `connection_init`, which goes before the header), else Norwegian;
`Content-Language` (over a WebSocket, `contentLanguage` in `connection_ack`) tells which. A socket or an event
stream keeps the language that it was opened in. People read a user error's `message` and a top-level error's
`extensions.userMessage`; for developers, in English, are `developerMessage` and a top-level error's `message`.

Objects have a `version` where they are pushed: keep the higher one of two, whichever came last.

What may change: fields, types, optional arguments and enum values are added at any time, so an unknown enum value
must have a default branch. Nothing is removed, renamed or made nullable but what has been `@deprecated` for at
least 180 days; the reason names what to use instead, and the day from which it may go, as `Use X. Goes after
2027-06-30.`"""
