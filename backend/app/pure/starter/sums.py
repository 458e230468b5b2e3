"""Work out the sums people ask for: numbers, + - * / ^ and brackets, exactly."""

from __future__ import annotations

import re
from fractions import Fraction

_SPOKEN = (
    (re.compile(r"(?i)(\d+(?:[.,]\d+)?) ?(?:%|percent|prozent) (?:of|von)\b"), r"\1 / 100 *"),
    (re.compile(r"(?i)\bplus\b"), "+"),
    (re.compile(r"(?i)\bminus\b"), "-"),
    (re.compile(r"(?i)\b(?:times|multiplied by|mal)\b"), "*"),
    (re.compile(r"(?i)\b(?:divided by|over|geteilt durch|durch)\b"), "/"),
    (re.compile(r"(?<=[\d)\s])[x×·](?=[\s\d(])"), "*"),
    (re.compile(r"[÷:]"), "/"),
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"\*\*"), "^"),
)
_ASKING = re.compile(
    r"(?i)^[\s,.:;!?]*(?:(?:hey|hi|ok|so|and|und|also|alisa|please|bitte|can you|could you|kannst du|mir|do you know"
    r"|weißt du|weisst du|what is|what's|whats|what are|how much is|calculate|compute|solve|work out|tell me"
    r"|was ist|was sind|was ergibt|was macht|wie ?viel ist|wie ?viel sind|wie ?viel gibt|rechne|berechne|aus)"
    r"\b[\s,:]*)*"
)
_TOKEN = re.compile(r"\s*(\d+(?:[.,]\d+)?|[-+*/^()])")
_SHAPE = re.compile(r"^[\d\s+\-*/^().,]+$")
_MAX_TOKENS = 60
_MAX_BITS = 400


class SumError(ArithmeticError):
    """It is a sum, but has no answer here. `why`: `zero` (division by zero) or `big` (beyond our patience)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def find(text: str) -> str | None:
    """The sum that `text` asks for ("what is 3 times 4?" -> "3 * 4"), or None if it asks for none."""
    if len(text) > 200:
        return None
    for pattern, sign in _SPOKEN:
        text = pattern.sub(sign, text)
    text = _ASKING.sub("", text).strip().rstrip("?=!. ").strip()
    if not _SHAPE.match(text) or not re.search(r"[\d)]\s*[-+*/^]\s*[-(\d]", text):
        return None
    return " ".join(text.split())


def work_out(text: str) -> Fraction:
    """The value of a sum as `find` returns it. Raises ValueError if it is malformed, SumError if it has no answer."""
    tokens: list[str] = []
    place = 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None or len(tokens) >= _MAX_TOKENS:
            raise ValueError("not a sum")
        tokens.append(match.group(1).replace(",", "."))
        place = match.end()
    reader = _Reader(tokens)
    value = reader.sum()
    if reader.next is not None:
        raise ValueError("not a sum")
    return value


def written(value: Fraction, decimal_comma: bool) -> str:
    """A value for people: whole, or rounded to six places and then marked with a ≈."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = round(value, 6)
    text = f"{float(rounded):.6f}".rstrip("0").rstrip(".")
    text = text if rounded == value else f"≈ {text}"
    return text.replace(".", ",") if decimal_comma else text


class _Reader:
    """Recursive descent over the tokens: sums of products of powers of signed values."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self) -> str:
        token = self.next
        if token is None:
            raise ValueError("the sum ends too early")
        self._place += 1
        return token

    def sum(self) -> Fraction:
        value = self.product()
        while self.next in ("+", "-"):
            value = value + self.product() if self._take() == "+" else value - self.product()
        return _bounded(value)

    def product(self) -> Fraction:
        value = self.power()
        while self.next in ("*", "/"):
            if self._take() == "*":
                value = _bounded(value * self.power())
            else:
                divisor = self.power()
                if divisor == 0:
                    raise SumError("zero")
                value = _bounded(value / divisor)
        return value

    def power(self) -> Fraction:
        if self.next == "-":
            self._take()
            return -self.power()
        base = self.value()
        if self.next != "^":
            return base
        self._take()
        exponent = self.power()
        if exponent.denominator != 1:
            raise ValueError("only whole exponents")
        if base == 0 and exponent < 0:
            raise SumError("zero")
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent.numerator) * size > _MAX_BITS:
            raise SumError("big")
        return Fraction(base**exponent.numerator)

    def value(self) -> Fraction:
        token = self._take()
        if token == "(":
            value = self.sum()
            if self._take() != ")":
                raise ValueError("a bracket is open")
            return value
        return Fraction(token)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise SumError("big")
    return value
