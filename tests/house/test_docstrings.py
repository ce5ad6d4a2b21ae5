import pytest

from tests.house.docstrings import findings, undocumented


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class Bank:\n    pass", ["Bank"]),
        ('class Bank:\n    """Where a user has accounts."""', []),
        ('class BankAccount:\n    """A bank account."""', ["BankAccount"]),
        ('class BankAccounts:\n    """The bank\'s account. Its number is an IBAN."""', ["BankAccounts"]),
        ('class BankAccount:\n    """A bank account, as the bank reports it."""', []),
        ("class _Row:\n    pass", []),
        ("def read() -> None:\n    pass", []),
    ],
)
def test_a_public_class_says_more_than_its_name(source: str, names: list[str]) -> None:
    assert [name for _, name in undocumented(source)] == names


@pytest.mark.parametrize("base", ["Protocol", "Protocol[Port_co]", "Other, Protocol"])
def test_each_public_method_of_a_port_has_a_docstring(base: str) -> None:
    port = f"""
class Banks({base}):
    '''What Drop needs of a bank.'''
    def __call__(self) -> None: ...
    def _private(self) -> None: ...
    async def accounts(self) -> None: ...
    def list_banks(self) -> None:
        '''List banks.'''
    def close(self) -> None:
        '''End the connections; safe to repeat.'''
"""

    assert list(undocumented(port)) == [(6, "Banks.accounts"), (7, "Banks.list_banks")]


def test_a_method_of_an_adapter_has_the_docstring_of_its_port() -> None:
    adapter = '''
class MockBanks:
    """Asks the sandbox."""
    def accounts(self) -> None: ...
'''

    assert list(undocumented(adapter)) == []


def test_nothing_public_is_left_without_a_docstring() -> None:
    assert findings() == []
