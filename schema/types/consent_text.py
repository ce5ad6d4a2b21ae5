import strawberry
from strawberry import Info

from domain.text import Text
from schema.texts import sentence
from schema.types.context import HasLocale


@strawberry.type(description="What a consent lets Drop read at a bank, and what Drop uses it for.")
class ConsentText:
    version: int = strawberry.field(description="Another wording is another version.")

    @strawberry.field(description="What to show to the person who is asked, in their language.")
    def text(self, info: Info[HasLocale, None]) -> str:
        return sentence(Text("consent", str(self.version)), info.context.locale)
