"""The Python files of a deployment: that they parse, and which names they bind at the top."""

import ast
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from app.rules.manifest.findings import Findings

# The tree of a file takes some hundred times the memory of the file, so there has to be a limit.
MOST_SOURCE_BYTES = 1_048_576

_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Bindings:
    """The names that a module has after its import."""

    names: frozenset[str]
    is_complete: bool
    """Whether there are no others; after `from x import *` only running it could tell."""

    def may_have(self, name: str) -> bool:
        """Whether the module has the name, as far as its text tells."""
        return name in self.names or not self.is_complete


def read_bindings(
    files: Mapping[str, bytes], called: Collection[str], findings: Findings
) -> dict[str, Bindings]:
    """Parse every Python file but the tests, and return what the called ones bind.

    Tests are what lies below a folder `tests` or is named `test_*.py`; they may hold anything, since they
    are never run here, unless a trigger calls them. A file that does not parse is a mistake, and not in
    the result.
    """
    found = {}
    for path in sorted(files):
        if path.endswith(".py") and (path in called or not _is_test(path)):
            tree = _parse(path, files[path], findings)
            if tree and path in called:
                found[path] = _bindings_of(tree)
    return found


def _is_test(path: str) -> bool:
    *folders, name = path.split("/")
    return "tests" in folders or name.startswith("test_")


def _parse(path: str, source: bytes, findings: Findings) -> ast.Module | None:
    if len(source) > MOST_SOURCE_BYTES:
        findings.refuse(None, f"The file has more than {MOST_SOURCE_BYTES} bytes of Python.", file=path)
        return None
    try:
        # What the parser only warns of, such as "\d", is the author's affair.
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source, path)
    except SyntaxError as error:
        line = error.lineno if error.lineno and error.lineno > 0 else None
        findings.refuse(line, f"This is no valid Python: {error.msg}.", file=path)
    except (ValueError, LookupError) as error:
        # A NUL, or an encoding comment that leads nowhere.
        findings.refuse(None, f"This is no valid Python: {error}.", file=path)
    except (RecursionError, MemoryError):
        findings.refuse(None, "This is no valid Python: it is nested too deeply.", file=path)
    return None


def _bindings_of(tree: ast.Module) -> Bindings:
    names = frozenset(_bound_names(tree))
    return Bindings(names - {"*"}, is_complete="*" not in names)


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield what the module's own statements bind, whatever blocks they stand in, but no other scope's."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in node.names)
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.AnnAssign(value=None):
                pass  # `x: int` declares, and binds nothing.
            case _ if not isinstance(node, _SCOPES):
                pending.extend(ast.iter_child_nodes(node))
