"""What lies beside an object: each word names one thing that is read for the object, and so do loaders and pages."""

from enum import StrEnum


class Relation(StrEnum):
    """Of one object: another one, or a list. Of the viewer: a list in pages (`OWN_...`)."""

    KYC = "kyc"
    PLAN = "plan"
    PAYMENT = "payment"
    UPLOAD = "upload"
    ACCOUNT = "account"
    BANK = "bank"
    BANK_LINK = "bank_link"
    READS = "reads"
    BALANCES = "balances"
    BANK_LINK_ACCOUNTS = "bank_link_accounts"
    DISPUTES = "disputes"
    TRANSACTIONS = "transactions"
    LINE_PAYMENT = "line_payment"
    PAYMENT_LINES = "payment_lines"
    HISTORY = "payment_history"
    REFUNDS = "refunds"
    INVOICES = "plan_invoices"
    OWN_ACCOUNTS = "accounts"
    OWN_BANK_LINKS = "bank_links"
    OWN_PAYMENTS = "payments"
    OWN_UPLOADS = "uploads"
    OWN_CARDS = "cards"
    OWN_EXPORTS = "data_exports"
    OWN_SESSIONS = "sessions"
