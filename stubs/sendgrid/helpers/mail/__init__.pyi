"""Types of what `providers/email/sendgrid_mail.py` uses: the package brings none."""

class Email:
    def __init__(self, email: str, name: str | None = None) -> None: ...

class From(Email): ...
class To(Email): ...

class Category:
    def __init__(self, name: str) -> None: ...

class ClickTracking:
    def __init__(self, enable: bool) -> None: ...

class OpenTracking:
    def __init__(self, enable: bool) -> None: ...

class TrackingSettings:
    def __init__(self, click_tracking: ClickTracking, open_tracking: OpenTracking) -> None: ...

class CustomArg:
    def __init__(self, key: str, value: str) -> None: ...

class Personalization:
    dynamic_template_data: dict[str, str]
    def add_to(self, email: To) -> None: ...
    def add_custom_arg(self, custom_arg: CustomArg) -> None: ...

class ReplyTo:
    def __init__(self, email: str) -> None: ...

class Mail:
    subject: str
    reply_to: ReplyTo
    template_id: str
    category: Category
    tracking_settings: TrackingSettings
    def __init__(
        self,
        from_email: From,
        *,
        subject: str | None = None,
        plain_text_content: str | None = None,
        html_content: str | None = None,
    ) -> None: ...
    def add_personalization(self, personalization: Personalization) -> None: ...
    def get(self) -> dict[str, object]: ...
