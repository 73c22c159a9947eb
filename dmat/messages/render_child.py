"""The child process that renders templates: sandboxed, and with limits that the sandbox alone does not give.

Belongs here: only what runs in the child; it is started as a file, isolated, and imports nothing of ours.
Stays out: starting and watching it (`dmat/messages/rendering.py`, `dmat/messages/child.py`).
Jinja2's sandbox stops templates from reaching Python, but neither endless loops nor huge strings: so the process has
a limit of memory and writes no files, each job a limit of processor time and of output.

Three jobs, a JSON line each. `parts`: render whole templates. `split`: cut a source into text that is the same for
everybody and slots that are not. `fill`: render only the slots of one source for many people: what lies between them
is left out, and everything else is done in its order, so that the slots say what they would say in the whole.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes, select_autoescape
from jinja2 import pass_context as with_context
from jinja2 import pass_eval_context as with_eval_context
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

LARGEST_POWER, LONGEST_REPEAT, MOST_KNOWN = 10_000, 100_000, 20_000
BETWEEN, LINK_BEGINS, LINK_ENDS = "\x00", "\x02", "\x03"
KEPT_FILTERS = (
    *("abs", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "groupby"),
    *("int", "join", "last", "length", "link", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace"),
    *("reverse", "round", "select", "selectattr", "slice", "sort", "string", "striptags", "sum", "title", "trim"),
    *("truncate", "unique", "upper", "urlencode", "wordcount"),
)
FORBIDDEN: tuple[type[nodes.Node], ...] = (
    nodes.Extends, nodes.Block, nodes.Include, nodes.Import, nodes.FromImport, nodes.ScopedEvalContextModifier,
    nodes.EvalContextModifier,
)  # fmt: skip
SILENT = (nodes.Assign, nodes.AssignBlock, nodes.Macro)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
KNOWN_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)  # mistakes in expressions


class LimitReachedError(Exception):
    """A job took too long or wrote too much."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox that also refuses huge powers and repetitions."""

    intercepted_binops = frozenset({"**", "*"})
    tracking: dict[str, Any] = {}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would take for ever inside one operation, where no timer can reach it."""
        sizes = [len(value) if isinstance(value, (str, list, tuple)) else value for value in (left, right)]
        if operator == "**" and any(abs(size) > LARGEST_POWER for size in sizes):
            raise SecurityError("the power is too large")
        has_sequence = any(isinstance(value, (str, list, tuple)) for value in (left, right))
        if operator == "*" and has_sequence and sizes[0] * sizes[1] > LONGEST_REPEAT:
            raise SecurityError("the repetition is too long")
        return super().call_binop(context, operator, left, right)


def build_environment(templates: dict[str, str]) -> Sandbox:
    """The environment: HTML is escaped, an unknown name is an error, templates come from memory only."""
    environment = Sandbox(
        loader=DictLoader(templates),
        autoescape=select_autoescape(enabled_extensions=("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=200,
    )
    environment.globals = {"range": environment.globals["range"], "in_segment": in_segment}
    environment.filters = {name: environment.filters[name] for name in KEPT_FILTERS if name != "link"} | {"link": link}
    return environment


class Json(str):
    """Text that is JSON already."""


def to_json(value: Any) -> Json:
    """The filter `tojson`: a whole value of JSON, a text with its quotation marks."""
    return Json(json.dumps(value, ensure_ascii=False))


def in_json(value: Any) -> Any:
    """A value as it stands in JSON: a text without quotation marks but escaped, all else as JSON writes it."""
    if isinstance(value, (Json, StrictUndefined)):
        return value
    return to_json(str(value))[1:-1] if isinstance(value, str) else to_json(value)


def build_json_environment() -> Sandbox:
    """The environment of templates that are JSON: whatever a value holds, it cannot leave its place."""
    environment = build_environment({})
    environment.finalize = in_json
    environment.filters["tojson"] = to_json
    return environment


@with_context
def in_segment(context: Any, key: str) -> bool:
    """Whether the person was in a segment when the audience was frozen."""
    return str(key) in context.resolve("segments")


@with_eval_context
def link(evaluation: Any, address: Any) -> str:
    """An address with the parameters of the rule; marked, when clicks are to lead over our own door."""
    raw = address.unescape() if isinstance(address, Markup) else str(address)
    tracking = evaluation.environment.tracking
    known = tracking["known"]
    found = known.get(raw)
    if found is None:
        found = tracked(raw.strip(), tracking)
        if len(known) < MOST_KNOWN:
            known[raw] = found
    if tracking.get("wraps") and found.startswith(("http://", "https://")):
        found = f"{LINK_BEGINS}{found}{LINK_ENDS}"
    return Markup.escape(found) if evaluation.autoescape else found


def tracked(address: str, tracking: dict[str, Any]) -> str:
    """An address on a domain of the workspace's own with the parameters added that it does not carry already."""
    added = tracking.get("parameters")
    if not added:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not any(
        host == domain or host.endswith(f".{domain}") for domain in tracking.get("domains", ())
    ):
        return address
    carried = parse_qsl(parts.query, keep_blank_values=True)
    names = {name for name, _ in carried}
    new = urlencode([(name, value) for name, value in added.items() if name not in names])
    query = "&".join(text for text in (parts.query, new) if text)
    return urlunsplit(parts._replace(query=query))


def render(environment: Sandbox, name: str, values: dict[str, Any], largest: int) -> str:
    """Render one template, stopping when it has written more than `largest` characters."""
    return write(environment.get_template(name), values, largest)


def write(template: Template, values: dict[str, Any], largest: int) -> str:
    """Render a template, stopping when it has written more than `largest` characters."""
    written: list[str] = []
    size = 0
    for part in template.generate(values):
        size += len(part)
        if size > largest:
            raise LimitReachedError(f"the text is longer than {largest} characters")
        written.append(part)
    return "".join(written)


class Split:
    """One source, cut: `pieces` are ["text", text], ["name", variable], ["link", address] or ["slot"].

    Attributes:
        names: the values that the slots need.
        variables: every name that the source does not define itself.
        segments: keys that `in_segment` is asked about.
    """

    def __init__(self, environment: Sandbox, job: dict[str, Any]) -> None:
        self.environment = environment
        self.escapes = bool(job["escapes"])
        self.statics: dict[str, Any] = job["statics"]
        self.tracking: dict[str, Any] = {**job["tracking"], "known": {}}
        self.largest = 500_000
        tree = self._parse(job["source"])
        if not job.get("is_trusted"):
            refuse_unsafe(tree)
        self.variables = find_undeclared_variables(tree) - set(environment.globals)
        self.segments = sorted(set(segments_asked(tree)))
        if self.segments:
            self.variables.add("segments")
        self._stored = set(stored_for_later(tree.body))
        self._body: list[nodes.Node] = []
        self.pieces: list[list[str]] = []
        for node in [nodes.Scope(tree.body, lineno=1)] if job.get("is_whole") else top_level(tree):
            self._take(node, job.get("is_whole") or tree.find(nodes.Include) is not None)
        self.names = ["*"] if tree.find(nodes.Include) else sorted(self._names_of(self._body))
        self._template = self._compile(self._body)

    def _parse(self, source: str) -> nodes.Template:
        return self._prepared().parse(source)

    def _prepared(self) -> Sandbox:
        self.environment.autoescape = self.escapes
        self.environment.tracking = self.tracking
        return self.environment

    def _take(self, node: nodes.Node, is_slot: bool) -> None:
        if is_slot:
            self.pieces.append(["slot", ""])
            self._body += [nodes.TemplateData(BETWEEN), node]
        elif isinstance(node, nodes.TemplateData):
            self._add_text(node.data)
        elif isinstance(node, SILENT):
            self._body.append(node)
        elif isinstance(node, nodes.Name) and self._is_plain(node.name):
            self.pieces.append(["name", node.name])
        elif (address := self._constant_link(node)) is not None:
            self.pieces.append(["link", address])
        elif self._is_same_for_all(node):
            self._add_text(write(self._compile([node]), self.statics, self.largest))
        else:
            self._take(node, True)

    def _is_plain(self, name: str) -> bool:
        return name not in self._stored and name not in self.statics and name not in self.environment.globals

    def _constant_link(self, node: nodes.Node) -> str | None:
        """The address of a link that is the same for everybody but must be signed for each."""
        if not (self.tracking.get("wraps") and isinstance(node, nodes.FilterBlock) and self._is_same_for_all(node)):
            return None
        found = write(self._compile([node]), self.statics, self.largest)
        plain = Markup(found).unescape() if self.escapes else found
        is_marked = plain.startswith(LINK_BEGINS) and plain.endswith(LINK_ENDS)
        return plain[1:-1] if is_marked else None

    def _is_same_for_all(self, node: nodes.Node) -> bool:
        return self._names_of([node]) <= set(self.statics) and not self._stored & names_loaded(node)

    def _add_text(self, text: str) -> None:
        if self.pieces and self.pieces[-1][0] == "text":
            self.pieces[-1][1] += text
        elif text:
            self.pieces.append(["text", text])

    def _names_of(self, body: list[nodes.Node]) -> set[str]:
        tree = nodes.Template(list(wrapped(body)), lineno=1)
        tree.set_environment(self.environment)
        found = set(find_undeclared_variables(tree)) - set(self.environment.globals)
        return found | ({"segments"} if any(segments_asked(tree)) else set())

    def _compile(self, body: list[nodes.Node]) -> Template:
        environment = self._prepared()
        tree = nodes.Template(list(wrapped(body)), lineno=1)
        tree.set_environment(environment)
        code = environment.compile(tree)
        template: Template = Template.from_code(environment, code, environment.globals)
        return template

    def fill(self, values: dict[str, Any], largest: int) -> list[str]:
        """What the slots say for one person, in order."""
        self._prepared()
        texts = write(self._template, {**values, **self.statics}, largest).split(BETWEEN)[1:]
        if len(texts) != sum(1 for piece in self.pieces if piece[0] == "slot"):
            raise SecurityError("a value holds a sign that no text has")
        return texts

    def described(self) -> dict[str, Any]:
        """What the parent must know."""
        return {
            "pieces": self.pieces, "names": self.names, "variables": sorted(self.variables), "segments": self.segments
        }  # fmt: skip


def top_level(tree: nodes.Template) -> Iterator[nodes.Node]:
    """The nodes of a template one after the other, those that print cut into what they print."""
    for node in tree.body:
        if isinstance(node, nodes.Output):
            yield from node.nodes
        else:
            yield node


def stored_for_later(body: list[nodes.Node]) -> Iterator[str]:
    """Names that nodes set for those after them: only `if` lets a name out."""
    for node in body:
        if isinstance(node, nodes.Macro):
            yield node.name
        elif isinstance(node, (nodes.Assign, nodes.AssignBlock)):
            yield from (name.name for name in [node.target, *node.target.find_all(nodes.Name)]
                        if isinstance(name, (nodes.Name, nodes.NSRef)))  # fmt: skip
        elif isinstance(node, nodes.If):
            yield from stored_for_later([*node.body, *node.elif_, *node.else_])


def wrapped(body: list[nodes.Node]) -> Iterator[nodes.Node]:
    """Nodes as a template's body has them: expressions are printed."""
    for node in body:
        yield nodes.Output([node], lineno=node.lineno or 1) if isinstance(node, nodes.Expr) else node


def names_loaded(node: nodes.Node) -> set[str]:
    """Every name in a node."""
    found = {name.name for name in node.find_all(nodes.Name)}
    return found | ({node.name} if isinstance(node, nodes.Name) else set())


def segments_asked(tree: nodes.Node) -> Iterator[str]:
    """The keys of `in_segment("...")`."""
    calls = [tree] if isinstance(tree, nodes.Call) else []
    for call in [*calls, *tree.find_all(nodes.Call)]:
        if isinstance(call.node, nodes.Name) and call.node.name == "in_segment":
            key = call.args[0] if len(call.args) == 1 else None
            if not isinstance(key, nodes.Const) or not isinstance(key.value, str):
                raise TemplateSyntaxError('in_segment needs the key of one segment: in_segment("vip")', call.lineno)
            yield key.value


def refuse_unsafe(tree: nodes.Template) -> None:
    """Refuse what no message needs: other files, blocks to inherit, names of Python's own, control characters."""
    for node in tree.find_all(nodes.Node):
        name = getattr(node, "attr", None) if isinstance(node, nodes.Getattr) else getattr(node, "name", None)
        text = node.value if isinstance(node, nodes.Const) else getattr(node, "data", "")
        if isinstance(node, FORBIDDEN):
            word = type(node).__name__.lower().replace("scopedevalcontextmodifier", "autoescape")
            raise TemplateSyntaxError(f"{word} is not allowed here", node.lineno)
        if isinstance(node, nodes.FilterBlock) and node.filter.name != "link":
            raise TemplateSyntaxError("filter as a block is not allowed", node.lineno)
        if isinstance(name, str) and name.startswith("_") and name != "_":
            raise TemplateSyntaxError(f"{name} is not allowed: no name begins with _", node.lineno)
        if isinstance(text, str) and (_CONTROL.search(text) or ("__" in text and isinstance(node, nodes.Const))):
            raise TemplateSyntaxError("there are signs in a text that no message has", node.lineno)


class Desk:
    """Answers jobs; keeps the sources that were split, by their number."""

    def __init__(self, start: dict[str, Any]) -> None:
        self.limits: dict[str, Any] = start["limits"]
        self.environment = build_environment(start["templates"])
        self.of_sources = build_environment(start["templates"])
        self.of_json = build_json_environment()
        self.splits: dict[str, Split] = {}

    def answer(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do one job, or say what is wrong with it."""
        if "fill" in job:
            split = self.splits[job["fill"]]
            return {"filled": [self._fill(split, each) for each in job["values"]]}
        if "split" in job:
            return dict(self._limited(lambda: self._split(job)))
        return dict(self._limited(lambda: {"parts": self._parts(job)}))

    def _fill(self, split: Split, values: dict[str, Any]) -> Any:
        return self._limited(lambda: split.fill(values, self.limits["characters"]))

    def _parts(self, job: dict[str, Any]) -> dict[str, str]:
        largest = self.limits["characters"]
        return {part: render(self.environment, name, job["values"], largest) for part, name in job["parts"].items()}

    def _split(self, job: dict[str, Any]) -> dict[str, Any]:
        environment = self.of_json if job.get("is_json") else self.of_sources
        found = self.splits[job["split"]] = Split(environment, job)
        return found.described()

    def _limited(self, work: Callable[[], Any]) -> Any:
        signal.setitimer(signal.ITIMER_PROF, self.limits["seconds"])
        try:
            return work()
        except TemplateSyntaxError as error:
            return {"error": f"{error.message}"[:500], "line": error.lineno}
        except (TemplateError, LimitReachedError, MemoryError, RecursionError, *KNOWN_ERRORS) as error:
            return {"error": f"{type(error).__name__}: {error}"[:500]}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _too_slow(_signal: int, _frame: Any) -> None:
    raise LimitReachedError("it takes too long")


def main() -> None:
    """Read the limits and templates, then jobs, one JSON line each; answer each with one line."""
    start = json.loads(sys.stdin.readline())
    limits = start["limits"]
    resource.setrlimit(resource.RLIMIT_AS, (limits["bytes"], limits["bytes"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_slow)
    desk = Desk(start)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(desk.answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
