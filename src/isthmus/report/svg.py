"""SVG that may stand inside a page: matplotlib's output made small and themable, anyone's output checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from xml.etree import ElementTree  # noqa: S405  it parses only what matplotlib wrote a moment before

from isthmus.errors import InputError

# No title and desc: browsers read HTML inside them, and the page writes its own.
SHAPES = frozenset("svg g defs clipPath path rect circle ellipse line polyline polygon text tspan use".split())
_LOWER = frozenset(map(str.lower, SHAPES))
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|@import", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")
_COMMAND = re.compile(r"\s*([A-Za-z])\s*")
_NAMED = re.compile(r"(?<=#)[\w-]+")


class _Guard(HTMLParser):
    """Reads a drawing as a browser would and notes what has no business in one."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is no shape, and attributes that run or fetch something."""
        if tag not in _LOWER:
            self.odd.append(f"<{tag}>")
        self.odd += [f"{name}={value!r}" for name, value in attrs if _acts(name, value or "")]


def _acts(name: str, value: str) -> bool:
    """Whether an attribute runs a script or reaches outside the drawing."""
    reaches = name.endswith("href") and not value.startswith("#")
    return name.startswith("on") or reaches or bool(_OUTSIDE.search(value))


def checked(name: str, drawing: str) -> str:
    """The drawing, if it is one `<svg>` of shapes and text that runs nothing and fetches nothing.

    Raises:
        InputError: It is not.

    Example:
        >>> checked("svg", '<svg viewBox="0 0 1 1"><script>1</script></svg>')
        Traceback (most recent call last):
            ...
        isthmus.errors.InputError: svg holds <script>: a drawing is one <svg> of shapes and text. Remove it.
    """
    if not re.match(r"<svg[\s>]", drawing) or not drawing.endswith("</svg>") or drawing.count("<svg") > 1:
        came, allowed = f"{name}={drawing[:40]!r}", "a drawing is one element, from <svg to </svg>"
        raise InputError(came, allowed, "cut what stands before and after it")
    guard = _Guard()
    guard.odd += re.findall(r"<[!?]\S{0,9}", drawing)
    guard.feed(drawing)
    guard.close()
    if guard.odd:
        raise InputError(f"{name} holds {guard.odd[0]}", "a drawing is one <svg> of shapes and text", "remove it")
    return drawing


def tidy(drawn: str, themed: Mapping[str, str]) -> str:
    """Make matplotlib's SVG fit for a page: a tenth of a unit is precise enough, and colours follow the page.

    Args:
        drawn: A whole SVG file of matplotlib's, its text kept as text.
        themed: Colour as drawn ("#1f78c8") -> colour as CSS ("var(--series-1)").

    Returns:
        One `<svg>` element without prolog, metadata, style sheet, namespace, fonts or size; ids are "1", "2", ....
    """
    root = ElementTree.fromstring(drawn)  # noqa: S314  matplotlib's own
    used = _references(root)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = dict(_attributes(element.attrib, used, themed))
    _prune(root)
    _hoist(root)
    root.attrib = {"viewBox": root.attrib["viewBox"], "stroke-linejoin": "round"}
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _references(root: ElementTree.Element) -> dict[str, str]:
    """Every id that something in the drawing refers to, and its short name."""
    values = (value for element in root.iter() for value in element.attrib.values() if "#" in value)
    names = dict.fromkeys(name for value in values for name in _NAMED.findall(value))
    ids = {element.attrib.get("id") for element in root.iter()}
    return {name: str(number) for number, name in enumerate((name for name in names if name in ids), 1)}


def _attributes(
    attributes: Mapping[str, str], used: Mapping[str, str], themed: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """An element's attributes, without what the page says better."""
    for name, value in attributes.items():
        local = name.rpartition("}")[2]
        if local == "style":
            yield local, _style(value, themed)
        elif local == "id":
            if value in used:
                yield local, used[value]
        elif local == "href" or "url(#" in value:
            yield local, _NAMED.sub(lambda found: used.get(found[0], found[0]), value)
        elif not (local == "transform" and value.startswith("rotate(-0 ")):
            rounded = _DECIMAL.sub(lambda found: f"{round(float(found[0]), 1) or 0:g}", value)
            yield local, _COMMAND.sub(r"\1", rounded) if local == "d" else rounded


def _style(style: str, themed: Mapping[str, str]) -> str:
    """One style attribute with themed colours and without matplotlib's list of fonts."""
    pairs = [part.split(":", 1) for part in style.split(";") if ":" in part]
    kept = {name.strip(): value.strip() for name, value in pairs if name.strip() != "font-family"}
    return ";".join(f"{name}:{themed.get(value, value)}" for name, value in kept.items())


def _prune(element: ElementTree.Element) -> None:
    """Drop what draws nothing, and put the children of bare groups in their place."""
    kept: list[ElementTree.Element] = []
    for child in element:
        _prune(child)
        bare, empty = not child.attrib, not len(child)
        if child.tag == "g" and bare:
            kept += list(child)
        elif child.tag in SHAPES and not (empty and child.tag in ("g", "defs") or _unseen(child)):
            kept.append(child)
    element[:] = kept
    element.tail = None
    if element.tag not in ("text", "tspan"):
        element.text = None


def _unseen(element: ElementTree.Element) -> bool:
    """Whether a shape has neither filling nor outline, as transparent backgrounds have."""
    return element.tag == "path" and element.attrib.get("style") == "fill:none"


def _hoist(element: ElementTree.Element) -> None:
    """Say a style once on the group when all its children share it: a thousand points, one colour.

    Plain `opacity` stays, because a group's is that of its union.
    """
    for child in element:
        _hoist(child)
    styles = {child.attrib.get("style", "") for child in element}
    style = styles.pop() if len(styles) == 1 else ""
    if element.tag == "g" and style and "style" not in element.attrib and not re.search(r"(^|;)opacity", style):
        element.attrib["style"] = style
        for child in element:
            del child.attrib["style"]
