"""What may follow in a line of ``%torc``, for the Tab key."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from click.shell_completion import CompletionItem, ShellComplete
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from torc_nb.commands import Session, tree
from torc_nb.magics.line import NAME, after_name


def install(shell: InteractiveShell) -> None:
    """Complete lines of ``%torc`` in a shell."""

    @context_matcher()  # type: ignore[untyped-decorator,unused-ignore]
    def torc_matcher(context: CompletionContext) -> SimpleMatcherResult:
        called = after_name(context.text_until_cursor)
        if called is None or not called[1]:
            return SimpleMatcherResult(completions=[], suppress=False)
        typed = _Typed(*called)
        found = [SimpleCompletion(text, type="torc") for text in typed.completions(Session(names=shell.user_ns))]
        return SimpleMatcherResult(
            completions=found or _Nothing(), suppress=True, ordered=True, matched_fragment=typed.fragment
        )

    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if getattr(one, "__name__", "") != torc_matcher.__name__]
    matchers.append(torc_matcher)


class _Nothing(list[SimpleCompletion]):
    """No completion, nor any of Python's: only a matcher that has some, by their number, silences the others."""

    def __len__(self) -> int:
        return 1


class _Typed:
    """What is typed up to the cursor.

    Attributes
    ----------
    fragment : str
        What a completion replaces: the last word, or what follows its ``=``.
    """

    def __init__(self, escape: str, rest: str) -> None:
        self._is_cell = escape == "%%"
        self._last = rest.rsplit(" ", maxsplit=1)[-1]
        self._before = rest.removesuffix(self._last)
        self.fragment = self._last.partition("=")[2] if re.match(r"--[\w-]+=", self._last) else self._last

    def completions(self, session: Session) -> Iterator[str]:
        """Return what may stand there, quoted where it has to be."""
        for item in self._items(session):
            yield item.value if re.fullmatch(r"[\w@%+=:,./\[\]-]+", item.value) else shlex.quote(item.value)

    def _items(self, session: Session) -> list[CompletionItem]:
        try:
            words = shlex.split(self._before)
            if self._is_cell and "map" in words:  # the function is the cell's
                words.insert(words.index("map") + 1, "function")
            return ShellComplete(tree, {"obj": session}, NAME, "").get_completions(words, self._last)
        except Exception:  # whoever presses Tab has not asked for an error
            return []
        finally:
            session.close()
