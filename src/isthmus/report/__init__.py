"""One self-contained HTML page from blocks: no JavaScript, nothing fetched, light and dark, screen and paper.

    Page("Title", "What it says.", [Section("Data", [Text("…"), Table(…), charts.histogram(…)])]).write(path)

`charts` draws with matplotlib (the extra `plot`), which is imported when the first chart is drawn.
"""

from isthmus.report import charts
from isthmus.report.blocks import Block, Code, Figures, Note, Place, Section, Text
from isthmus.report.excerpts import Excerpts, Folded, spark
from isthmus.report.page import Page
from isthmus.report.pictures import Chart, Gallery, Images
from isthmus.report.table import Table

__all__ = [
    "Block",
    "Chart",
    "Code",
    "Excerpts",
    "Figures",
    "Folded",
    "Gallery",
    "Images",
    "Note",
    "Page",
    "Place",
    "Section",
    "Table",
    "Text",
    "charts",
    "spark",
]
