"""Repository ids: the recipe itself, in the letters and digits that the Hub's clients allow.

    t       = <stream version> base62(<body of the recipe's token>)
    repo id = stepzero/<t>                         if t has at most 96 characters
            | sz-<t[:90]>/<t[90:]>                 if it has at most 186
            | stepzero/long, at the revision <recipe>   if that, with its mark, is a file name
            | stepzero/<alias>                     see `app.hub.aliases`

The stream version is a letter, `a` for 1.  Base62 has a fixed number of characters for each number
of bytes, so zeros at the beginning are kept.
"""

from __future__ import annotations

import base64
import re
import string

from app.hub.aliases import spec_of_alias
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.recipe import decode_recipe

OWNER, LONG = "stepzero", "long"
MAX_PART_CHARS = 96  # of a name in the clients' grammar
MARK_CHARS = 12  # of the hash behind a recipe that is a commit
MAX_COMMIT_CHARS = 255  # clients name a folder by it

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_SPLIT = "sz-"
_HEAD_CHARS = 90
_TOKEN = re.compile(r"[a-z][0-9A-Za-z]+")


def repo_id_of(recipe: str) -> str | None:
    """Return the id of a recipe's repository; None if the recipe is too long for one."""
    version, _, body = recipe.partition(".")
    packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    token = chr(ord("a") + int(version) - 1) + _base62(packed)
    if len(token) <= MAX_PART_CHARS:
        return f"{OWNER}/{token}"
    if len(token) <= _HEAD_CHARS + MAX_PART_CHARS:
        return f"{_SPLIT}{token[:_HEAD_CHARS]}/{token[_HEAD_CHARS:]}"
    if len(recipe) + 1 + MARK_CHARS <= MAX_COMMIT_CHARS:
        return f"{OWNER}/{LONG}"
    return None


def is_long(repo_id: str) -> bool:
    """Whether the recipe of a repository is the revision."""
    return repo_id == f"{OWNER}/{LONG}"


def spec_of(repo_id: str, revision: str) -> Spec | None:
    """Return the recipe of a repository; None if the id has none of the forms above.

    Raises:
        InvalidRecipe, OutdatedRecipe: it has one, but is no recipe of this stream version.
        InvalidSpec: it is the alias of a network that does not exist.
    """
    namespace, _, name = repo_id.partition("/")
    if max(len(namespace), len(name)) > MAX_PART_CHARS:  # a number of so many digits takes long
        return None
    if is_long(repo_id):
        return decode_recipe(recipe_of_commit(revision))
    if namespace == OWNER and (aliased := spec_of_alias(name)):
        return aliased
    token = name if namespace == OWNER else _joined(namespace, name)
    if token is None or not _TOKEN.fullmatch(token):
        return None
    recipe = _recipe_of(token)
    spec = decode_recipe(recipe)
    return spec if repo_id_of(recipe) == repo_id else None


def recipe_of_commit(revision: str) -> str:
    """Return the recipe in a revision of `stepzero/long`, with or without a mark."""
    recipe, _, mark = revision.rpartition(".")
    return recipe if "." in recipe and len(mark) == MARK_CHARS else revision


def _joined(namespace: str, name: str) -> str | None:
    head = namespace.removeprefix(_SPLIT)
    return head + name if head != namespace and len(head) == _HEAD_CHARS else None


def _recipe_of(token: str) -> str:
    version = ord(token[0]) - ord("a") + 1
    body = base64.urlsafe_b64encode(_unbase62(token[1:])).rstrip(b"=").decode()
    return f"{version}.{body}"


def _base62(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), list[str]()
    for _ in range(_chars_for(len(data))):
        number, value = divmod(number, 62)
        digits.append(_DIGITS[value])
    return "".join(reversed(digits))


def _unbase62(text: str) -> bytes:
    """Return the bytes; those of a text that `_base62` does not write have another text."""
    size: int = (62 ** len(text)).bit_length() // 8
    if 256**size > 62 ** len(text):
        size -= 1
    number, limit = 0, 1 << 8 * size
    for digit in text:
        number = number * 62 + _VALUES[digit]
    return (number % limit).to_bytes(size, "big")


def _chars_for(size: int) -> int:
    """Return the number of base62 digits for so many bytes."""
    chars = size * 8 * 10_000 // 59_543  # log2(62) is slightly above 5.9541
    while 62**chars < 256**size:
        chars += 1
    return chars
