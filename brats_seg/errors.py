"""The exceptions that mean "the user can fix this": shown as a single line, never as a traceback."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Text of a foreign file or name without what a terminal would obey, or take for a new line.

    >>> printable("a\\x1b[31m\\nb\\udce9")
    'a\\\\x1b[31m\\\\nb\\\\xe9'
    """
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def plain_id(text: str) -> str:
    """A case id as it is shown, written and compared: printable, and the same in every form of Unicode."""
    return printable(unicodedata.normalize("NFC", text))


def one_line(error: object) -> str:
    """What an error says, in one line; its kind where it says nothing.

    >>> one_line(ValueError("no\\n  such file"))
    'no such file'
    """
    return " ".join(str(error).split()) or type(error).__name__


def _escaped(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


class UserError(Exception):
    """A mistake in data, configuration or environment, with a message that names the fix."""


class WrongValue(UserError):
    """A configuration value that its key does not accept: the command line is wrong, not the data."""


class FileError(UserError):
    """A file that cannot be used.

    Args:
        file: Its path.
        expected: What a usable file holds.
        found: What this file holds.
    """

    def __init__(self, file: object, expected: str, found: str) -> None:
        self.file, self.expected, self.found = file, expected, found
        super().__init__(file, expected, found)

    def __str__(self) -> str:
        return printable(f"{self.file}: expected {self.expected}, found {self.found}")


class CaseError(UserError):
    """A case that cannot be used.

    Args:
        case_id: Which case.
        file: Which file of it, where one is to blame.
        expected: What a usable case has.
        found: What this one has.
    """

    def __init__(self, case_id: str, *, expected: str, found: str, file: object = None) -> None:
        self.case_id = case_id
        self.reason = f"expected {expected}, found {found}"
        if file:
            self.reason = f"{file}: {self.reason}"
        self.reason = printable(self.reason)
        super().__init__(case_id, expected, found, file)

    def __str__(self) -> str:
        return f"case {printable(self.case_id)}: {self.reason}"

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments need help to cross a process boundary.
        case_id, expected, found, file = self.args
        return _rebuild, (case_id, expected, found, file)


def _rebuild(case_id: str, expected: str, found: str, file: object) -> CaseError:
    return CaseError(case_id, expected=expected, found=found, file=file)
