"""A mail as SendGrid takes it, built by its own package. Source: docs/vendors/sendgrid.md, Sending."""

from sendgrid.helpers.mail import (
    Category,
    ClickTracking,
    CustomArg,
    From,
    Mail,
    OpenTracking,
    Personalization,
    ReplyTo,
    To,
    TrackingSettings,
)

from providers.email.port import EmailMessage, Sender
from providers.texts import Texts


def body_of(message: EmailMessage, sender: Sender, texts: Texts, template: str | None) -> dict[str, object]:
    """The request's body. `template` is the id of the vendor's own template; without one the text is ours."""
    person = Personalization()
    person.add_to(To(message.to, message.to_name))
    # Only an opaque id: the vendor keeps these values long and does not treat them as personal data.
    person.add_custom_arg(CustomArg("notification_id", message.notification_id))
    author = From(sender.address, sender.name)
    if template is None:
        text = texts.render(message.template, message.locale, dict(message.data))
        mail = Mail(author, subject=text.subject, plain_text_content=text.body, html_content=texts.page(text))
    else:
        person.dynamic_template_data = {**message.data, "locale": message.locale}
        mail = Mail(author)
        mail.template_id = template
    if sender.reply_to is not None:
        mail.reply_to = ReplyTo(sender.reply_to)
    mail.add_personalization(person)
    mail.category = Category(message.template.value)
    # Tracking would lead the links in a mail, sign-in links too, through the vendor's server.
    mail.tracking_settings = TrackingSettings(ClickTracking(False), OpenTracking(False))
    return mail.get()
